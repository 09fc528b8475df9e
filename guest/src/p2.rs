//! The exports of the component for WASI 0.2. The modules below are the
//! transport under them.
//!
//! An instance of 0.2 runs one function at a time, so plain cells can hold the
//! state between calls.

mod bindings;
mod download;
mod error_code;
mod outgoing;
mod slot;
mod stop;
mod timer;
mod to_wit;
mod transfer;
mod upload;

use crate::{
    config::{Parameters, Settings},
    enforcement::AtCap,
    escape,
    preset::Preset,
    request::{Call, Request},
};
use bindings::exports::rest::client::types as wit;
use bindings::exports::rest::client::{configuration, open_replies, polling, rest, transfers};
use std::{
    cell::{Cell, RefCell},
    time::Duration,
};
use transfer::Transfer;
use wasip2::{clocks::monotonic_clock, http::types::IncomingResponse, io::poll::Pollable};

thread_local! {
    static SETTINGS: Cell<Settings> = Cell::new(Settings::of(&Preset::of_this_component()));
}

/// Implements the world `rest-client` of the WIT package.
pub struct Component;

/// They exist for WebAssembly alone: a native linker does not understand their
/// names.
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
        finish(start("GET".into(), url, None, None, options))
    }

    fn rest_post(
        url: String,
        body: Vec<u8>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> Result<wit::Response, wit::RestError> {
        finish(start("POST".into(), url, Some(body), content_type, options))
    }

    fn rest_put(
        url: String,
        body: Vec<u8>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> Result<wit::Response, wit::RestError> {
        finish(start("PUT".into(), url, Some(body), content_type, options))
    }

    fn rest_request(
        method: String,
        url: String,
        body: Option<Vec<u8>>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> Result<wit::Response, wit::RestError> {
        finish(start(method, url, body, content_type, options))
    }

    fn rest_escape(text: String) -> String {
        escape::escape(&text)
    }

    fn rest_unescape(text: String) -> Result<String, String> {
        escape::unescape(&text)
    }
}

impl transfers::Guest for Component {
    type Transfer = Handle;

    fn wait(transfers: Vec<transfers::TransferBorrow<'_>>) -> Vec<u32> {
        let transfers: Vec<_> = transfers.iter().map(|it| &it.get::<Handle>().0).collect();
        loop {
            let ready: Vec<_> = (0..)
                .zip(&transfers)
                .filter_map(|(place, it)| it.borrow_mut().ready().then_some(place))
                .collect();
            if !ready.is_empty() || transfers.is_empty() {
                return ready;
            }
            let waiting: Vec<_> = transfers.iter().map(|it| it.borrow()).collect();
            Transfer::wait(waiting.iter().map(|it| &**it));
        }
    }

    fn start_get(url: String, options: Option<wit::RequestOptions>) -> transfers::Transfer {
        start_asynchronous("GET".into(), url, None, None, options)
    }

    fn start_post(
        url: String,
        body: Vec<u8>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> transfers::Transfer {
        start_asynchronous("POST".into(), url, Some(body), content_type, options)
    }

    fn start_put(
        url: String,
        body: Vec<u8>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> transfers::Transfer {
        start_asynchronous("PUT".into(), url, Some(body), content_type, options)
    }

    fn start_request(
        method: String,
        url: String,
        body: Option<Vec<u8>>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> transfers::Transfer {
        start_asynchronous(method, url, body, content_type, options)
    }
}

/// The resource `transfer` of the WIT package.
pub struct Handle(RefCell<Transfer>);

impl transfers::GuestTransfer for Handle {
    fn ready(&self) -> bool {
        self.0.borrow_mut().ready()
    }

    fn finish(transfer: transfers::Transfer) -> Result<wit::Response, wit::RestError> {
        finish(transfer.into_inner::<Handle>().0.into_inner())
    }
}

impl polling::Guest for Component {
    fn subscribe(transfer: transfers::TransferBorrow<'_>) -> Pollable {
        // For a transfer that is over, this must be ready at once. A timer of 0
        // is.
        transfer
            .get::<Handle>()
            .0
            .borrow()
            .subscribe()
            .unwrap_or_else(|| monotonic_clock::subscribe_duration(0))
    }
}

impl open_replies::Guest for Component {
    fn finish_open(transfer: transfers::Transfer) -> Result<IncomingResponse, wit::RestError> {
        let transfer = transfer.into_inner::<Handle>().0.into_inner();
        transfer.finish_open().map_err(to_wit::error)
    }
}

impl configuration::Guest for Component {
    fn configure(config: configuration::Config) -> Result<(), configuration::ConfigError> {
        let parameters = Parameters {
            connection_timeout: config.connection_timeout.map(Duration::from_millis),
            transfer_timeout: config.transfer_timeout.map(Duration::from_millis),
            max_async_transfers: config.max_async_transfers,
            at_cap: match config.at_cap {
                Some(configuration::AtCap::Block) => Some(AtCap::Block),
                Some(configuration::AtCap::Reject) => Some(AtCap::Reject),
                Some(configuration::AtCap::Wait) | None => None,
            },
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

fn start(
    method: String,
    url: String,
    body: Option<Vec<u8>>,
    content_type: Option<String>,
    options: Option<wit::RequestOptions>,
) -> Transfer {
    let options = options.unwrap_or_else(|| wit::RequestOptions {
        headers: Vec::new(),
        connection_timeout: None,
        transfer_timeout: None,
        max_redirects: None,
    });
    let settings = SETTINGS.get();
    let deadlines = settings.deadlines(
        options.connection_timeout.map(Duration::from_millis),
        options.transfer_timeout.map(Duration::from_millis),
    );
    let request = Request::prepare(Call {
        method,
        url,
        body,
        content_type,
        headers: options.headers,
    });
    match request {
        Ok(request) => Transfer::start(
            request,
            deadlines,
            &settings,
            options.max_redirects.unwrap_or(0),
        ),
        Err(error) => Transfer::failed(error),
    }
}

fn start_asynchronous(
    method: String,
    url: String,
    body: Option<Vec<u8>>,
    content_type: Option<String>,
    options: Option<wit::RequestOptions>,
) -> transfers::Transfer {
    let transfer = Transfer::start_asynchronous(&SETTINGS.get(), || {
        start(method, url, body, content_type, options)
    });
    transfers::Transfer::new(Handle(RefCell::new(transfer)))
}

fn finish(transfer: Transfer) -> Result<wit::Response, wit::RestError> {
    transfer
        .finish()
        .map(to_wit::response)
        .map_err(to_wit::error)
}

/// The stated parameters that ask for more than what every host of `wasi:http`
/// does.
fn needs_host(config: &configuration::Config) -> Vec<&'static str> {
    use configuration::HttpVersion::Auto;
    let stated = [
        ("at-cap", config.at_cap == Some(configuration::AtCap::Wait)),
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
