//! The parameters: which of them the component accepts, and which of them it
//! enforces itself.

use std::time::Duration;

/// The value of a timeout that is not configured.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20);

/// The value of max-transfer-size where it is not configured, in bytes.
pub const DEFAULT_MAX_TRANSFER_SIZE: u64 = 10 * 1024 * 1024;

/// Who enforces the deadlines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Enforcer {
    /// This component, with a timer for each call.
    #[default]
    Component,
    /// The host, in its transport.
    Host,
}

/// The parameters as they are stated. `None` stands for the default.
/// `wit/configuration.wit` describes each one.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "documented once, in wit/configuration.wit")]
pub struct Parameters {
    pub enforcer: Enforcer,
    pub connection_timeout: Option<Duration>,
    pub transfer_timeout: Option<Duration>,
    pub max_transfer_size: Option<u64>,
    /// The names of stated parameters that only a host can enforce. Where
    /// nobody enforces them, a call is less strict than its caller believes, or
    /// other than he asked for.
    pub needs_host: Vec<&'static str>,
}

/// A parameter that is not accepted.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Its name as the WIT package writes it.
    pub parameter: &'static str,
    /// What is wrong and what would be right, in one sentence.
    pub message: String,
}

/// The values that are in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Who enforces the timeouts.
    pub enforcer: Enforcer,
    /// Never above `transfer_timeout`.
    pub connection_timeout: Duration,
    /// Never 0.
    pub transfer_timeout: Duration,
    /// Bytes; 0 is no limit.
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
    /// Checks `parameters` and fills in the defaults.
    ///
    /// # Errors
    ///
    /// The first parameter that is not accepted.
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

    /// The deadlines that the component itself enforces for one call. The
    /// arguments are the timeouts that the call asks for. They can shorten the
    /// configured ones, and never lengthen them.
    #[must_use]
    pub fn deadlines(
        &self,
        connection_timeout: Option<Duration>,
        transfer_timeout: Option<Duration>,
    ) -> Deadlines {
        let shorter = |configured: Duration, asked: Option<Duration>| match (self.enforcer, asked) {
            // The host has a timer for the configured deadline already.
            (Enforcer::Host, None) => None,
            (_, asked) => Some(asked.map_or(configured, |asked| asked.min(configured))),
        };
        Deadlines {
            connection: shorter(self.connection_timeout, connection_timeout),
            transfer: shorter(self.transfer_timeout, transfer_timeout),
        }
    }
}

/// The deadlines of one call, as times from its start. `None` where the host
/// enforces the deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// Until there is a usable connection.
    pub connection: Option<Duration>,
    /// Until the last byte of the reply.
    pub transfer: Option<Duration>,
}

impl Deadlines {
    /// The host enforces both.
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
