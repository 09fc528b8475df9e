//! Which versions of TLS are spoken.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The lowest version of TLS that is spoken. Those below 1.2 are not spoken at
/// all (RFC 8996).
///
/// ```
/// use rest_client_host::TlsVersion;
///
/// let version: TlsVersion = "1.3".parse()?;
/// assert_eq!(version, TlsVersion::Tls13);
/// assert_eq!(TlsVersion::default().to_string(), "1.2");
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(try_from = "String", into = "&str")]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246), and what came after it. Written `1.2`.
    #[default]
    Tls12,
    /// TLS 1.3 (RFC 8446). Written `1.3`.
    Tls13,
}

impl TlsVersion {
    /// As it is written in a configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tls12 => "1.2",
            Self::Tls13 => "1.3",
        }
    }
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TlsVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Tls12, Self::Tls13]
            .into_iter()
            .find(|version| version.as_str() == text)
            .ok_or_else(|| {
                format!("{text:?} is not a version of TLS that is spoken here; 1.2 and 1.3 are")
            })
    }
}

impl TryFrom<String> for TlsVersion {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<TlsVersion> for &str {
    fn from(version: TlsVersion) -> Self {
        version.as_str()
    }
}
