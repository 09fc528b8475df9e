//! The exports of the component for WASI 0.2. The modules below are the
//! transport under them.
//!
//! An instance of 0.2 runs one function at a time, so plain cells can hold the
//! state between calls.

mod bindings;
mod download;
mod slot;
mod timer;
mod transfer;
mod upload;

#[path = "bound/call.rs"]
mod call;
#[path = "bound/configured.rs"]
mod configured;
#[path = "bound/error_code.rs"]
mod error_code;
#[path = "bound/gathered.rs"]
mod gathered;
#[path = "bound/outgoing.rs"]
mod outgoing;
#[path = "bound/stop.rs"]
mod stop;
#[path = "bound/to_wit.rs"]
mod to_wit;

use crate::escape;
use bindings::exports::rest::client::types as wit;
use bindings::exports::rest::client::{open_replies, polling, rest, transfers};
use call::Call;
use std::cell::RefCell;
use transfer::Transfer;
use wasip2::{
    clocks::monotonic_clock,
    http::types::{self, IncomingResponse, OutgoingRequest},
    io::poll::Pollable,
};

/// Nothing else goes on in an instance that waits for a place.
const KEEPS_WAIT: bool = false;

/// Implements the world `rest-client` of the WIT package.
pub struct Component;

/// They exist for WebAssembly alone: a native linker does not understand their
/// names.
#[cfg(target_arch = "wasm32")]
#[expect(
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

fn start(
    method: String,
    url: String,
    body: Option<Vec<u8>>,
    content_type: Option<String>,
    options: Option<wit::RequestOptions>,
) -> Transfer {
    Transfer::start(Call::new(method, url, body, content_type, options))
}

fn start_asynchronous(
    method: String,
    url: String,
    body: Option<Vec<u8>>,
    content_type: Option<String>,
    options: Option<wit::RequestOptions>,
) -> transfers::Transfer {
    let transfer = Transfer::start_asynchronous(&configured::settings(), || {
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
