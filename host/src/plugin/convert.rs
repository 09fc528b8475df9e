//! From the types of the WIT package to those of this crate, and back.

use super::{
    bindings::rest::client::types as wit,
    transfer::{Counted, Outcome},
};
use crate::{
    error::{Error, ErrorKind},
    instance::Instance,
    request::Request,
    response::Response,
    sandbox::hooks::Hooks,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body_util::{BodyExt as _, Full};
use std::{convert::Infallible, time::Duration};
use wasmtime_wasi_http::{
    FieldMap,
    p2::{body::HostIncomingBody, types::HostIncomingResponse},
};

/// What a plugin asks for.
pub(super) struct Asked {
    method: String,
    url: String,
    body: Option<Vec<u8>>,
    content_type: Option<String>,
    options: Option<wit::RequestOptions>,
}

impl Asked {
    /// The question of `rest-get` and its kin.
    pub(super) fn new(
        method: impl Into<String>,
        url: String,
        body: Option<Vec<u8>>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> Self {
        Self {
            method: method.into(),
            url,
            body,
            content_type,
            options,
        }
    }

    pub(super) fn request(self, instance: &Instance) -> Request<'_> {
        let mut request = instance.rest_request(&self.method, &self.url);
        if let Some(body) = self.body {
            request = request.body(body);
        }
        if let Some(content_type) = self.content_type {
            request = request.content_type(content_type);
        }
        let Some(options) = self.options else {
            return request;
        };
        for (name, value) in options.headers {
            request = request.header(name, value);
        }
        if let Some(timeout) = options.connection_timeout {
            request = request.connection_timeout(Duration::from_millis(timeout));
        }
        if let Some(timeout) = options.transfer_timeout {
            request = request.transfer_timeout(Duration::from_millis(timeout));
        }
        request.max_redirects(options.max_redirects.unwrap_or(0))
    }
}

/// What a plugin is told of a call.
pub(super) fn answer(outcome: Outcome) -> Result<wit::Response, wit::RestError> {
    outcome
        .map(|reply| wit::Response {
            status: reply.status,
            content_type: reply.content_type,
            headers: reply.headers,
            body: reply.body,
        })
        .map_err(told)
}

/// A reply whose body is still to be read. `counted` is kept for as long as the
/// body is.
pub(super) fn incoming(
    reply: Response,
    counted: Counted,
    hooks: &mut Hooks,
) -> wasmtime::Result<HostIncomingResponse> {
    let mut fields = HeaderMap::new();
    for (name, value) in reply.headers {
        let name = HeaderName::try_from(name).map_err(wasmtime::Error::new)?;
        let value = HeaderValue::try_from(value).map_err(wasmtime::Error::new)?;
        fields.append(name, value);
    }
    let body = Full::<Bytes>::from(reply.body)
        .map_err(|never: Infallible| match never {})
        .map_frame(move |frame| {
            let _ = &counted;
            frame
        })
        .boxed_unsync();
    Ok(HostIncomingResponse {
        status: reply.status,
        headers: FieldMap::new_immutable(hooks, fields),
        body: Some(HostIncomingBody::new(body)),
    })
}

/// Of a call without a complete reply.
pub(super) fn told(error: Error) -> wit::RestError {
    use wit::RestError as E;
    let message = error.to_string();
    match error.kind() {
        ErrorKind::ConnectionRefused => E::ConnectionRefused(message),
        ErrorKind::ConnectionTimeout => E::ConnectionTimeout(message),
        ErrorKind::TransferTimeout => E::TransferTimeout(match error.into_partial() {
            Some(partial) => wit::PartialResponse {
                status: partial.status,
                content_type: partial.content_type,
                headers: partial.headers,
                body: partial.body,
            },
            None => wit::PartialResponse {
                status: 0,
                content_type: None,
                headers: Vec::new(),
                body: Vec::new(),
            },
        }),
        ErrorKind::AlreadyConnecting => E::AlreadyConnecting(message),
        ErrorKind::TooLarge => E::TooLarge(message),
        ErrorKind::Dns => E::Dns(message),
        ErrorKind::Tls => E::Tls(message),
        ErrorKind::Denied => E::Denied(message),
        ErrorKind::InvalidUrl => E::InvalidUrl(message),
        ErrorKind::InvalidHeader => E::InvalidHeader(message),
        ErrorKind::Protocol => E::Protocol(message),
        ErrorKind::Internal => E::Internal(message),
    }
}
