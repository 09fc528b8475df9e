//! Which hosts a line of the configuration speaks of.

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
};

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
                Some(name) if ends_in_number(name) => Err(NO_NAME),
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
        if ends_in_number(&host) && host.parse::<Ipv4Addr>().is_err() {
            return Err(NO_NAME);
        }
        match is_name(&host) {
            true => Ok(Self::Exactly(host)),
            false => Err("is no host name (one of IDN is written in its xn-- form)"),
        }
    }

    /// Whether it is of hosts under `domain`, which begins with a dot, alone.
    pub(super) fn is_under(&self, domain: &str) -> bool {
        match self {
            Self::Any => false,
            Self::Under(text) | Self::Exactly(text) => text.ends_with(domain),
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

/// Of what no request has as its host: URLs refuse it.
const NO_NAME: &str = "is neither a host name nor an IPv4 address of four decimal parts";

fn ends_in_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit())
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
