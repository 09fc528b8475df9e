//! The outcome of a call, in the types of the WIT package.

use super::wit;
use crate::{
    error::RestError,
    response::{self, Response},
};

/// The reply, in the types of the WIT package.
pub(super) fn response(reply: Response) -> wit::Response {
    wit::Response {
        status: reply.status,
        content_type: response::content_type(&reply.headers),
        headers: reply.headers,
        body: reply.body,
    }
}

/// The error, in the types of the WIT package.
pub(super) fn error(error: RestError) -> wit::RestError {
    match error {
        RestError::ConnectionRefused(text) => wit::RestError::ConnectionRefused(text),
        RestError::ConnectionTimeout(text) => wit::RestError::ConnectionTimeout(text),
        RestError::TransferTimeout(partial) => {
            wit::RestError::TransferTimeout(wit::PartialResponse {
                status: partial.status,
                content_type: response::content_type(&partial.headers),
                headers: partial.headers,
                body: partial.body,
            })
        }
        RestError::AlreadyConnecting(text) => wit::RestError::AlreadyConnecting(text),
        RestError::TooLarge(text) => wit::RestError::TooLarge(text),
        RestError::Dns(text) => wit::RestError::Dns(text),
        RestError::Tls(text) => wit::RestError::Tls(text),
        RestError::Denied(text) => wit::RestError::Denied(text),
        RestError::Busy(text) => wit::RestError::Busy(text),
        RestError::InvalidUrl(text) => wit::RestError::InvalidUrl(text),
        RestError::InvalidHeader(text) => wit::RestError::InvalidHeader(text),
        RestError::Protocol(text) => wit::RestError::Protocol(text),
        RestError::Internal(text) => wit::RestError::Internal(text),
    }
}
