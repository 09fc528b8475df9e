//! The parameters: which of them the component accepts, and which of them it
//! enforces itself.

use crate::{
    enforcement::{AtCap, Enforcer},
    preset::Preset,
};
use std::time::Duration;

/// The value of a timeout that is not configured.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20);

/// The value of max-async-transfers where it is not configured.
pub const DEFAULT_MAX_ASYNC_TRANSFERS: u32 = 100;

/// The value of max-transfer-size where it is not configured, in bytes.
pub const DEFAULT_MAX_TRANSFER_SIZE: u64 = 10 * 1024 * 1024;

/// The parameters as they are stated. `None` stands for the default.
/// `wit/configuration.wit` describes each one.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "documented once, in wit/configuration.wit")]
pub struct Parameters {
    pub connection_timeout: Option<Duration>,
    pub transfer_timeout: Option<Duration>,
    pub max_async_transfers: Option<u32>,
    pub at_cap: Option<AtCap>,
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
    /// Who enforces the timeouts and the cap.
    pub enforcer: Enforcer,
    /// One above `transfer_timeout` ends no call.
    pub connection_timeout: Duration,
    /// Never 0.
    pub transfer_timeout: Duration,
    /// Transfers that may be in flight at a time.
    pub max_async_transfers: u32,
    /// What becomes of one more.
    pub at_cap: AtCap,
    /// Bytes; 0 is no limit.
    pub max_transfer_size: u64,
}

impl Settings {
    /// What holds until somebody configures the component.
    #[must_use]
    pub fn of(preset: &Preset) -> Self {
        Self {
            enforcer: preset.enforcer,
            connection_timeout: preset.connection_timeout.unwrap_or(DEFAULT_TIMEOUT),
            transfer_timeout: preset.transfer_timeout.unwrap_or(DEFAULT_TIMEOUT),
            max_async_transfers: preset
                .max_async_transfers
                .unwrap_or(DEFAULT_MAX_ASYNC_TRANSFERS),
            at_cap: preset.at_cap.unwrap_or_default(),
            max_transfer_size: preset
                .max_transfer_size
                .unwrap_or(DEFAULT_MAX_TRANSFER_SIZE),
        }
    }

    /// Checks `parameters`, and fills in what `preset` says, or the defaults.
    ///
    /// # Errors
    ///
    /// The first parameter that is not accepted.
    pub fn resolve(parameters: &Parameters, preset: &Preset) -> Result<Self, ConfigError> {
        if preset.enforcer == Enforcer::Component
            && let Some(&parameter) = parameters.needs_host.first()
        {
            return Err(ConfigError {
                parameter,
                message: format!(
                    "{parameter} can't be kept in this host; leave it out, or run the component in the host of rest-client"
                ),
            });
        }
        let unset = Self::of(preset);
        let timeout = |parameter, value: Option<Duration>, most, unset| match value {
            Some(Duration::ZERO) => Err(ConfigError {
                parameter,
                message: format!("{parameter} is 0, which no call could meet; it is at least 1 ms"),
            }),
            value => at_most(parameter, value, most, unset, |it| {
                format!("{} ms", it.as_millis())
            }),
        };
        let transfer_timeout = timeout(
            "transfer-timeout",
            parameters.transfer_timeout,
            preset.transfer_timeout,
            unset.transfer_timeout,
        )?;
        let connection_timeout = timeout(
            "connection-timeout",
            parameters.connection_timeout,
            preset.connection_timeout,
            unset.connection_timeout,
        )?;
        let size = at_most(
            "max-transfer-size",
            parameters.max_transfer_size.map(no_limit_is_most),
            preset.max_transfer_size.map(no_limit_is_most),
            no_limit_is_most(unset.max_transfer_size),
            |it| format!("{it} bytes"),
        )?;
        let max_async_transfers = at_most(
            "max-async-transfers",
            parameters.max_async_transfers,
            preset.max_async_transfers,
            unset.max_async_transfers,
            |it| it.to_string(),
        )?;
        let at_cap = parameters.at_cap.unwrap_or(unset.at_cap);
        if preset.at_cap.is_some_and(|preset| preset != at_cap) {
            return Err(ConfigError {
                parameter: "at-cap",
                message: "at-cap is fixed, as this component was composed with".into(),
            });
        }
        if at_cap != AtCap::Block && max_async_transfers == 0 {
            let word = match at_cap {
                AtCap::Wait => "wait",
                _ => "reject",
            };
            return Err(ConfigError {
                parameter: "at-cap",
                message: format!(
                    "at-cap is {word} and max-async-transfers is 0, so that no transfer could ever start; with block each would run in a blocking manner"
                ),
            });
        }
        Ok(Self {
            enforcer: preset.enforcer,
            connection_timeout,
            transfer_timeout,
            max_async_transfers,
            at_cap,
            max_transfer_size: if size == u64::MAX { 0 } else { size },
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
        let transfer = shorter(self.transfer_timeout, transfer_timeout);
        let connection = shorter(self.connection_timeout, connection_timeout);
        let end = transfer.unwrap_or(Duration::MAX);
        Deadlines {
            connection: connection.map(|it| it.min(end)),
            is_lowered: connection.is_some_and(|it| it > end),
            transfer,
        }
    }
}

/// `value`, or what is `unset`.
///
/// # Errors
///
/// It is above `most`.
fn at_most<T: PartialOrd + Copy>(
    parameter: &'static str,
    value: Option<T>,
    most: Option<T>,
    unset: T,
    show: impl Fn(T) -> String,
) -> Result<T, ConfigError> {
    match (value, most) {
        (Some(value), Some(most)) if value > most => Err(ConfigError {
            parameter,
            message: format!(
                "{parameter} is at most {}, as this component was composed with",
                show(most)
            ),
        }),
        (value, _) => Ok(value.unwrap_or(unset)),
    }
}

/// A size limit as a number that grows as less is refused. 0 is no limit.
fn no_limit_is_most(size: u64) -> u64 {
    if size == 0 { u64::MAX } else { size }
}

/// The deadlines of one call, as times from its start. `None` where the host
/// enforces the deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// Until there is a usable connection. Never above `transfer`.
    pub connection: Option<Duration>,
    /// Whether it would be above: what ends then is the transfer.
    pub is_lowered: bool,
    /// Until the last byte of the reply.
    pub transfer: Option<Duration>,
}

impl Deadlines {
    /// The host enforces both.
    pub const NONE: Self = Self {
        connection: None,
        is_lowered: false,
        transfer: None,
    };

    /// The same, where no more than `left` is left. `None` is no bound.
    #[must_use]
    pub fn within(self, left: Option<Duration>) -> Self {
        let Some(left) = left else {
            return self;
        };
        let shorter = |deadline: Option<Duration>| deadline.map(|it| it.min(left));
        Self {
            connection: shorter(self.connection),
            is_lowered: self.is_lowered || self.connection.is_some_and(|it| it > left),
            transfer: shorter(self.transfer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn resolve(parameters: &Parameters) -> Result<Settings, ConfigError> {
        Settings::resolve(parameters, &Preset::default())
    }

    #[test]
    fn nothing_stated_is_the_default() {
        assert_eq!(
            resolve(&Parameters::default()),
            Ok(Settings::of(&Preset::default()))
        );
    }

    #[test]
    fn connecting_never_outlasts_the_transfer() {
        let settings = resolve(&Parameters {
            transfer_timeout: Some(SECOND),
            ..Parameters::default()
        })
        .unwrap();
        let deadlines = settings.deadlines(None, Some(SECOND / 2));
        assert_eq!(deadlines.connection, Some(SECOND / 2));
        assert!(deadlines.is_lowered);
        let deadlines = settings.deadlines(Some(SECOND / 2), None);
        assert_eq!(deadlines.connection, Some(SECOND / 2));
        assert!(!deadlines.is_lowered);
        // What is left after a redirect.
        let deadlines = deadlines.within(Some(SECOND / 4));
        assert_eq!(deadlines.connection, Some(SECOND / 4));
        assert!(deadlines.is_lowered);
    }

    #[test]
    fn a_timeout_of_nothing_is_refused() {
        let error = resolve(&Parameters {
            transfer_timeout: Some(Duration::ZERO),
            ..Parameters::default()
        })
        .unwrap_err();
        assert_eq!(error.parameter, "transfer-timeout");
    }

    #[test]
    fn what_nobody_would_keep_is_refused() {
        let parameters = Parameters {
            needs_host: vec!["ssl-verifypeer"],
            ..Parameters::default()
        };
        let error = resolve(&parameters).unwrap_err();
        assert_eq!(error.parameter, "ssl-verifypeer");
        let preset = Preset {
            enforcer: Enforcer::Host,
            ..Preset::default()
        };
        assert!(Settings::resolve(&parameters, &preset).is_ok());
    }

    #[test]
    fn a_cap_that_nothing_could_pass_is_refused() {
        for at_cap in [AtCap::Reject, AtCap::Wait] {
            let error = resolve(&Parameters {
                max_async_transfers: Some(0),
                at_cap: Some(at_cap),
                ..Parameters::default()
            })
            .unwrap_err();
            assert_eq!(error.parameter, "at-cap");
        }
    }

    #[test]
    fn what_is_preset_holds_and_can_be_tightened_alone() {
        let preset = Preset {
            enforcer: Enforcer::Component,
            connection_timeout: Some(SECOND),
            transfer_timeout: Some(SECOND * 2),
            max_async_transfers: Some(10),
            at_cap: Some(AtCap::Reject),
            max_transfer_size: Some(1000),
        };
        let unset = Settings::resolve(&Parameters::default(), &preset).unwrap();
        assert_eq!(unset, Settings::of(&preset));
        assert_eq!(unset.at_cap, AtCap::Reject);
        let tighter = Parameters {
            connection_timeout: Some(SECOND / 2),
            transfer_timeout: Some(SECOND),
            max_async_transfers: Some(1),
            max_transfer_size: Some(999),
            ..Parameters::default()
        };
        let settings = Settings::resolve(&tighter, &preset).unwrap();
        assert_eq!(settings.connection_timeout, SECOND / 2);
        assert_eq!(settings.max_async_transfers, 1);
        assert_eq!(settings.max_transfer_size, 999);
        for (looser, parameter) in [
            (
                Parameters {
                    connection_timeout: Some(SECOND * 2),
                    ..Parameters::default()
                },
                "connection-timeout",
            ),
            (
                Parameters {
                    transfer_timeout: Some(SECOND * 3),
                    ..Parameters::default()
                },
                "transfer-timeout",
            ),
            (
                Parameters {
                    max_async_transfers: Some(11),
                    ..Parameters::default()
                },
                "max-async-transfers",
            ),
            (
                Parameters {
                    max_transfer_size: Some(0),
                    ..Parameters::default()
                },
                "max-transfer-size",
            ),
            (
                Parameters {
                    at_cap: Some(AtCap::Block),
                    ..Parameters::default()
                },
                "at-cap",
            ),
        ] {
            let error = Settings::resolve(&looser, &preset).unwrap_err();
            assert_eq!(error.parameter, parameter);
        }
    }

    #[test]
    fn a_call_shortens_but_never_lengthens() {
        let settings = Settings::of(&Preset::default());
        let deadlines = settings.deadlines(Some(SECOND), Some(SECOND * 3600));
        assert_eq!(deadlines.connection, Some(SECOND));
        assert_eq!(deadlines.transfer, Some(DEFAULT_TIMEOUT));
    }

    #[test]
    fn a_timer_is_set_only_where_the_host_keeps_none() {
        let settings = Settings {
            enforcer: Enforcer::Host,
            ..Settings::of(&Preset::default())
        };
        assert_eq!(
            settings.deadlines(None, Some(SECOND)),
            Deadlines {
                connection: None,
                is_lowered: false,
                transfer: Some(SECOND)
            }
        );
    }
}
