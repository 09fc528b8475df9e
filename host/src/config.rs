//! The parameters of a host, typed and checked.
//!
//! [`Config`] knows nothing of the sources it is read from: [`toml`] files, the
//! original's [`modparam`] lines, flags. Each adds to [`layers`].

pub mod client_domain;
pub mod duration;
pub mod layers;
pub mod modparam;
pub mod toml;

use client_domain::ClientDomain;
use serde::{Deserialize, Serialize};
use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

/// Beyond any use, and within what clocks can add up.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(365 * 24 * 3600);

/// The parameters of the original's `rest_client` module, and a few of ours.
///
/// ```
/// use rest_client_host::Config;
/// use std::time::Duration;
///
/// let config = Config {
///     connection_timeout: Duration::from_secs(2),
///     transfer_timeout: Duration::from_secs(5),
///     ..Config::default()
/// };
/// assert_eq!(config.max_async_transfers, 100);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// From the start of a call until there is a usable connection: name
    /// resolution, TCP and TLS together. Default 20 s. Not 0. Where it is above
    /// `transfer_timeout`, it is lowered to it.
    #[serde(with = "duration")]
    pub connection_timeout: Duration,
    /// From the start of a call to the last byte of the reply's body,
    /// connecting included. Default 20 s. Not 0.
    #[serde(with = "duration")]
    pub transfer_timeout: Duration,
    /// Simultaneous asynchronous transfers of one instance. Default 100; 0 runs
    /// each in a blocking manner.
    pub max_async_transfers: u32,
    /// What a call does that finds `max_async_transfers` in flight. Default
    /// [`AtCap::Block`], as in the original; the others are ours.
    pub at_cap: AtCap,
    /// Whether the chain of a server's certificate is verified. Default true.
    pub ssl_verifypeer: bool,
    /// Whether a server's certificate must be for the host that was asked.
    /// Default true. Independent of `ssl_verifypeer`, as in libcurl.
    pub ssl_verifyhost: bool,
    /// A PEM file, or a directory of such files, with certificates that are
    /// trusted beside the system's own. Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssl_capath: Option<PathBuf>,
    /// Bytes of a reply's body; one more stops the transfer. Default 10 MiB; 0
    /// is no limit.
    pub max_transfer_size: u64,
    /// How HTTP is spoken. Default [`HttpVersion::Auto`].
    pub http_version: HttpVersion,
    /// Whether a request body of more than 1024 bytes waits for `100 Continue`,
    /// 1 s at most (RFC 9110, section 10.1.1). Default false.
    pub enable_expect_100: bool,
    /// Whether at most one instance of a host connects to the same server at a
    /// time; another one fails at once. Default false.
    pub no_concurrent_connects: bool,
    /// How long an instance that has a connection to a server may open further
    /// ones without regard to `no_concurrent_connects`. Default 0, which is
    /// never.
    #[serde(with = "duration")]
    pub conn_lifetime: Duration,
    /// Accepted and ignored with one notice: connecting is asynchronous here,
    /// so that nothing is polled.
    #[serde(with = "duration::optional", skip_serializing_if = "Option::is_none")]
    pub connect_poll_interval: Option<Duration>,
    /// Whether the certificates of `ssl_capath` are trusted in place of the
    /// system's own rather than beside them. Default false. Ours, not the
    /// original's, as are those that follow.
    pub ca_only: bool,
    /// How long a connection is kept without use. Default 50 s, which is less
    /// than common servers keep theirs (nginx: 75 s), so that it is mostly we who
    /// close; 0 keeps none.
    #[serde(with = "duration")]
    pub idle_timeout: Duration,
    /// Whether all instances of a host use each other's connections. Default
    /// false: no tenant's request then ever travels on a connection that was
    /// opened with another one's credentials.
    pub share_connections: bool,
    /// Name servers to ask instead of those of `/etc/resolv.conf`. Default
    /// empty. `/etc/hosts` is consulted either way.
    pub dns_servers: Vec<SocketAddr>,
    /// Whether requests go through the proxies that the variables `HTTP_PROXY`,
    /// `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` name, in upper or lower case, as
    /// they are when the host is made. Default false: the environment of a proxy
    /// is seldom meant for its scripts.
    pub proxy_from_env: bool,
    /// Servers to which TLS shows a certificate, or which it trusts in another
    /// way. Default empty.
    pub client_domains: Vec<ClientDomain>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            connection_timeout: Duration::from_secs(20),
            transfer_timeout: Duration::from_secs(20),
            max_async_transfers: 100,
            at_cap: AtCap::Block,
            ssl_verifypeer: true,
            ssl_verifyhost: true,
            ssl_capath: None,
            max_transfer_size: 10 * 1024 * 1024,
            http_version: HttpVersion::Auto,
            enable_expect_100: false,
            no_concurrent_connects: false,
            conn_lifetime: Duration::ZERO,
            connect_poll_interval: None,
            ca_only: false,
            idle_timeout: Duration::from_secs(50),
            share_connections: false,
            dns_servers: Vec::new(),
            proxy_from_env: false,
            client_domains: Vec::new(),
        }
    }
}

impl Config {
    /// The keys of all parameters, in the order in which they are shown.
    pub const KEYS: [&str; 19] = [
        "connection-timeout",
        "transfer-timeout",
        "max-async-transfers",
        "at-cap",
        "ssl-verifypeer",
        "ssl-verifyhost",
        "ssl-capath",
        "max-transfer-size",
        "http-version",
        "enable-expect-100",
        "no-concurrent-connects",
        "conn-lifetime",
        "connect-poll-interval",
        "ca-only",
        "idle-timeout",
        "share-connections",
        "dns-servers",
        "proxy-from-env",
        "client-domains",
    ];

    /// Checks what no single parameter shows, and brings the parameters into
    /// the form in which they are enforced. What is changed or dangerous is
    /// logged here, once.
    ///
    /// # Errors
    ///
    /// Parameters that no call could meet.
    pub(crate) fn effective(mut self) -> Result<Self, ConfigError> {
        for (name, timeout) in [
            ("connection-timeout", self.connection_timeout),
            ("transfer-timeout", self.transfer_timeout),
        ] {
            if timeout.is_zero() {
                return Err(ConfigError::new(format!(
                    "{name} is 0, which no call could meet; it is at least 1ms"
                )));
            }
            if timeout > LONGEST_TIMEOUT {
                return Err(ConfigError::new(format!(
                    "{name} is longer than a year, which is no timeout; it is at most 8760h"
                )));
            }
        }
        self.at_cap
            .allows(self.max_async_transfers)
            .map_err(ConfigError::new)?;
        if self.connection_timeout > self.transfer_timeout {
            // Both have the same default: lowering only that one is no surprise.
            if self.connection_timeout != Self::default().connection_timeout {
                tracing::warn!(
                    configured = ?self.connection_timeout,
                    effective = ?self.transfer_timeout,
                    "connection-timeout is above transfer-timeout, and lowered to it"
                );
            }
            self.connection_timeout = self.transfer_timeout;
        }
        if self.connect_poll_interval.is_some() {
            tracing::warn!(
                "connect-poll-interval is ignored: connecting is asynchronous, nothing is polled"
            );
        }
        warn_of_open_doors("all servers", self.ssl_verifypeer, self.ssl_verifyhost);
        for domain in &self.client_domains {
            warn_of_open_doors(
                &domain.servers.to_string(),
                domain.ssl_verifypeer.unwrap_or(true),
                domain.ssl_verifyhost.unwrap_or(true),
            );
        }
        Ok(self)
    }
}

/// Says loudly which checks are switched off for `servers`.
fn warn_of_open_doors(servers: &str, verify_peer: bool, verify_host: bool) {
    if !verify_peer {
        tracing::warn!(
            servers,
            "ssl-verifypeer is off: ANY certificate is accepted, anybody on the way can read and change what is sent over TLS"
        );
    }
    if !verify_host {
        tracing::warn!(
            servers,
            "ssl-verifyhost is off: a certificate for ANY host is accepted as the one that was asked"
        );
    }
}

/// What a call does that finds the cap of its instance reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AtCap {
    /// It runs in a blocking manner: its instance begins and ends no other call
    /// until it has ended. Other instances are not affected. Written `block`.
    #[default]
    Block,
    /// It waits for its turn, within its deadlines. Written `wait`.
    Wait,
    /// It fails at once, with an error of which
    /// [`is_at_cap`](crate::Error::is_at_cap) is true. Written `reject`.
    Reject,
}

impl AtCap {
    /// Whether calls could ever run under `cap`.
    pub(crate) fn allows(self, cap: u32) -> Result<(), String> {
        let word = match self {
            Self::Block => return Ok(()),
            Self::Wait => "wait",
            Self::Reject => "reject",
        };
        if cap > 0 {
            return Ok(());
        }
        Err(format!(
            "max-async-transfers is 0 and at-cap is {word}, so that no call could ever run; \
             with at-cap = \"block\" each would run in a blocking manner"
        ))
    }
}

impl FromStr for AtCap {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "block" => Ok(Self::Block),
            "wait" => Ok(Self::Wait),
            "reject" => Ok(Self::Reject),
            _ => Err(format!("{text:?} is not one of block, wait and reject")),
        }
    }
}

/// How HTTP is spoken: the six values of the original's `curl_http_version`, in
/// its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(try_from = "String", into = "&str")]
pub enum HttpVersion {
    /// HTTP/2 where a TLS server offers it, else HTTP/1.1. Written `auto`.
    #[default]
    Auto,
    /// HTTP/1.0, which keeps no connection. Written `1.0`.
    Http10,
    /// HTTP/1.1. Written `1.1`.
    Http11,
    /// HTTP/2 where the server offers it, else HTTP/1.1. Written `2`.
    Http2,
    /// HTTP/2 over TLS where the server offers it, and HTTP/1.1 without TLS.
    /// Written `2-tls`.
    Http2Tls,
    /// HTTP/2 without asking first, with TLS or without (RFC 9113, section
    /// 3.3). Written `2-prior-knowledge`.
    Http2PriorKnowledge,
}

impl HttpVersion {
    /// All values, in the order of the original's numbers 0 to 5.
    pub const ALL: [Self; 6] = [
        Self::Auto,
        Self::Http10,
        Self::Http11,
        Self::Http2,
        Self::Http2Tls,
        Self::Http2PriorKnowledge,
    ];

    /// As it is written in a configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Http10 => "1.0",
            Self::Http11 => "1.1",
            Self::Http2 => "2",
            Self::Http2Tls => "2-tls",
            Self::Http2PriorKnowledge => "2-prior-knowledge",
        }
    }
}

impl fmt::Display for HttpVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for HttpVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|version| version.as_str() == text)
            .ok_or_else(|| {
                format!(
                    "{text:?} is not a version of HTTP; one of {} is",
                    Self::ALL.map(Self::as_str).join(", ")
                )
            })
    }
}

impl TryFrom<String> for HttpVersion {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<HttpVersion> for &str {
    fn from(version: HttpVersion) -> Self {
        version.as_str()
    }
}

/// What is wrong with a configuration, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    message: String,
}

impl ConfigError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl ConfigError {
    /// The same, said of a part: `place` goes before it.
    pub(crate) fn of(self, place: &str) -> Self {
        Self::new(format!("{place}: {}", self.message))
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connecting_never_outlasts_the_transfer() {
        let config = Config {
            connection_timeout: Duration::from_secs(9),
            transfer_timeout: Duration::from_secs(3),
            ..Config::default()
        };
        let effective = config.effective().unwrap();
        assert_eq!(effective.connection_timeout, Duration::from_secs(3));
    }

    #[test]
    fn a_timeout_of_nothing_is_refused_by_its_name() {
        let error = Config {
            transfer_timeout: Duration::ZERO,
            ..Config::default()
        }
        .effective()
        .unwrap_err();
        assert!(error.to_string().starts_with("transfer-timeout is 0"));
    }

    #[test]
    fn a_timeout_beyond_all_clocks_is_refused() {
        let error = Config {
            transfer_timeout: Duration::MAX,
            ..Config::default()
        }
        .effective()
        .unwrap_err();
        assert!(error.to_string().contains("at most 8760h"), "{error}");
    }

    #[test]
    fn a_cap_under_which_nothing_could_run_is_refused() {
        for (at_cap, is_sound) in [
            (AtCap::Block, true),
            (AtCap::Wait, false),
            (AtCap::Reject, false),
        ] {
            let config = Config {
                max_async_transfers: 0,
                at_cap,
                ..Config::default()
            };
            assert_eq!(config.effective().is_ok(), is_sound, "{at_cap:?}");
        }
    }

    #[test]
    fn versions_are_written_as_they_are_read() {
        for version in HttpVersion::ALL {
            assert_eq!(version.to_string().parse(), Ok(version));
        }
        let error = "3".parse::<HttpVersion>().unwrap_err();
        assert!(error.contains("2-prior-knowledge"), "{error}");
    }
}
