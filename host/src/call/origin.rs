//! Whom a request is for: scheme, host and port. Connections are kept, and
//! connecting is locked, by origin (RFC 9110, section 4.3.1).

use super::failure::{Cause, Failure};
use crate::config::{Place, ServiceOrigin};
use std::{fmt, net::Ipv6Addr, path::Path, sync::Arc};

/// Compared in its canonical form: the host in lower case, the port always
/// there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    pub(crate) tls: bool,
    /// A name, an IPv4 address, or an IPv6 address in brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Where the server listens, if not at that port.
    pub(crate) socket: Option<Arc<Path>>,
}

impl Origin {
    /// The origin of an absolute URI.
    pub(crate) fn of(uri: &http::Uri) -> Result<Self, Failure> {
        let tls = uri.scheme() == Some(&http::uri::Scheme::HTTPS);
        let authority = uri
            .authority()
            .filter(|authority| !authority.host().is_empty());
        let Some(authority) = authority else {
            return Err(Failure::new(Cause::Uri, "the request names no host"));
        };
        Ok(Self {
            tls,
            host: canonical(authority.host()),
            port: authority.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            socket: None,
        })
    }

    /// The origin of a service.
    pub(crate) fn of_service(origin: &ServiceOrigin) -> Result<Self, Failure> {
        match &origin.0 {
            Place::Server(uri) => Self::of(uri),
            // A server at a socket has no name of its own; this is what it is called
            // by who is on its machine.
            Place::Socket(path) => Ok(Self {
                tls: false,
                host: "localhost".into(),
                port: 80,
                socket: Some(path.as_path().into()),
            }),
        }
    }

    /// Host and port, without the port of the scheme itself.
    pub(crate) fn authority(&self) -> String {
        let default_port = if self.tls { 443 } else { 80 };
        match self.port == default_port {
            true => self.host.clone(),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    /// The name that TLS asks for and verifies: without the brackets of an
    /// address, and without the dot at the end of a complete name.
    pub(crate) fn server_name(&self) -> &str {
        let name = literal(&self.host);
        name.strip_suffix('.').unwrap_or(name)
    }
}

/// The address within the brackets of an IPv6 literal.
pub(crate) fn literal(host: &str) -> &str {
    host.strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host)
}

/// In lower case, and an IPv6 address as RFC 5952 writes it: a guest that is not
/// ours may spell it in another way.
fn canonical(host: &str) -> String {
    if host.starts_with('[')
        && let Ok(address) = literal(host).parse::<Ipv6Addr>()
    {
        return format!("[{address}]");
    }
    host.to_ascii_lowercase()
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(socket) = &self.socket {
            return write!(f, "unix:{}", socket.display());
        }
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(uri: &str) -> Origin {
        Origin::of(&uri.parse().unwrap()).unwrap()
    }

    #[test]
    fn spellings_of_one_origin_are_equal() {
        assert_eq!(
            origin("http://Example.COM/a"),
            origin("http://example.com:80/b")
        );
        assert_eq!(origin("https://[::1]:443/"), origin("https://[::1]/"));
        assert_eq!(origin("http://[0:0::0:1]/"), origin("http://[::1]/"));
        assert_ne!(origin("http://h/"), origin("https://h/"));
        assert_ne!(origin("http://h:1/"), origin("http://h:2/"));
    }

    #[test]
    fn it_is_shown_without_the_schemes_own_port() {
        assert_eq!(origin("https://h:443/p?q").to_string(), "https://h");
        assert_eq!(origin("http://[::1]:443/").to_string(), "http://[::1]:443");
    }

    #[test]
    fn tls_sees_the_bare_name() {
        assert_eq!(origin("https://[::1]/").server_name(), "::1");
        assert_eq!(origin("https://example.com./").server_name(), "example.com");
    }
}
