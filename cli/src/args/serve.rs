//! Serving decisions to a proxy.

use super::{AttributeField, Decider};
use clap::{Args, ValueEnum, value_parser};
use http::{HeaderName, Uri};
use ipnet::IpNet;
use rest_client_host::config::duration;
use std::{net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Where to listen: ADDR:PORT, unix:PATH, or systemd for socket activation
    #[arg(long, value_name = "WHERE")]
    pub(crate) listen: Listen,

    /// Permissions of the unix:PATH socket, in octal as for chmod: 660 admits the owner and
    /// the group [default: 600, the owner only]
    #[arg(long, value_name = "MODE", value_parser = mode)]
    pub(crate) listen_mode: Option<u32>,

    /// How requests reach the plugin: json (POST /v1/route/NAME, with JSON or message/sip),
    /// forward authentication of nginx, caddy, traefik or envoy, or http, where the plugin
    /// answers itself (wasi:http) [default: json or http, whichever the plugin exports]
    #[arg(long, value_name = "FORM")]
    pub(crate) form: Option<Form>,

    /// Networks from which proxies may connect; others get 403 [default: this machine]
    #[arg(long, value_name = "CIDR", value_delimiter = ',', value_parser = network)]
    pub(crate) trusted_peers: Option<Vec<IpNet>>,

    /// Networks of the proxies in front of the connecting proxy: the client is the last
    /// address in x-forwarded-for that is in none of them
    #[arg(long, value_name = "CIDR", value_delimiter = ',', value_parser = network)]
    pub(crate) trusted_proxies: Vec<IpNet>,

    /// Fields that the proxy is configured to copy from the reply into the request; a
    /// decision that sets another field fails
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) carry: Vec<HeaderName>,

    /// Give the plugin the attribute NAME, with the value that the proxy sends in FIELD, as
    /// in user=x-original-user. Each request must have FIELD exactly once; an empty FIELD
    /// gives no attribute. nginx has to send the value in quotes
    #[arg(long = "attribute", value_name = "NAME=FIELD", value_delimiter = ',')]
    pub(crate) attributes: Vec<AttributeField>,

    /// The prefix that Envoy adds to the path (path_prefix)
    #[arg(long, value_name = "PATH", default_value = "")]
    pub(crate) path_prefix: String,

    /// Check the plugin's file every second, and reload as for SIGHUP when it has changed
    #[arg(long)]
    pub(crate) watch: bool,

    /// Append a line of JSON to FILE for each decision; SIGHUP reopens it
    #[arg(long, value_name = "FILE")]
    pub(crate) access_log: Option<PathBuf>,

    /// Where to serve /healthz, /readyz and /metrics (Prometheus) [default: nowhere]
    #[arg(long, value_name = "WHERE")]
    pub(crate) admin: Option<Listen>,

    /// Send spans to this OpenTelemetry collector (OTLP over HTTP; give the full URL, with
    /// /v1/traces) [default: OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or
    /// OTEL_EXPORTER_OTLP_ENDPOINT, or none]
    #[arg(long, value_name = "URL", value_parser = endpoint)]
    pub(crate) otlp_endpoint: Option<Uri>,

    /// How long to wait at SIGTERM for requests in progress
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration::parse)]
    pub(crate) drain_timeout: Duration,

    /// Limit of simultaneous connections
    #[arg(long, value_name = "COUNT", default_value = "1024", value_parser = value_parser!(u32).range(1..))]
    pub(crate) max_connections: u32,

    #[command(flatten)]
    pub(crate) decider: Decider,
}

/// Addresses. Those of IPv4 are never in the form of IPv6 where they are looked for.
fn network(text: &str) -> Result<IpNet, &'static str> {
    let right = "what is needed is a network, as in 10.0.0.0/8 or fd00::/8";
    let network: IpNet = text.parse().map_err(|_| right)?;
    if network.prefix_len() >= 96 && network.addr().to_canonical() != network.addr() {
        return Err("it is a network of IPv4 in the form of IPv6; write it as one of IPv4");
    }
    Ok(network)
}

/// The mode of a file.
fn mode(text: &str) -> Result<u32, &'static str> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        _ => Err("a mode is three octal digits: 660, or 666"),
    }
}

/// The address of a collector. It may hold a secret, and is in no error.
pub(crate) fn endpoint(text: &str) -> Result<Uri, &'static str> {
    let right = "what is needed is a URL, as in http://127.0.0.1:4318/v1/traces, without a user";
    let uri: Uri = text.parse().map_err(|_| right)?;
    let authority = uri.authority().ok_or(right)?;
    match uri.scheme_str() {
        Some("http" | "https") if !authority.as_str().contains('@') => Ok(uri),
        _ => Err(right),
    }
}

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Listen {
    Tcp(SocketAddr),
    Unix(PathBuf),
    Systemd,
}

impl FromStr for Listen {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "systemd" {
            return Ok(Self::Systemd);
        }
        match text.strip_prefix("unix:") {
            Some("") => Err("unix: is followed by a path"),
            Some(path) => Ok(Self::Unix(path.into())),
            None => text.parse().map(Self::Tcp).map_err(
                |_| "what is needed is ADDR:PORT, as in 127.0.0.1:8080, unix:PATH, or systemd",
            ),
        }
    }
}

/// How a plugin is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    Http,
    Json,
    Nginx,
    Caddy,
    Traefik,
    Envoy,
}
