//! Which servers may be reached that are not named services.
//!
//! ```toml
//! [egress]
//! default = "deny"
//! allow = [
//!     "https://*.example.com",
//!     "GET,HEAD http://status.example.net:8000-8099",
//!     "http://10.0.0.0/8:8080",
//! ]
//! ```

use super::{
    by_text::{by_text, without_user},
    host_pattern::HostPattern,
    service::DOMAIN,
};
use http::Method;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::{fmt, net::IpAddr, ops::RangeInclusive, str::FromStr};

/// Which servers may be reached, besides the named services.
///
/// Every request is checked: the first, each one after a redirect, and the connection to
/// a proxy. Addresses are checked after name resolution, and only those that pass are
/// connected to. Special-purpose addresses (loopback, private, link-local, cloud metadata
/// services and the like) can only be allowed by rules that name a network.
///
/// ```
/// use rest_client_host::{Config, Egress, EgressDefault, Host};
///
/// let mut config = Config::default();
/// config.egress.default = Some(EgressDefault::Deny);
/// config.egress.allow.push("https://*.example.com".parse()?);
/// config.egress.allow.push("http://10.0.0.0/8:8080".parse()?);
/// Host::new(config)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Egress {
    /// What happens to requests that no rule allows. If it is not set, requests of a
    /// plugin are refused, and requests of a program, or of a user at the command line,
    /// may go anywhere, whatever the rules say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<EgressDefault>,
    /// Each allows some requests. Default empty.
    pub allow: Vec<EgressRule>,
}

/// What becomes of requests that no rule allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EgressDefault {
    /// They are refused.
    Deny,
    /// They go to any server on the internet, and to no other.
    Allow,
}

/// Some requests: `[METHODS ]SCHEME://HOST[:PORTS]`.
///
/// | part | is |
/// |---|---|
/// | `METHODS` | methods with commas between them; any, if left out |
/// | `SCHEME` | `http` or `https` |
/// | `HOST` | a name; `*.example.com`, every name under it and not itself; `*`; an address; or a network, like `10.0.0.0/8` or `[fd00::/8]`, to which belongs what resolves to it as well |
/// | `PORTS` | a port, `8000-8099`, or `*`; that of the scheme, if left out |
///
/// ```
/// use rest_client_host::EgressRule;
///
/// let rule: EgressRule = "GET,HEAD https://*.Example.com:8443".parse()?;
/// assert_eq!(rule.to_string(), "GET,HEAD https://*.example.com:8443");
/// let error = "*.example.com".parse::<EgressRule>().unwrap_err();
/// assert!(error.contains("https://*.example.com"), "{error}");
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct EgressRule {
    /// Any, if empty.
    methods: Vec<Method>,
    tls: bool,
    host: RuleHost,
    ports: RangeInclusive<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum RuleHost {
    Named(HostPattern),
    Network(IpNet),
}

impl EgressRule {
    /// Whether it speaks of requests with this method, over TLS or not, to this port.
    /// Whoever asks with no method is about to ask a proxy.
    pub(crate) fn is_about(&self, method: Option<&Method>, tls: bool, port: u16) -> bool {
        self.tls == tls
            && self.ports.contains(&port)
            && (self.methods.is_empty() || method.is_none_or(|it| self.methods.contains(it)))
    }

    /// Whether it allows `host`, in lower case, by its name.
    pub(crate) fn allows_name(&self, host: &str) -> bool {
        matches!(&self.host, RuleHost::Named(pattern) if pattern.matches(host))
    }

    /// The addresses that it allows, if it names them.
    pub(crate) fn network(&self) -> Option<IpNet> {
        match self.host {
            RuleHost::Network(network) => Some(network),
            RuleHost::Named(_) => None,
        }
    }
}

impl FromStr for EgressRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| {
            format!(
                "{:?} {what}; rules are written like https://*.example.com, GET,HEAD http://api.example.com:8000-8099, http://10.0.0.0/8:8080 or https://[fd00::/8]:*",
                without_user(text)
            )
        };
        let (methods, server) = match text.rsplit_once(' ') {
            Some((methods, server)) => (Some(methods), server),
            None => (None, text),
        };
        let methods = match methods {
            None => Vec::new(),
            Some(list) => list
                .split(',')
                .map(|name| {
                    let is_upper = name.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
                    Method::from_str(name).ok().filter(|_| is_upper)
                })
                .collect::<Option<_>>()
                .ok_or_else(|| wrong("has a space, but no list of methods before it"))?,
        };
        let (tls, server) = match server.split_once("://") {
            Some(("https", server)) => (true, server),
            Some(("http", server)) => (false, server),
            _ => return Err(wrong("does not begin with http:// or https://")),
        };
        let (host, ports) = match server.rfind(']') {
            Some(end) => server.split_at(end + 1),
            None => server.split_at(server.find(':').unwrap_or(server.len())),
        };
        let ports = match ports.strip_prefix(':') {
            Some("*") => 1..=u16::MAX,
            Some(ports) => self::ports(ports)
                .ok_or_else(|| wrong("has no port, or ports, from 1 to 65535 behind its colon"))?,
            None if !ports.is_empty() => {
                return Err(wrong("has text after the address that is not a port"));
            }
            None if tls => 443..=443,
            None => 80..=80,
        };
        let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        let bare = bare.unwrap_or(host);
        let host = if let Ok(address) = bare.parse::<IpAddr>() {
            if address.to_canonical() != address {
                return Err(wrong(&format!(
                    "is an IPv4 address in the form of IPv6; it is written {}",
                    address.to_canonical()
                )));
            }
            RuleHost::Network(IpNet::from(address))
        } else if bare.contains('/') {
            let network: IpNet = bare.parse().map_err(|_| {
                wrong(
                    "has a path, or a network that is not valid; a rule applies to all paths of a server",
                )
            })?;
            if network.addr() != network.network() {
                return Err(wrong(&format!(
                    "has host bits set; the network is {}",
                    network.trunc()
                )));
            }
            if network.prefix_len() >= 96 && network.addr().to_canonical() != network.addr() {
                return Err(wrong(&format!(
                    "is a network of IPv4 in the form of IPv6; it is written {}/{}",
                    network.addr().to_canonical(),
                    network.prefix_len() - 96
                )));
            }
            RuleHost::Network(network)
        } else {
            let pattern = HostPattern::parse(host).map_err(wrong)?;
            if pattern.is_under(DOMAIN) {
                return Err(wrong(
                    "names services, which need no rule; services.NAME.origin defines one",
                ));
            }
            RuleHost::Named(pattern)
        };
        Ok(Self {
            methods,
            tls,
            host,
            ports,
        })
    }
}

fn ports(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let port = |text: &str| {
        let is_number = text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|port| is_number && *port > 0)
    };
    let (first, last) = (port(first)?, port(last)?);
    (first <= last).then_some(first..=last)
}

impl fmt::Display for EgressRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, method) in self.methods.iter().enumerate() {
            write!(f, "{}{method}", if index == 0 { "" } else { "," })?;
        }
        if !self.methods.is_empty() {
            f.write_str(" ")?;
        }
        let (scheme, port) = if self.tls {
            ("https", 443)
        } else {
            ("http", 80)
        };
        write!(f, "{scheme}://")?;
        match &self.host {
            RuleHost::Named(pattern) => write!(f, "{pattern}")?,
            RuleHost::Network(network) => {
                let is_one = network.prefix_len() == network.max_prefix_len();
                let text = match is_one {
                    true => network.addr().to_string(),
                    false => network.to_string(),
                };
                match network {
                    IpNet::V4(_) => f.write_str(&text)?,
                    IpNet::V6(_) => write!(f, "[{text}]")?,
                }
            }
        }
        match (*self.ports.start(), *self.ports.end()) {
            (first, last) if first == last && first == port => Ok(()),
            (1, u16::MAX) => f.write_str(":*"),
            (first, last) if first == last => write!(f, ":{first}"),
            (first, last) => write!(f, ":{first}-{last}"),
        }
    }
}

by_text!(EgressRule);

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> EgressRule {
        text.parse().unwrap()
    }

    #[test]
    fn a_rule_speaks_of_a_scheme_ports_and_methods() {
        let of_https = rule("https://api.example.com");
        assert!(of_https.is_about(Some(&Method::DELETE), true, 443));
        assert!(!of_https.is_about(Some(&Method::GET), false, 443));
        assert!(!of_https.is_about(Some(&Method::GET), true, 8443));
        let reading = rule("GET,HEAD http://api.example.com:8000-8099");
        assert!(reading.is_about(Some(&Method::HEAD), false, 8000));
        assert!(reading.is_about(Some(&Method::GET), false, 8099));
        assert!(!reading.is_about(Some(&Method::GET), false, 8100));
        assert!(!reading.is_about(Some(&Method::POST), false, 8000));
        assert!(rule("http://h:*").is_about(Some(&Method::GET), false, 1));
    }

    #[test]
    fn a_name_grants_no_address_and_an_address_no_name() {
        let named = rule("https://*.example.com");
        assert!(named.allows_name("a.b.example.com") && !named.allows_name("example.com"));
        assert_eq!(named.network(), None);
        assert!(rule("https://*").allows_name("anything"));
        for (text, network) in [
            ("http://10.0.0.0/8", "10.0.0.0/8"),
            ("http://10.1.2.3", "10.1.2.3/32"),
            ("http://[fd00::/8]:8080", "fd00::/8"),
            ("http://[::1]", "::1/128"),
        ] {
            let rule = rule(text);
            assert_eq!(rule.network(), Some(network.parse().unwrap()), "{text}");
            assert!(!rule.allows_name("10.1.2.3"), "{text}");
        }
    }

    #[test]
    fn a_rule_is_written_as_it_is_read() {
        for text in [
            "https://*",
            "http://*:*",
            "https://*.example.com",
            "GET http://api.example.com:8080",
            "GET,POST,X-OWN https://h:1-99",
            "http://10.0.0.0/8:8080",
            "http://10.1.2.3",
            "https://[fd00::/8]:443-444",
            "https://[2001:db8::1]:8443",
        ] {
            assert_eq!(rule(text).to_string(), text);
        }
    }

    #[test]
    fn what_is_no_rule_is_refused_with_what_one_looks_like() {
        for text in [
            "",
            "example.com",
            "ftp://example.com",
            "https://",
            "https://example.com/path",
            "https://exa mple.com",
            "get https://example.com",
            "GET,, https://example.com",
            "https://user@example.com",
            "https://example.com:0",
            "https://example.com:9-1",
            "https://example.com:+80",
            "https://example.com:",
            "https://*example.com",
            "https://[::ffff:10.0.0.1]",
            "https://[::ffff:10.0.0.0/104]",
            "https://10.0.1",
            "https://*.4",
            "http://billing.service.internal",
            "http://*.service.internal",
            "https://10.0.0.0/33",
            "https://10.0.0.1/8",
            "https://[fd00::/8",
            "https://[fd00::]x",
            "https://bücher.example",
        ] {
            let error = text.parse::<EgressRule>().unwrap_err();
            assert!(error.contains("https://*.example.com"), "{text}: {error}");
        }
    }
}
