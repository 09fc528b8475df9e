//! Why a transfer failed, as the transport sees it.
//!
//! A failure goes two ways. As a `wasi:http` error code it reaches whatever
//! guest made the request, which is all that a plugin in any language knows of
//! it. Its sentence also stays in the record of the call, for the embedding
//! program and the operator.

use crate::transport::tls;
use wasmtime_wasi_http::p2::bindings::http::types::{
    DnsErrorPayload, ErrorCode, TlsAlertReceivedPayload,
};

/// A failed transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) cause: Cause,
    /// Continues "https://host: ".
    pub(crate) sentence: String,
}

/// What a failure is to those who have to tell one from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    Refused,
    ConnectionTimeout,
    TransferTimeout,
    AlreadyConnecting,
    AtCap,
    /// With the limit in bytes.
    TooLarge(u64),
    Dns,
    Tls,
    Certificate,
    /// The connection ended before or inside the reply.
    Incomplete,
    Protocol,
    Uri,
}

impl Failure {
    pub(crate) fn new(cause: Cause, sentence: impl Into<String>) -> Self {
        Self {
            cause,
            sentence: sentence.into(),
        }
    }

    /// The code that the guest is given.
    pub(crate) fn to_code(&self) -> ErrorCode {
        match self.cause {
            Cause::Refused => ErrorCode::ConnectionRefused,
            Cause::ConnectionTimeout => ErrorCode::ConnectionTimeout,
            Cause::TransferTimeout => ErrorCode::HttpResponseTimeout,
            Cause::AlreadyConnecting => ErrorCode::ConnectionLimitReached,
            Cause::TooLarge(limit) => ErrorCode::HttpResponseBodySize(Some(limit)),
            Cause::Dns => ErrorCode::DnsError(DnsErrorPayload {
                rcode: Some(self.sentence.clone()),
                info_code: None,
            }),
            // The code for a bad certificate has no room for words, and users
            // of other hosts ask in vain which problem it was.
            Cause::Tls | Cause::Certificate => {
                ErrorCode::TlsAlertReceived(TlsAlertReceivedPayload {
                    alert_id: None,
                    alert_message: Some(self.sentence.clone()),
                })
            }
            Cause::Incomplete => ErrorCode::HttpResponseIncomplete,
            Cause::Protocol => ErrorCode::HttpProtocolError,
            Cause::AtCap => ErrorCode::HttpRequestDenied,
            Cause::Uri => ErrorCode::HttpRequestUriInvalid,
        }
    }

    /// An error of hyper, while the head or the body of a reply was awaited.
    pub(crate) fn from_hyper(error: &hyper::Error) -> Self {
        if error.is_parse_too_large() {
            return Self::new(
                Cause::Protocol,
                "the header fields of the reply are too large",
            );
        }
        if error.is_parse() || error.is_parse_status() {
            return Self::new(Cause::Protocol, "the reply is not HTTP");
        }
        let io = io_error(error);
        if let Some(io) = io
            && io
                .get_ref()
                .is_some_and(|inner| inner.is::<rustls::Error>())
        {
            // With TLS 1.3 a server looks at our certificate when the handshake
            // is over for us.
            return tls::failure(io);
        }
        match io.map(std::io::Error::kind) {
            Some(std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe) => {
                Self::new(
                    Cause::Incomplete,
                    "the connection was reset before the reply was complete",
                )
            }
            Some(std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput) => Self::new(
                Cause::Protocol,
                "the body of the reply breaks the framing it announced",
            ),
            _ if error.is_incomplete_message() || error.is_closed() || error.is_canceled() => {
                Self::new(
                    Cause::Incomplete,
                    "the connection was closed before a reply",
                )
            }
            Some(std::io::ErrorKind::UnexpectedEof) => Self::new(
                Cause::Incomplete,
                "the connection was closed before the reply was complete",
            ),
            _ => Self::new(Cause::Protocol, format!("the exchange failed: {error}")),
        }
    }
}

/// The I/O error at the bottom of `error`.
fn io_error(error: &hyper::Error) -> Option<&std::io::Error> {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if let Some(io) = error.downcast_ref() {
            return Some(io);
        }
        source = error.source();
    }
    None
}
