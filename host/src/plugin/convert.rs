//! From the types of the WIT package to those of this crate, and back.

use super::{
    bindings::rest::client::types as wit,
    hooks::Hooks,
    outcome::{Outcome, message},
};
use crate::{
    error::{Error, ErrorKind},
    partial::{Partial, RawResponse},
    response::Response,
};
use bytes::Bytes;
use http::HeaderMap;
use http_body_util::{BodyExt as _, Full};
use std::convert::Infallible;
use wasmtime_wasi_http::{
    FieldMap,
    p2::{body::HostIncomingBody, types::HostIncomingResponse},
};

/// What a plugin is told of a call.
pub(super) fn result(outcome: Outcome) -> Result<wit::Response, wit::RestError> {
    outcome.map(response).map_err(error)
}

fn response(reply: Response) -> wit::Response {
    let (head, body) = head(reply);
    wit::Response {
        body: body.into(),
        ..head
    }
}

/// A reply without its body, and its body.
pub(super) fn head(reply: Response) -> (wit::Response, Bytes) {
    let content_type = reply.content_type().map(str::to_owned);
    let RawResponse {
        status,
        headers,
        body,
    } = reply.into_raw();
    let head = wit::Response {
        status: status.as_u16(),
        content_type,
        headers: fields(&headers),
        body: Vec::new(),
    };
    (head, body)
}

fn fields(headers: &HeaderMap) -> wit::Headers {
    headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
        .collect()
}

/// A reply whose body is still to be read.
pub(super) fn incoming(reply: Response) -> HostIncomingResponse {
    let RawResponse {
        status,
        headers,
        body,
    } = reply.into_raw();
    let body = Full::<Bytes>::from(body)
        .map_err(|never: Infallible| match never {})
        .boxed_unsync();
    HostIncomingResponse {
        status: status.as_u16(),
        headers: FieldMap::new_immutable(&mut Hooks, headers),
        body: Some(HostIncomingBody::new(body)),
    }
}

/// What a plugin is told of a call without a complete reply.
pub(super) fn error(error: Error) -> wit::RestError {
    use wit::RestError as E;
    let message = message(&error);
    match error.kind() {
        ErrorKind::ConnectionRefused => E::ConnectionRefused(message),
        ErrorKind::ConnectionTimeout => E::ConnectionTimeout(message),
        ErrorKind::TransferTimeout => E::TransferTimeout(partial(error.into_partial())),
        ErrorKind::AlreadyConnecting => E::AlreadyConnecting(message),
        ErrorKind::TooLarge => E::TooLarge(message),
        ErrorKind::Dns => E::Dns(message),
        ErrorKind::Tls => E::Tls(message),
        ErrorKind::Denied => E::Denied(message),
        ErrorKind::AtCap | ErrorKind::Draining | ErrorKind::PluginLimit => E::Busy(message),
        ErrorKind::InvalidUrl => E::InvalidUrl(message),
        ErrorKind::InvalidHeader => E::InvalidHeader(message),
        ErrorKind::Protocol => E::Protocol(message),
        // The first two are no ends of a call.
        ErrorKind::Decode | ErrorKind::InvalidArgument | ErrorKind::Internal => {
            E::Internal(message)
        }
    }
}

fn partial(partial: Option<Partial>) -> wit::PartialResponse {
    match partial {
        Some(partial) => {
            let content_type = partial.content_type().map(str::to_owned);
            let RawResponse {
                status,
                headers,
                body,
            } = partial.into_raw();
            wit::PartialResponse {
                status: status.as_u16(),
                content_type,
                headers: fields(&headers),
                body: body.into(),
            }
        }
        None => wit::PartialResponse {
            status: 0,
            content_type: None,
            headers: Vec::new(),
            body: Vec::new(),
        },
    }
}
