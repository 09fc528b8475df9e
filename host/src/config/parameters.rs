//! The parameters of a host, typed and checked.

use super::{
    at_cap::AtCap, client_domain::ClientDomain, duration, egress::Egress, error::ConfigError,
    http_version::HttpVersion, plugin::PluginConfig, service::Service, tls_version::TlsVersion,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap, net::SocketAddr, ops::RangeInclusive, path::PathBuf, time::Duration,
};

/// What a TOML file can state; no reply is larger.
const LARGEST_SIZE: u64 = i64::MAX as u64;

/// Each field may take memory before it is read, so that there is an end to them.
const MAX_HEADER_FIELDS: RangeInclusive<u32> = 1..=10_000;

/// In bytes. A smaller head would be none of HTTP's; servers and proxies end far
/// below the larger.
const MAX_HEADER_SIZE: RangeInclusive<u32> = 1024..=16 * 1024 * 1024;

/// The parameters of the original's `rest_client` module, and a few of ours.
///
/// ```
/// use rest_client_host::Config;
/// use std::time::Duration;
///
/// let mut config = Config::default();
/// config.connection_timeout = Duration::from_secs(2);
/// config.transfer_timeout = Duration::from_secs(5);
/// assert_eq!(config.max_async_transfers, 100);
/// ```
///
/// Further parameters may come with any version.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Config {
    /// From the start of a call until the connection is usable: waiting at the cap, name
    /// resolution, TCP and TLS together. Default 20 s. Not 0. A value above
    /// `transfer_timeout` is lowered to it.
    #[serde(with = "duration")]
    pub connection_timeout: Duration,
    /// From the start of a call to the last byte of the reply's body,
    /// connecting included. Default 20 s. Not 0.
    #[serde(with = "duration")]
    pub transfer_timeout: Duration,
    /// Simultaneous asynchronous transfers of one instance. Default 100; 0 runs
    /// each in a blocking manner.
    pub max_async_transfers: u32,
    /// What a call does when `max_async_transfers` are already in flight. Default
    /// [`AtCap::Block`], as in the original, which has no other value.
    pub at_cap: AtCap,
    /// Whether the chain of a server's certificate is verified, up to a trusted
    /// certificate. A server's own certificate may be trusted, too. Default true.
    /// Revocation is not checked.
    pub ssl_verifypeer: bool,
    /// Whether a server's certificate must be for the host that was asked.
    /// Default true. Independent of `ssl_verifypeer`, as in libcurl.
    pub ssl_verifyhost: bool,
    /// A PEM file, or a directory of such files, with certificates that are
    /// trusted beside the system's own. Default none. Read anew when it changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssl_capath: Option<PathBuf>,
    /// Bytes of a reply's body; one more stops the transfer. Default 10 MiB; 0
    /// is no limit. At most `i64::MAX`.
    pub max_transfer_size: u64,
    /// Header fields of a reply; one more is an error. Default 100, at least 1,
    /// at most 10,000. Ours, as is the next.
    pub max_header_fields: u32,
    /// Bytes of a reply's head: of the names and the values of its fields, and 32
    /// for each, as HTTP/2 counts them (RFC 9113, section 6.5.2); one more is an
    /// error. Default 64 KiB, at least 1 KiB, at most 16 MiB.
    pub max_header_size: u32,
    /// How HTTP is spoken. Default [`HttpVersion::Auto`].
    pub http_version: HttpVersion,
    /// Whether a request body of more than 1024 bytes waits for `100 Continue`,
    /// 1 s at most (RFC 9110, section 10.1.1). Default false.
    pub enable_expect_100: bool,
    /// Whether at most one instance of a host connects to the same server at a
    /// time; another one fails at once. Default false.
    pub no_concurrent_connects: bool,
    /// An instance ignores `no_concurrent_connects` while its newest open connection to
    /// the server is younger than this. Default 0, which is never.
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
    /// The lowest version of TLS that is spoken. Default [`TlsVersion::Tls12`].
    pub tls_min_version: TlsVersion,
    /// How long a connection is kept without use. Default 50 s, which is less
    /// than common servers keep theirs (nginx: 75 s), so that it is mostly we who
    /// close; 0 keeps none.
    #[serde(with = "duration")]
    pub idle_timeout: Duration,
    /// Idle connections that an instance keeps; the least recently used are closed first.
    /// Default 1024, so that an instance with 1,000 calls at a time keeps all of its
    /// connections. At most half of `max_total_idle_connections`. If `share_connections`
    /// is set, this is instead the limit of all instances together.
    pub max_idle_connections: u32,
    /// Connections that all instances of a host keep without use, together.
    /// Default none, which is half of the files that the process may have open
    /// (`ulimit -n`) when the host is made: the other half is for those in use, and
    /// for the program around.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_total_idle_connections: Option<u32>,
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
    /// Servers with a client certificate or trust settings of their own. Default empty.
    pub client_domains: Vec<ClientDomain>,
    /// Services by their names. Default empty.
    pub services: BTreeMap<String, Service>,
    /// Which other servers requests may reach. By default, plugins may reach none of
    /// them, and all other callers may reach any.
    pub egress: Egress,
    /// Grants and limits of plugins, by their names. Default empty: each plugin may reach
    /// all services, and the servers that `egress` allows.
    pub plugins: BTreeMap<String, PluginConfig>,
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
            max_header_fields: 100,
            max_header_size: 64 * 1024,
            http_version: HttpVersion::Auto,
            enable_expect_100: false,
            no_concurrent_connects: false,
            conn_lifetime: Duration::ZERO,
            connect_poll_interval: None,
            ca_only: false,
            tls_min_version: TlsVersion::default(),
            idle_timeout: Duration::from_secs(50),
            max_idle_connections: 1024,
            max_total_idle_connections: None,
            share_connections: false,
            dns_servers: Vec::new(),
            proxy_from_env: false,
            client_domains: Vec::new(),
            services: BTreeMap::new(),
            egress: Egress::default(),
            plugins: BTreeMap::new(),
        }
    }
}

impl Config {
    /// The keys of all parameters, in the order in which they are shown.
    pub const KEYS: [&str; 27] = [
        "connection-timeout",
        "transfer-timeout",
        "max-async-transfers",
        "at-cap",
        "ssl-verifypeer",
        "ssl-verifyhost",
        "ssl-capath",
        "max-transfer-size",
        "max-header-fields",
        "max-header-size",
        "http-version",
        "enable-expect-100",
        "no-concurrent-connects",
        "conn-lifetime",
        "connect-poll-interval",
        "ca-only",
        "tls-min-version",
        "idle-timeout",
        "max-idle-connections",
        "max-total-idle-connections",
        "share-connections",
        "dns-servers",
        "proxy-from-env",
        "client-domains",
        "services",
        "egress",
        "plugins",
    ];

    /// Checks the parameters against each other, and returns them as they are enforced.
    ///
    /// # Errors
    ///
    /// A parameter, or a combination of parameters, with which no call could succeed.
    pub fn effective(mut self) -> Result<Self, ConfigError> {
        for (name, timeout) in [
            ("connection-timeout", self.connection_timeout),
            ("transfer-timeout", self.transfer_timeout),
        ] {
            if timeout.is_zero() {
                return Err(ConfigError::at(
                    name,
                    "is 0, which no call could meet; it is at least 1ms",
                ));
            }
            if timeout > duration::LONGEST {
                return Err(ConfigError::at(
                    name,
                    "is longer than a year, which is no timeout; it is at most 8760h",
                ));
            }
        }
        for (name, time) in [
            ("conn-lifetime", self.conn_lifetime),
            ("idle-timeout", self.idle_timeout),
        ] {
            if time > duration::LONGEST {
                return Err(ConfigError::at(
                    name,
                    "is longer than a year; it is at most 8760h",
                ));
            }
        }
        if self.max_transfer_size > LARGEST_SIZE {
            return Err(ConfigError::at(
                "max-transfer-size",
                &format!("is at most {LARGEST_SIZE} bytes; 0 is no limit"),
            ));
        }
        for (name, unit, value, range) in [
            (
                "max-header-fields",
                "",
                self.max_header_fields,
                MAX_HEADER_FIELDS,
            ),
            (
                "max-header-size",
                " bytes",
                self.max_header_size,
                MAX_HEADER_SIZE,
            ),
        ] {
            if !range.contains(&value) {
                let (least, most) = (range.start(), range.end());
                return Err(ConfigError::at(
                    name,
                    &format!("is {value}; it is at least {least}{unit} and at most {most}{unit}"),
                ));
            }
        }
        self.at_cap
            .allows(self.max_async_transfers)
            .map_err(|what| ConfigError::new(what).about("max-async-transfers"))?;
        if let Some(server) = self.dns_servers.iter().find(|it| it.port() == 0) {
            return Err(ConfigError::at(
                "dns-servers",
                &format!("has {server}, but port 0 can't be used; name servers use port 53"),
            ));
        }
        for (name, service) in &self.services {
            service.check(name)?;
        }
        for (name, plugin) in &self.plugins {
            plugin.check(name, self.services.keys())?;
        }
        self.connection_timeout = self.connection_timeout.min(self.transfer_timeout);
        Ok(self)
    }

    /// Logs, once, what of this is changed when it is enforced, and what is
    /// dangerous.
    pub(crate) fn warn(&self) {
        // Both have the same default: lowering only that one is no surprise, and
        // neither is lowering none at all.
        let is_chosen = ![Self::default().connection_timeout, duration::LONGEST]
            .contains(&self.connection_timeout);
        if self.connection_timeout > self.transfer_timeout && is_chosen {
            tracing::warn!(
                configured = ?self.connection_timeout,
                effective = ?self.transfer_timeout,
                "connection-timeout is above transfer-timeout, and lowered to it"
            );
        }
        if self.connect_poll_interval.is_some() {
            tracing::warn!(
                "connect-poll-interval is ignored: connecting is asynchronous, nothing is polled"
            );
        }
        self.warn_of_services();
        warn_of_open_doors("all servers", self.ssl_verifypeer, self.ssl_verifyhost);
        for domain in &self.client_domains {
            warn_of_open_doors(
                &domain.servers.to_string(),
                domain.ssl_verifypeer.unwrap_or(true),
                domain.ssl_verifyhost.unwrap_or(true),
            );
        }
    }

    /// Logs what of its services has no effect.
    pub(crate) fn warn_of_services(&self) {
        for (name, service) in &self.services {
            let of_both = [
                (
                    "connection-timeout",
                    service.connection_timeout,
                    self.connection_timeout,
                ),
                (
                    "transfer-timeout",
                    service.transfer_timeout,
                    self.transfer_timeout,
                ),
            ];
            for (key, of_service, of_all) in of_both {
                if of_service.is_some_and(|of_service| of_service > of_all) {
                    tracing::warn!(
                        "services.{name}.{key} has no effect, since {key} is {of_all:?}"
                    );
                }
            }
            if service
                .max_async_transfers
                .is_some_and(|most| most > self.max_async_transfers)
            {
                tracing::warn!(
                    "services.{name}.max-async-transfers has no effect, since max-async-transfers is {}",
                    self.max_async_transfers
                );
            }
        }
    }
}

/// Says loudly which checks are switched off for `servers`.
fn warn_of_open_doors(servers: &str, verify_peer: bool, verify_host: bool) {
    if !verify_peer {
        tracing::warn!(
            servers,
            "ssl-verifypeer is off: ANY certificate is accepted, so anyone on the network path can read and change the TLS traffic"
        );
    }
    if !verify_host {
        tracing::warn!(
            servers,
            "ssl-verifyhost is off: a certificate for ANY host is accepted as the one that was asked"
        );
    }
}

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
    fn a_size_that_no_file_can_state_is_refused() {
        let error = Config {
            max_transfer_size: u64::MAX,
            ..Config::default()
        }
        .effective()
        .unwrap_err();
        assert!(error.to_string().contains("0 is no limit"), "{error}");
    }

    #[test]
    fn heads_have_limits_that_can_be_kept() {
        for (fields, size, is_sound) in [
            (1, 1024, true),
            (10_000, 16 << 20, true),
            (0, 1024, false),
            (10_001, 1024, false),
            (1, 1023, false),
            (1, (16 << 20) + 1, false),
        ] {
            let config = Config {
                max_header_fields: fields,
                max_header_size: size,
                ..Config::default()
            };
            let effective = config.effective();
            assert_eq!(effective.is_ok(), is_sound, "{fields} {size}");
            if let Err(error) = effective {
                assert!(error.to_string().contains("at least"), "{error}");
            }
        }
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
}
