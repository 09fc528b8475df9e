//! The arguments as they are typed.

mod attribute_field;
mod compose;
mod decider;
mod new;
mod replay;
mod serve;

pub(crate) use attribute_field::AttributeField;
pub(crate) use compose::{Component, Compose, Fixed};
pub(crate) use decider::Decider;
pub(crate) use new::{Language, New};
pub(crate) use replay::Replay;
pub(crate) use serve::{Form, Listen, Serve, endpoint};

use crate::exit;
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use rest_client_host::{
    AtCap, ConfigError, HttpVersion, TlsVersion, Wasi,
    config::{Layers, duration},
};
use serde::Serialize;
use std::{
    net::SocketAddr,
    num::{NonZeroU64, NonZeroUsize},
    path::{Path, PathBuf},
    str::FromStr,
    sync::OnceLock,
    time::Duration,
};

/// Bytes that a configuration can state.
const LARGEST_SIZE: u64 = i64::MAX as u64;

/// Ask REST services questions, in a sandbox and before a deadline.
#[derive(Debug, Parser)]
#[command(
    name = "rest-client",
    version,
    after_help = exit::TABLE,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Log progress to standard error; given twice, also log what the libraries do
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Send a GET request
    #[command(after_help = exit::TABLE)]
    Get(Get),
    /// Send data with POST
    #[command(after_help = exit::TABLE)]
    Post(WithData),
    /// Send data with PUT
    #[command(after_help = exit::TABLE)]
    Put(WithData),
    /// Send a request with any method: PATCH, DELETE, HEAD, …
    #[command(after_help = exit::TABLE)]
    Request(AnyMethod),
    /// Make many calls, and print how long they took
    #[command(after_help = exit::TABLE)]
    Load(Load),
    /// Run a plugin that is a command (wasi:cli); it may reach the services of the
    /// configuration, and the servers that its egress rules allow
    #[command(after_help = exit::TABLE)]
    Run(Run),
    /// Let a routing plugin decide about one request, read as JSON from standard input, and
    /// print the decision as JSON
    #[command(after_help = exit::TABLE)]
    Route(Route),
    /// Replay recorded decisions (--record) with the same or another version of the plugin,
    /// without a network, and list those that differ
    #[command(after_help = exit::TABLE)]
    Replay(Replay),
    /// Serve a plugin that decides for a proxy, or that answers HTTP itself, until SIGTERM;
    /// SIGHUP reloads the plugin and the configuration
    #[command(after_help = exit::TABLE)]
    Serve(Box<Serve>),
    /// Create a directory with a working plugin to start from
    New(New),
    /// Combine a plugin and this program's component into one, for a host that has wasi:http
    /// but not rest:client
    Compose(Compose),
    /// Write this program's component to a file, to embed it or to compose it with other tools
    Component(Component),
    /// Show or check a configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Play the scenarios of the original's manual against a service on loopback
    Demo,
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page, in roff
    Man,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print the effective configuration as TOML, with the source of each value
    Show(Box<Sources>),
    /// Check a configuration; print nothing if the program could start with it
    Check {
        /// The file
        #[arg(required_unless_present = "modparams")]
        file: Option<PathBuf>,

        /// An OpenSIPS script with modparam("rest_client", …) lines
        #[arg(long, value_name = "FILE")]
        modparams: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Get {
    /// An absolute URL, http or https
    url: String,

    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct WithData {
    /// An absolute URL, http or https
    url: String,

    /// The body: the text itself, @FILE, or @- for standard input; empty if left out
    #[arg(short, long, value_name = "DATA", default_value = "")]
    data: String,

    /// What the body is [default: application/x-www-form-urlencoded]
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,

    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct AnyMethod {
    /// The method, sent as it is written
    method: String,

    /// An absolute URL, http or https
    url: String,

    /// A body: the text itself, @FILE, or @- for standard input
    #[arg(short, long, value_name = "DATA")]
    data: Option<String>,

    /// What the body is [default: application/x-www-form-urlencoded]
    #[arg(long, value_name = "TYPE", requires = "data")]
    content_type: Option<String>,

    #[command(flatten)]
    common: Common,
}

/// Calls that are all the same. Here `-c` is what it is in other programs that
/// make load.
#[derive(Debug, Args)]
#[command(mut_arg("config", |config| config.short(None)))]
pub(crate) struct Load {
    /// An absolute URL, http or https
    pub(crate) url: String,

    /// Calls to make
    #[arg(short = 'n', long, value_name = "COUNT", default_value = "1000", value_parser = count::<NonZeroU64>)]
    pub(crate) requests: NonZeroU64,

    /// Calls to make at a time
    #[arg(short, long, value_name = "COUNT", default_value = "10", value_parser = count::<NonZeroUsize>)]
    pub(crate) concurrency: NonZeroUsize,

    /// Instances to share the calls between
    #[arg(short, long, value_name = "COUNT", default_value = "1", value_parser = count::<NonZeroUsize>)]
    pub(crate) workers: NonZeroUsize,

    /// The method, if not GET, or POST with data
    #[arg(short = 'X', long)]
    pub(crate) method: Option<String>,

    #[command(flatten)]
    pub(crate) fields: Fields,

    /// A body: the text itself, @FILE, or @- for standard input
    #[arg(short, long, value_name = "DATA")]
    pub(crate) data: Option<String>,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) sources: Sources,
}

/// The plugin gets clocks, random numbers and this program's standard streams. It gets no
/// files, no sockets, and only the environment variables that are given with --env.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Give the plugin an environment variable, with this value or with its value in this
    /// program's environment; may be repeated
    #[arg(long, value_name = "NAME[=VALUE]")]
    pub(crate) env: Vec<String>,

    /// Limit of the plugin's own memory, in MiB [default: 256]
    #[arg(long, value_name = "MIB", value_parser = count::<NonZeroUsize>)]
    pub(crate) max_memory: Option<NonZeroUsize>,

    /// What the plugin is called in the configuration [default: the name of its file]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,

    /// Where compiled plugins are kept [default: rest-client in the user's cache]
    #[arg(long, value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) sources: Sources,

    /// The component, a .wasm file
    pub(crate) plugin: PathBuf,

    /// Arguments of the plugin
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "ARGS"
    )]
    pub(crate) arguments: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Route {
    /// Print each question of the plugin on standard error, with service, result and time
    #[arg(long)]
    pub(crate) explain: bool,

    #[command(flatten)]
    pub(crate) decider: Decider,
}

/// What every request can be told.
#[derive(Debug, Args)]
pub(crate) struct Common {
    #[command(flatten)]
    pub(crate) fields: Fields,

    /// Print the head of the reply before its body
    #[arg(short, long, conflicts_with = "json")]
    pub(crate) include: bool,

    /// Write to FILE, once the reply is complete
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Print one JSON object: code, status, headers, timings, body or error. Values that
    /// are not UTF-8 are in base64: "body_base64", and {"base64": …} for a header field
    #[arg(long)]
    pub(crate) json: bool,

    /// Follow up to COUNT redirects; without this flag, follow none
    #[arg(short = 'L', long, value_name = "COUNT", num_args = 0..=1, require_equals = true, default_missing_value = "10", default_value = "0", hide_default_value = true, value_parser = whole)]
    pub(crate) max_redirects: u32,

    /// Treat a status of 400 or above as a failure: print no body, exit with code 22
    #[arg(short, long)]
    pub(crate) fail: bool,

    #[command(flatten)]
    pub(crate) sources: Sources,
}

/// Header fields, those that hold secrets among them. Arguments can be seen by
/// every user of the machine.
#[derive(Debug, Args)]
pub(crate) struct Fields {
    /// Send a header field, or the header fields in @FILE, one a line (@- reads standard
    /// input); may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub(crate) headers: Vec<String>,

    /// User and password for Basic authentication; without a password, the terminal
    /// prompts for it
    #[arg(
        short,
        long,
        value_name = "USER[:PASSWORD]",
        conflicts_with = "netrc_file"
    )]
    pub(crate) user: Option<String>,

    /// Read the user and the password for the host from FILE, in curl's netrc format
    #[arg(long, value_name = "FILE")]
    pub(crate) netrc_file: Option<PathBuf>,
}

/// Where parameters come from.
#[derive(Debug, Args)]
pub(crate) struct Sources {
    /// Read parameters from a TOML file
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Read parameters from the modparam("rest_client", …) lines of an OpenSIPS script
    #[arg(long, value_name = "FILE")]
    pub(crate) modparams: Option<PathBuf>,

    #[command(flatten)]
    parameters: Parameters,

    /// The first file that can't be read again, and all that was read.
    #[arg(skip)]
    read_once: OnceLock<Box<(PathBuf, Layers)>>,
}

/// The parameters as flags, which come before those of files.
#[derive(Debug, Args)]
#[command(next_help_heading = "Parameters")]
struct Parameters {
    /// Time limit until the connection is usable: waiting at the cap, DNS, TCP and TLS
    /// [default: 20s]
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    connection_timeout: Option<Duration>,

    /// Limit of the whole call, connecting included [default: 20s]
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    transfer_timeout: Option<Duration>,

    /// Asynchronous transfers that one instance may have in flight [default: 100]
    #[arg(long, value_name = "COUNT", visible_alias = "cap", value_parser = whole)]
    max_async_transfers: Option<u32>,

    /// What a call beyond --max-async-transfers does: block, wait or reject [default: block]
    #[arg(long, value_name = "WHAT")]
    at_cap: Option<AtCap>,

    /// Verify the chain of the server's certificate [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    ssl_verifypeer: Option<bool>,

    /// Verify that the certificate is for the host asked [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    ssl_verifyhost: Option<bool>,

    /// Also trust the certificates in this PEM file, or in this directory of PEM files
    #[arg(long, value_name = "PATH")]
    ssl_capath: Option<PathBuf>,

    /// Limit of a reply's body, 0 for none [default: 10485760]
    #[arg(long, value_name = "BYTES", value_parser = size)]
    max_transfer_size: Option<u64>,

    /// Limit of the number of header fields of a reply [default: 100]
    #[arg(long, value_name = "COUNT", value_parser = whole)]
    max_header_fields: Option<u32>,

    /// Limit of the size of a reply's head; each field counts 32 bytes extra [default: 65536]
    #[arg(long, value_name = "BYTES", value_parser = whole)]
    max_header_size: Option<u32>,

    /// HTTP version: auto, 1.0, 1.1, 2, 2-tls or 2-prior-knowledge [default: auto]
    #[arg(long, value_name = "VERSION")]
    http_version: Option<HttpVersion>,

    /// Wait for 100 Continue before a body over 1024 bytes [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    enable_expect_100: Option<bool>,

    /// Let only one instance at a time connect to a server [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    no_concurrent_connects: Option<bool>,

    /// Let an instance ignore --no-concurrent-connects while its newest connection to the
    /// server is younger than this [default: 0]
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    conn_lifetime: Option<Duration>,

    /// Accepted and ignored: nothing is polled
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    connect_poll_interval: Option<Duration>,

    /// Trust the certificates of --ssl-capath in place of the system's [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    ca_only: Option<bool>,

    /// Lowest version of TLS: 1.2 or 1.3 [default: 1.2]
    #[arg(long, value_name = "VERSION")]
    tls_min_version: Option<TlsVersion>,

    /// How long an idle connection is kept; 0 keeps none [default: 50s]
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    idle_timeout: Option<Duration>,

    /// Idle connections that an instance keeps [default: 1024]
    #[arg(long, value_name = "COUNT", value_parser = whole)]
    max_idle_connections: Option<u32>,

    /// Idle connections that all instances keep together [default: half of ulimit -n]
    #[arg(long, value_name = "COUNT", value_parser = whole)]
    max_total_idle_connections: Option<u32>,

    /// Let all instances use each other's connections [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    share_connections: Option<bool>,

    /// Ask these name servers in place of the system's
    #[arg(long, value_name = "ADDR:PORT", value_delimiter = ',', value_parser = name_server)]
    dns_servers: Option<Vec<SocketAddr>>,

    /// Use the proxies of HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    proxy_from_env: Option<bool>,
}

impl Sources {
    /// The parameters of all sources: the file, then the script, then the flags.
    ///
    /// They are read anew each time, unless a file can be read once only: of a pipe, nothing
    /// would be left.
    pub(crate) fn layers(&self) -> Result<Layers, ConfigError> {
        if let Some(read) = self.read_once.get() {
            return Ok(read.1.clone());
        }
        let mut layers = Layers::default();
        if let Some(path) = &self.config {
            layers.read_toml(path)?;
        }
        if let Some(path) = &self.modparams {
            layers.read_modparams(path)?;
        }
        self.parameters.add_to(&mut layers)?;
        // Whether it is a pipe or the like.
        let is_gone = |file: &&PathBuf| file.metadata().is_ok_and(|it| !it.is_file());
        let mut files = [&self.config, &self.modparams].into_iter().flatten();
        if let Some(file) = files.find(is_gone) {
            let _ = self.read_once.set(Box::new((file.clone(), layers.clone())));
        }
        Ok(layers)
    }

    /// The file because of which nothing is read anew.
    pub(crate) fn file_read_once(&self) -> Option<&Path> {
        self.read_once.get().map(|read| &*read.0)
    }
}

impl Parameters {
    fn add_to(&self, layers: &mut Layers) -> Result<(), ConfigError> {
        // Every parameter is named: one that is added is not forgotten here.
        let Self {
            connection_timeout,
            transfer_timeout,
            max_async_transfers,
            at_cap,
            ssl_verifypeer,
            ssl_verifyhost,
            ssl_capath,
            max_transfer_size,
            max_header_fields,
            max_header_size,
            http_version,
            enable_expect_100,
            no_concurrent_connects,
            conn_lifetime,
            connect_poll_interval,
            ca_only,
            tls_min_version,
            idle_timeout,
            max_idle_connections,
            max_total_idle_connections,
            share_connections,
            dns_servers,
            proxy_from_env,
        } = self;
        let time = |time: &Option<Duration>| time.map(duration::format);
        set(layers, "connection-timeout", &time(connection_timeout))?;
        set(layers, "transfer-timeout", &time(transfer_timeout))?;
        set(layers, "max-async-transfers", max_async_transfers)?;
        set(layers, "at-cap", at_cap)?;
        set(layers, "ssl-verifypeer", ssl_verifypeer)?;
        set(layers, "ssl-verifyhost", ssl_verifyhost)?;
        set(layers, "ssl-capath", ssl_capath)?;
        set(layers, "max-transfer-size", max_transfer_size)?;
        set(layers, "max-header-fields", max_header_fields)?;
        set(layers, "max-header-size", max_header_size)?;
        set(layers, "http-version", http_version)?;
        set(layers, "enable-expect-100", enable_expect_100)?;
        set(layers, "no-concurrent-connects", no_concurrent_connects)?;
        set(layers, "conn-lifetime", &time(conn_lifetime))?;
        set(
            layers,
            "connect-poll-interval",
            &time(connect_poll_interval),
        )?;
        set(layers, "ca-only", ca_only)?;
        set(layers, "tls-min-version", tls_min_version)?;
        set(layers, "idle-timeout", &time(idle_timeout))?;
        set(layers, "max-idle-connections", max_idle_connections)?;
        set(
            layers,
            "max-total-idle-connections",
            max_total_idle_connections,
        )?;
        set(layers, "share-connections", share_connections)?;
        set(layers, "dns-servers", dns_servers)?;
        set(layers, "proxy-from-env", proxy_from_env)
    }
}

/// Sets the parameter that the flag of its name states, if it does.
fn set(layers: &mut Layers, key: &str, value: &Option<impl Serialize>) -> Result<(), ConfigError> {
    match value {
        Some(value) => layers.set(key, value, &format!("--{key}")),
        None => Ok(()),
    }
}

/// One request, whichever command it was typed as.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) data: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) common: Common,
}

impl From<Get> for Call {
    fn from(Get { url, common }: Get) -> Self {
        Self {
            method: "GET".into(),
            url,
            data: None,
            content_type: None,
            common,
        }
    }
}

impl WithData {
    pub(crate) fn into_call(self, method: &str) -> Call {
        Call {
            method: method.into(),
            url: self.url,
            data: Some(self.data),
            content_type: self.content_type,
            common: self.common,
        }
    }
}

impl From<AnyMethod> for Call {
    fn from(request: AnyMethod) -> Self {
        Self {
            method: request.method,
            url: request.url,
            data: request.data,
            content_type: request.content_type,
            common: request.common,
        }
    }
}

/// A generation of WASI.
fn wasi(version: &str) -> Result<Wasi, &'static str> {
    match version {
        "0.2" => Ok(Wasi::P2),
        "0.3" => Ok(Wasi::P3),
        _ => Err("it is 0.2 or 0.3"),
    }
}

/// A number that may be 0.
fn whole(text: &str) -> Result<u32, String> {
    text.parse()
        .map_err(|_| format!("what is needed is a whole number from 0 to {}", u32::MAX))
}

/// Bytes of a body.
fn size(text: &str) -> Result<u64, String> {
    let size = text.parse().ok().filter(|it| *it <= LARGEST_SIZE);
    size.ok_or_else(|| {
        format!("what is needed is a whole number of bytes, from 0 to {LARGEST_SIZE}")
    })
}

/// Where a name server is.
fn name_server(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(
        |_| "what is needed is an address with its port, like 192.0.2.53:53 or [2001:db8::53]:53",
    )
}

/// How many, at least one.
fn count<T: FromStr>(text: &str) -> Result<T, &'static str> {
    text.parse()
        .map_err(|_| "what is needed is a whole number, 1 or more")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }
}
