//! From what the guest says of a call to what its caller is told.

use super::bindings::exports::rest::client::types as wit;
use crate::{
    call::{
        Call,
        failure::{Cause, Failure},
        reply::Reply,
    },
    error::{Error, ErrorKind},
    partial::{Partial, RawResponse},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

/// What a caller is told, but for what the host knows anyway.
pub(crate) type CallResult = Result<RawResponse, Error>;

/// The result of a call whose reply the guest accepts. Its body may have been
/// cut off by the deadline.
pub(super) fn accepted(reply: RawResponse, call: &Call) -> CallResult {
    let record = call.record();
    let Some((origin, failure)) = &record.failure else {
        return Ok(reply);
    };
    let kind = match failure.cause {
        Cause::TransferTimeout => ErrorKind::TransferTimeout,
        _ => ErrorKind::Internal,
    };
    let error = Error::of(kind, failure).said_of(origin);
    Err(error.with_partial(Some(Partial::new(reply))))
}

/// The result of a call that the guest calls a failure, in the words of the
/// transport if it was the transport that failed: it knows more than a code can
/// say. A complete reply that the guest refuses to follow, one redirect after the
/// last that it may, is none of the transport's failures.
pub(super) fn failed(error: wit::RestError, call: &Call, max_redirects: u32) -> CallResult {
    let (kind, message, partial) = parts(error);
    let record = call.record();
    let error = match &record.failure {
        Some((origin, failure)) => {
            let kind = match failure.cause {
                Cause::OverBudget => ErrorKind::PluginLimit,
                Cause::AtCap => ErrorKind::AtCap,
                _ => kind,
            };
            Error::of(kind, failure).said_of(origin)
        }
        None => {
            let one_too_many = max_redirects > 0 && record.replies > max_redirects;
            Error::new(kind, message).at_redirect_limit(kind == ErrorKind::Protocol && one_too_many)
        }
    };
    Err(error.with_partial(partial).with_status(record.status))
}

/// The end of a transfer that no guest was told of, as far as a reply had begun:
/// its fields are those that guests are shown.
pub(crate) fn shown(outcome: Result<Reply, Failure>) -> Option<Partial> {
    let Reply { head, body, .. } = outcome.ok()?.shown();
    Some(Partial::new(RawResponse {
        status: head.status,
        headers: head.headers,
        body: body.into_bytes(),
    }))
}

fn parts(error: wit::RestError) -> (ErrorKind, String, Option<Partial>) {
    use wit::RestError as E;
    let (kind, message) = match error {
        E::TransferTimeout(partial) => {
            let message = "transfer-timeout passed".to_owned();
            return (
                ErrorKind::TransferTimeout,
                message,
                raw(partial).map(Partial::new),
            );
        }
        E::ConnectionRefused(message) => (ErrorKind::ConnectionRefused, message),
        E::ConnectionTimeout(message) => (ErrorKind::ConnectionTimeout, message),
        E::AlreadyConnecting(message) => (ErrorKind::AlreadyConnecting, message),
        E::TooLarge(message) => (ErrorKind::TooLarge, message),
        E::Dns(message) => (ErrorKind::Dns, message),
        E::Tls(message) => (ErrorKind::Tls, message),
        E::Denied(message) => (ErrorKind::Denied, message),
        E::Busy(message) => (ErrorKind::AtCap, message),
        E::InvalidUrl(message) => (ErrorKind::InvalidUrl, message),
        E::InvalidHeader(message) => (ErrorKind::InvalidHeader, message),
        E::Protocol(message) => (ErrorKind::Protocol, message),
        E::Internal(message) => (ErrorKind::Internal, message),
    };
    (kind, message, None)
}

/// `None` where no reply had begun.
fn raw(partial: wit::PartialResponse) -> Option<RawResponse> {
    let field = |(name, value): (String, Vec<u8>)| {
        let name = HeaderName::try_from(name).ok()?;
        Some((name, HeaderValue::try_from(value).ok()?))
    };
    Some(RawResponse {
        status: StatusCode::from_u16(partial.status).ok()?,
        headers: partial
            .headers
            .into_iter()
            .filter_map(field)
            .collect::<HeaderMap>(),
        body: Bytes::from(partial.body),
    })
}
