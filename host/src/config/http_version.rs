//! Which version of HTTP is spoken, and what that decides on the way.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Names of protocols in TLS (RFC 7301).
pub(crate) const HTTP1: &[u8] = b"http/1.1";
const HTTP2: &[u8] = b"h2";

/// How HTTP is spoken: the six values of the original's `curl_http_version`, in
/// its order.
///
/// ```
/// use rest_client_host::HttpVersion;
///
/// let version: HttpVersion = "2-tls".parse()?;
/// assert_eq!(version, HttpVersion::Http2Tls);
/// assert_eq!(HttpVersion::ALL[4], version);
/// # Ok::<(), String>(())
/// ```
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

    /// The protocols that TLS offers the server, the preferred first (RFC 7301).
    /// Empty if TLS is not to speak of it.
    pub(crate) fn alpn(self) -> Vec<Vec<u8>> {
        let offered: &[&[u8]] = match self {
            Self::Http10 => &[],
            Self::Http11 => &[HTTP1],
            Self::Auto | Self::Http2 | Self::Http2Tls => &[HTTP2, HTTP1],
            Self::Http2PriorKnowledge => &[HTTP2],
        };
        offered.iter().map(|name| name.to_vec()).collect()
    }

    /// Whether a connection, with TLS or without, may turn out to speak HTTP/2.
    pub(crate) fn may_be_http2(self, tls: bool) -> bool {
        match self {
            Self::Http10 | Self::Http11 => false,
            Self::Auto | Self::Http2 | Self::Http2Tls => tls,
            Self::Http2PriorKnowledge => true,
        }
    }

    /// Whether HTTP/2 is spoken, where TLS agreed on `protocol` or on none.
    pub(crate) fn is_http2(self, protocol: Option<&[u8]>) -> bool {
        self == Self::Http2PriorKnowledge || protocol == Some(HTTP2)
    }

    /// What the head of a request states on a connection of HTTP/1.
    pub(crate) fn of_http1(self) -> http::Version {
        match self {
            Self::Http10 => http::Version::HTTP_10,
            _ => http::Version::HTTP_11,
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_written_as_they_are_read() {
        for version in HttpVersion::ALL {
            assert_eq!(version.to_string().parse(), Ok(version));
        }
        let error = "3".parse::<HttpVersion>().unwrap_err();
        assert!(error.contains("2-prior-knowledge"), "{error}");
    }
}
