//! The parameters of this instance.

use super::{Component, KEEPS_WAIT, bindings::exports::rest::client::configuration};
use crate::{
    config::{Parameters, Settings},
    enforcement::AtCap,
    preset::Preset,
};
use std::{cell::Cell, time::Duration};

thread_local! {
    static SETTINGS: Cell<Settings> = Cell::new(Settings::of(&Preset::of_this_component()));
}

/// Those that are in force now.
pub(super) fn settings() -> Settings {
    SETTINGS.get()
}

impl configuration::Guest for Component {
    fn configure(config: configuration::Config) -> Result<(), configuration::ConfigError> {
        let parameters = Parameters {
            connection_timeout: config.connection_timeout.map(Duration::from_millis),
            transfer_timeout: config.transfer_timeout.map(Duration::from_millis),
            max_async_transfers: config.max_async_transfers,
            at_cap: config.at_cap.map(|at_cap| match at_cap {
                configuration::AtCap::Block => AtCap::Block,
                configuration::AtCap::Wait => AtCap::Wait,
                configuration::AtCap::Reject => AtCap::Reject,
            }),
            max_transfer_size: config.max_transfer_size,
            needs_host: needs_host(&config),
        };
        let preset = Preset::of_this_component();
        let settings = Settings::resolve(&parameters, &preset).map_err(|error| {
            configuration::ConfigError {
                parameter: error.parameter.into(),
                message: error.message,
            }
        })?;
        SETTINGS.set(settings);
        Ok(())
    }
}

/// The stated parameters that ask for more than what every host of `wasi:http` and this
/// component do.
fn needs_host(config: &configuration::Config) -> Vec<&'static str> {
    use configuration::HttpVersion::Auto;
    let stated = [
        (
            "at-cap",
            config.at_cap == Some(configuration::AtCap::Wait) && !KEEPS_WAIT,
        ),
        ("ssl-verifypeer", config.ssl_verifypeer == Some(false)),
        ("ssl-verifyhost", config.ssl_verifyhost == Some(false)),
        ("ssl-capath", config.ssl_capath.is_some()),
        (
            "http-version",
            config.http_version.is_some_and(|version| version != Auto),
        ),
        ("enable-expect100", config.enable_expect100 == Some(true)),
        (
            "no-concurrent-connects",
            config.no_concurrent_connects == Some(true),
        ),
        (
            "conn-lifetime",
            config.conn_lifetime.is_some_and(|lifetime| lifetime != 0),
        ),
    ];
    stated
        .into_iter()
        .filter_map(|(name, stated)| stated.then_some(name))
        .collect()
}
