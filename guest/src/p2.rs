//! WASI 0.2: the exports of the component, and the transport under them.
//!
//! An instance of 0.2 runs one call at a time, so the state between calls is a
//! plain cell.

mod bindings;
mod outcome;
mod transport;

use crate::{
    config::{Enforcer, Parameters, Settings},
    escape,
    request::{Call, Request},
};
use bindings::exports::rest::client::types as wit;
use bindings::exports::rest::client::{configuration, rest};
use std::{cell::Cell, time::Duration};

thread_local! {
    static SETTINGS: Cell<Settings> = Cell::new(Settings::default());
}

/// Implements the world `rest-client` of the WIT package.
pub struct Component;

/// Only a component has them: their names mean nothing to a native linker.
#[cfg(target_arch = "wasm32")]
#[expect(
    unreachable_pub,
    unsafe_code,
    reason = "generated: the entry points of the canonical ABI"
)]
mod entry_points {
    use super::{Component, bindings};
    bindings::export!(Component with_types_in bindings);
}

impl rest::Guest for Component {
    fn rest_get(
        url: String,
        options: Option<wit::RequestOptions>,
    ) -> Result<wit::Response, wit::RestError> {
        run("GET".into(), url, None, None, options)
    }

    fn rest_post(
        url: String,
        body: Vec<u8>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> Result<wit::Response, wit::RestError> {
        run("POST".into(), url, Some(body), content_type, options)
    }

    fn rest_put(
        url: String,
        body: Vec<u8>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> Result<wit::Response, wit::RestError> {
        run("PUT".into(), url, Some(body), content_type, options)
    }

    fn rest_request(
        method: String,
        url: String,
        body: Option<Vec<u8>>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> Result<wit::Response, wit::RestError> {
        run(method, url, body, content_type, options)
    }

    fn rest_escape(text: String) -> String {
        escape::escape(&text)
    }

    fn rest_unescape(text: String) -> Result<String, String> {
        escape::unescape(&text)
    }
}

fn run(
    method: String,
    url: String,
    body: Option<Vec<u8>>,
    content_type: Option<String>,
    options: Option<wit::RequestOptions>,
) -> Result<wit::Response, wit::RestError> {
    let (headers, connection_timeout, transfer_timeout) = match options {
        Some(options) => (
            options.headers,
            options.connection_timeout.map(Duration::from_millis),
            options.transfer_timeout.map(Duration::from_millis),
        ),
        None => Default::default(),
    };
    let settings = SETTINGS.get();
    let deadlines = settings.deadlines(connection_timeout, transfer_timeout);
    Request::prepare(Call {
        method,
        url,
        body,
        content_type,
        headers,
    })
    .and_then(|request| transport::exchange(request, deadlines, settings.max_transfer_size))
    .map(outcome::response)
    .map_err(outcome::error)
}

impl configuration::Guest for Component {
    fn configure(config: configuration::Config) -> Result<(), configuration::ConfigError> {
        let settings = Settings::resolve(&Parameters {
            enforcer: match config.enforcer {
                Some(configuration::Enforcer::Host) => Enforcer::Host,
                Some(configuration::Enforcer::Component) | None => Enforcer::Component,
            },
            connection_timeout: config.connection_timeout.map(Duration::from_millis),
            transfer_timeout: config.transfer_timeout.map(Duration::from_millis),
            max_transfer_size: config.max_transfer_size,
            needs_host: needs_host(&config),
        })
        .map_err(|refusal| configuration::ConfigError {
            parameter: refusal.parameter.into(),
            message: refusal.message,
        })?;
        SETTINGS.set(settings);
        Ok(())
    }
}

/// The parameters stated otherwise than every host of `wasi:http` behaves.
fn needs_host(config: &configuration::Config) -> Vec<&'static str> {
    use configuration::HttpVersion::Auto;
    let stated = [
        ("max-async-transfers", config.max_async_transfers.is_some()),
        ("ssl-verifypeer", config.ssl_verifypeer == Some(false)),
        ("ssl-verifyhost", config.ssl_verifyhost == Some(false)),
        ("ssl-capath", config.ssl_capath.is_some()),
        (
            "http-version",
            config.http_version.is_some_and(|version| version != Auto),
        ),
        ("enable-expect-100", config.enable_expect_100 == Some(true)),
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
