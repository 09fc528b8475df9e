//! Which hosts a line of the configuration speaks of.

use std::{fmt, net::Ipv6Addr};

/// A host by its name, or by what its name ends in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum HostPattern {
    /// `*`
    Any,
    /// `*.example.com`: what a name ends in, with the dot before it.
    Under(String),
    /// A name, an IPv4 address, or an IPv6 address in brackets.
    Exactly(String),
}

impl HostPattern {
    /// Reads one. An error continues the sentence that begins with the text.
    pub(super) fn parse(host: &str) -> Result<Self, &'static str> {
        let host = host.to_ascii_lowercase();
        if host == "*" {
            return Ok(Self::Any);
        }
        if let Some(suffix) = host.strip_prefix('*') {
            return match suffix.strip_prefix('.') {
                Some(name) if is_name(name) => Ok(Self::Under(suffix.to_owned())),
                _ => Err("has a * that is not a whole label in front"),
            };
        }
        if let Some(literal) = host.strip_prefix('[') {
            let address = literal
                .strip_suffix(']')
                .and_then(|literal| literal.parse::<Ipv6Addr>().ok())
                .ok_or("has no IPv6 address in its brackets")?;
            return Ok(Self::Exactly(format!("[{address}]")));
        }
        match is_name(&host) {
            true => Ok(Self::Exactly(host)),
            false => Err("is no host name (one of IDN is written in its xn-- form)"),
        }
    }

    /// Whether `host`, in lower case, is one of these.
    pub(super) fn matches(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        match self {
            Self::Any => true,
            Self::Under(suffix) => host.len() > suffix.len() && host.ends_with(suffix.as_str()),
            Self::Exactly(name) => host == name,
        }
    }
}

fn is_name(name: &str) -> bool {
    name.split('.').all(|label| {
        !label.is_empty()
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    })
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Under(suffix) => write!(f, "*{suffix}"),
            Self::Exactly(name) => f.write_str(name),
        }
    }
}
