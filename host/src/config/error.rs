//! Why a configuration is refused.

use super::shape::element;
use std::fmt;

/// What is wrong with a configuration, and what would be right.
///
/// ```
/// use rest_client_host::{Config, Host};
/// use std::time::Duration;
///
/// let mut config = Config::default();
/// config.transfer_timeout = Duration::ZERO;
/// let error = Host::new(config).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "transfer-timeout is 0, which no call could meet; it is at least 1ms"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    message: String,
    /// The key of what is wrong behind those that lead to it, with dots between them.
    /// Empty where it is none, or the message has its place already.
    key: String,
}

impl ConfigError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            key: String::new(),
        }
    }

    /// The same, said of what stands at `key`, like `services.billing.retries`.
    pub(crate) fn about(self, key: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            ..self
        }
    }

    /// What stands at `key` is wrong; the message begins with it.
    pub(crate) fn at(key: &str, what: &str) -> Self {
        Self::new(format!("{key} {what}")).about(key)
    }

    /// The same, said of a part of element `index` of the list `list`.
    pub(crate) fn of_element(self, list: &str, index: usize) -> Self {
        Self {
            key: format!("{list}.{}.{}", element(index), self.key),
            ..self
        }
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// The same, said of a part: `place` goes before it.
    pub(crate) fn of(self, place: &str) -> Self {
        Self {
            message: format!("{place}: {}", self.message),
            ..self
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConfigError {}
