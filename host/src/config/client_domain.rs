//! What TLS shows to some servers and asks of them, apart from all others: the
//! client domains of the original's `tls_mgm` module.
//!
//! ```toml
//! [[client-domains]]
//! match = "*.billing.example.com:8443"
//! certificate = "/etc/rest-client/billing.pem"
//! key = "/etc/rest-client/billing.key"
//! ssl-capath = "/etc/rest-client/billing-ca.pem"
//! ca-only = true
//! ```

use super::{
    by_text::{by_text, without_user},
    host_pattern::HostPattern,
    tls_version::TlsVersion,
};
use serde::{Deserialize, Serialize};
use std::{fmt, path::PathBuf, str::FromStr};

/// Servers with a TLS policy of their own. The operator of the host names them. A
/// guest can neither choose a domain nor see that there is one.
///
/// ```
/// use rest_client_host::{ClientDomain, Config, Host};
///
/// let mut billing = ClientDomain::new("*.billing.example.com:8443".parse()?);
/// billing.ssl_verifyhost = Some(false);
/// let mut config = Config::default();
/// config.client_domains.push(billing);
/// Host::new(config)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct ClientDomain {
    /// Which servers. Of several domains that match, the first counts.
    #[serde(rename = "match")]
    pub servers: ServerPattern,
    /// A PEM file with the certificate that is shown when the server asks for
    /// one, and those between it and its authority. Default none. Both files are
    /// read anew when they change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// A PEM file with the key of `certificate`, which nobody but its owner may
    /// read. Default: the key is in the file of the certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// In place of the parameter of this name. Default: that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssl_capath: Option<PathBuf>,
    /// In place of the parameter of this name. Default: that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_only: Option<bool>,
    /// In place of the parameter of this name. Default: that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssl_verifypeer: Option<bool>,
    /// In place of the parameter of this name. Default: that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssl_verifyhost: Option<bool>,
    /// In place of the parameter of this name. Default: that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_min_version: Option<TlsVersion>,
}

impl ClientDomain {
    /// A domain that differs in nothing yet from the rest of the servers.
    #[must_use]
    pub fn new(servers: ServerPattern) -> Self {
        Self {
            servers,
            certificate: None,
            key: None,
            ssl_capath: None,
            ca_only: None,
            ssl_verifypeer: None,
            ssl_verifyhost: None,
            tls_min_version: None,
        }
    }
}

/// A host and a port, either of which may be left open: `host`, `host:port`,
/// `*.example.com` (every name under it, however deep, and not itself), `*`,
/// `*:8443`, `192.0.2.1`, `[2001:db8::1]:443`.
///
/// ```
/// use rest_client_host::ServerPattern;
///
/// let servers: ServerPattern = "*.Example.com:8443".parse()?;
/// assert_eq!(servers.to_string(), "*.example.com:8443");
/// assert!("https://example.com".parse::<ServerPattern>().is_err());
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServerPattern {
    host: HostPattern,
    port: Option<u16>,
}

impl ServerPattern {
    /// Whether `host`, in lower case, and `port` are of these servers.
    pub(crate) fn matches(&self, host: &str, port: u16) -> bool {
        self.port.is_none_or(|of_these| of_these == port) && self.host.matches(host)
    }
}

impl FromStr for ServerPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| {
            format!(
                "{:?} {what}; servers are written like api.example.com, *.example.com:8443, *:443 or [2001:db8::1]",
                without_user(text)
            )
        };
        let (host, port) = match text.rfind(']') {
            Some(end) => text.split_at(end + 1),
            None => text.split_at(text.find(':').unwrap_or(text.len())),
        };
        let port = match port.strip_prefix(':') {
            Some(port) => match port.parse() {
                Ok(0) | Err(_) => {
                    return Err(wrong("has no port from 1 to 65535 behind its colon"));
                }
                Ok(port) => Some(port),
            },
            None if port.is_empty() => None,
            None => return Err(wrong("goes on behind the address")),
        };
        let host = HostPattern::parse(host).map_err(wrong)?;
        Ok(Self { host, port })
    }
}

impl fmt::Display for ServerPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.host)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

by_text!(ServerPattern);

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, host: &str, port: u16) -> bool {
        pattern
            .parse::<ServerPattern>()
            .unwrap()
            .matches(host, port)
    }

    #[test]
    fn a_pattern_matches_hosts_and_ports() {
        assert!(matches("api.example.com", "api.example.com", 443));
        assert!(matches("API.example.com:8443", "api.example.com.", 8443));
        assert!(!matches("api.example.com:8443", "api.example.com", 443));
        assert!(matches("*.example.com", "a.b.example.com", 1));
        assert!(!matches("*.example.com", "example.com", 1));
        assert!(!matches("*.example.com", "badexample.com", 1));
        assert!(matches("*", "anything", 1));
        assert!(matches("*:443", "anything", 443));
        assert!(!matches("*:443", "anything", 80));
        assert!(matches("[2001:DB8:0::1]:443", "[2001:db8::1]", 443));
        assert!(matches("192.0.2.1", "192.0.2.1", 1));
    }

    #[test]
    fn a_pattern_is_written_as_it_is_read() {
        for text in ["*", "*:443", "*.example.com", "h:1", "[::1]", "[::1]:443"] {
            assert_eq!(text.parse::<ServerPattern>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused_with_what_one_looks_like() {
        for text in [
            "",
            "a b",
            "*a.com",
            "a.*.com",
            "h:",
            "h:0",
            "h:65536",
            "::1",
            "[::1",
            "[::1]x",
            "[h]",
            "https://h",
            "h/p",
            "*.",
            "bücher.example",
        ] {
            let error = text.parse::<ServerPattern>().unwrap_err();
            assert!(error.contains("*.example.com:8443"), "{error}");
        }
    }
}
