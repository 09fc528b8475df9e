//! What the component itself keeps of the parameters, and which of them it can
//! take at all.

use std::time::Duration;

/// A timeout that is not configured.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20);

/// The max-transfer-size that is not configured, in bytes.
pub const DEFAULT_MAX_TRANSFER_SIZE: u64 = 10 * 1024 * 1024;

/// Who sees to it that deadlines are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Enforcer {
    /// This component, by a timer for each call.
    #[default]
    Component,
    /// The host, in its transport.
    Host,
}

/// The parameters as they are stated; `None` is the default. Each is described
/// in `wit/configuration.wit`.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "documented once, in wit/configuration.wit")]
pub struct Parameters {
    pub enforcer: Enforcer,
    pub connection_timeout: Option<Duration>,
    pub transfer_timeout: Option<Duration>,
    pub max_transfer_size: Option<u64>,
    /// The parameters that were stated, that only a host can keep, and that
    /// would make calls less strict, or other, than their caller believes if
    /// nobody kept them.
    pub needs_host: Vec<&'static str>,
}

/// A parameter that can't be taken.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// As it is written in the WIT package.
    pub parameter: &'static str,
    /// What is wrong and what would be right.
    pub message: String,
}

/// What is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// See [`Enforcer`].
    pub enforcer: Enforcer,
    /// Never above `transfer_timeout`.
    pub connection_timeout: Duration,
    /// Never 0.
    pub transfer_timeout: Duration,
    /// Bytes, 0 for no limit.
    pub max_transfer_size: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enforcer: Enforcer::Component,
            connection_timeout: DEFAULT_TIMEOUT,
            transfer_timeout: DEFAULT_TIMEOUT,
            max_transfer_size: DEFAULT_MAX_TRANSFER_SIZE,
        }
    }
}

impl Settings {
    /// The settings that `parameters` amount to.
    ///
    /// # Errors
    ///
    /// The first parameter that can't be taken.
    pub fn resolve(parameters: &Parameters) -> Result<Self, ConfigError> {
        if parameters.enforcer == Enforcer::Component
            && let Some(&parameter) = parameters.needs_host.first()
        {
            return Err(ConfigError {
                parameter,
                message: format!(
                    "{parameter} can only be kept by a host; a host that does so says enforcer = host"
                ),
            });
        }
        let timeout = |parameter, value: Option<Duration>| match value {
            Some(Duration::ZERO) => Err(ConfigError {
                parameter,
                message: format!("{parameter} is 0, which no call could meet; it is at least 1 ms"),
            }),
            Some(timeout) => Ok(timeout),
            None => Ok(DEFAULT_TIMEOUT),
        };
        let transfer_timeout = timeout("transfer-timeout", parameters.transfer_timeout)?;
        let connection_timeout = timeout("connection-timeout", parameters.connection_timeout)?;
        Ok(Self {
            enforcer: parameters.enforcer,
            connection_timeout: connection_timeout.min(transfer_timeout),
            transfer_timeout,
            max_transfer_size: parameters
                .max_transfer_size
                .unwrap_or(DEFAULT_MAX_TRANSFER_SIZE),
        })
    }

    /// The deadlines that the component itself must keep for one call, given
    /// the shorter ones that the call asks for.
    #[must_use]
    pub fn deadlines(
        &self,
        connection_timeout: Option<Duration>,
        transfer_timeout: Option<Duration>,
    ) -> Deadlines {
        let shorter = |configured: Duration, asked: Option<Duration>| match (self.enforcer, asked) {
            // The host keeps the configured one; a timer for it would be a second one.
            (Enforcer::Host, None) => None,
            (_, asked) => Some(asked.map_or(configured, |asked| asked.min(configured))),
        };
        Deadlines {
            connection: shorter(self.connection_timeout, connection_timeout),
            transfer: shorter(self.transfer_timeout, transfer_timeout),
        }
    }
}

/// Times from the start of a call; `None` where the host keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// To a usable connection.
    pub connection: Option<Duration>,
    /// To the last byte of the reply.
    pub transfer: Option<Duration>,
}

impl Deadlines {
    /// The host keeps both.
    pub const NONE: Self = Self {
        connection: None,
        transfer: None,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn nothing_stated_is_the_default() {
        assert_eq!(
            Settings::resolve(&Parameters::default()),
            Ok(Settings::default())
        );
    }

    #[test]
    fn connecting_never_outlasts_the_transfer() {
        let settings = Settings::resolve(&Parameters {
            transfer_timeout: Some(SECOND),
            ..Parameters::default()
        })
        .unwrap();
        assert_eq!(settings.connection_timeout, SECOND);
    }

    #[test]
    fn a_timeout_of_nothing_is_refused() {
        let error = Settings::resolve(&Parameters {
            transfer_timeout: Some(Duration::ZERO),
            ..Parameters::default()
        })
        .unwrap_err();
        assert_eq!(error.parameter, "transfer-timeout");
    }

    #[test]
    fn what_nobody_would_keep_is_refused() {
        let parameters = |enforcer| Parameters {
            enforcer,
            needs_host: vec!["ssl-verifypeer"],
            ..Parameters::default()
        };
        let error = Settings::resolve(&parameters(Enforcer::Component)).unwrap_err();
        assert_eq!(error.parameter, "ssl-verifypeer");
        assert!(Settings::resolve(&parameters(Enforcer::Host)).is_ok());
    }

    #[test]
    fn a_call_shortens_but_never_lengthens() {
        let settings = Settings::default();
        let deadlines = settings.deadlines(Some(SECOND), Some(SECOND * 3600));
        assert_eq!(deadlines.connection, Some(SECOND));
        assert_eq!(deadlines.transfer, Some(DEFAULT_TIMEOUT));
    }

    #[test]
    fn a_timer_is_set_only_where_the_host_keeps_none() {
        let settings = Settings {
            enforcer: Enforcer::Host,
            ..Settings::default()
        };
        assert_eq!(
            settings.deadlines(None, Some(SECOND)),
            Deadlines {
                connection: None,
                transfer: Some(SECOND)
            }
        );
    }
}
