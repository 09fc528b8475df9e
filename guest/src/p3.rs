//! The exports of the component for WASI 0.3. The modules below are the transport under
//! them.
//!
//! An instance of 0.3 has many calls in it at a time, but one thread: what they share is in
//! plain cells, which nobody holds while he waits.

mod admission;
mod bindings;
mod deadline;
mod line;
mod reply;
mod transfer;

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
use bindings::{
    exports::rest::{
        client::types as wit,
        client_async::{open_replies, rest},
    },
    http::types::{self, Request as OutgoingRequest},
};
use call::Call;
use transfer::Transfer;

/// Others go on while one waits for a place.
const KEEPS_WAIT: bool = true;

/// Implements the world `rest-client-async` of the WIT package.
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
    async fn rest_get(
        url: String,
        options: Option<wit::RequestOptions>,
    ) -> Result<wit::Response, wit::RestError> {
        ask(Call::new("GET".into(), url, None, None, options)).await
    }

    async fn rest_post(
        url: String,
        body: Vec<u8>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> Result<wit::Response, wit::RestError> {
        let call = Call::new("POST".into(), url, Some(body), content_type, options);
        ask(call).await
    }

    async fn rest_put(
        url: String,
        body: Vec<u8>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> Result<wit::Response, wit::RestError> {
        let call = Call::new("PUT".into(), url, Some(body), content_type, options);
        ask(call).await
    }

    async fn rest_request(
        method: String,
        url: String,
        body: Option<Vec<u8>>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> Result<wit::Response, wit::RestError> {
        ask(Call::new(method, url, body, content_type, options)).await
    }

    fn rest_escape(text: String) -> String {
        escape::escape(&text)
    }

    fn rest_unescape(text: String) -> Result<String, String> {
        escape::unescape(&text)
    }
}

impl open_replies::Guest for Component {
    async fn rest_open(
        method: String,
        url: String,
        body: Option<Vec<u8>>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> Result<open_replies::OpenReply, wit::RestError> {
        let call = Call::new(method, url, body, content_type, options);
        let opened = match Transfer::start(call).await {
            Ok(transfer) => transfer.hand_out().await,
            Err(error) => Err(error),
        };
        opened.map_err(to_wit::error)
    }
}

async fn ask(call: Call) -> Result<wit::Response, wit::RestError> {
    let outcome = match Transfer::start(call).await {
        Ok(transfer) => transfer.finish().await,
        Err(error) => Err(error),
    };
    outcome.map(to_wit::response).map_err(to_wit::error)
}
