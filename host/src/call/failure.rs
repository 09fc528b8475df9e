//! Why a transfer failed, as the transport sees it.
//!
//! A failure goes two ways. As a `wasi:http` error code it reaches whatever
//! guest made the request, which is all that a plugin in any language knows of
//! it. Its sentence also stays in the record of the call, for the embedding
//! program and the operator.

use std::{error::Error, sync::Arc};
use wasmtime_wasi_http::p2::bindings::http::types::{
    DnsErrorPayload, ErrorCode, TlsAlertReceivedPayload,
};

/// A failed transfer.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) cause: Cause,
    /// Continues "https://host: ".
    pub(crate) sentence: String,
    /// The error below, of a library or of the system.
    pub(crate) source: Option<Source>,
}

/// An error that several calls may have to be told of.
pub(crate) type Source = Arc<dyn Error + Send + Sync>;

/// What a failure is to those who have to tell one from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    Refused,
    ConnectionTimeout,
    TransferTimeout,
    AlreadyConnecting,
    /// This process may open nothing more.
    NoDescriptors,
    /// With the limit in bytes.
    TooLarge(u64),
    Dns,
    Tls,
    Certificate,
    /// The connection ended before or inside the reply.
    Incomplete,
    Protocol,
    /// The operator's policy forbids it.
    Denied,
    Uri,
    /// As many requests as the service may have are in flight.
    AtCap,
    /// The reply is more than the party may have that pays for the call.
    OverBudget,
}

impl Failure {
    pub(crate) fn new(cause: Cause, sentence: impl Into<String>) -> Self {
        Self {
            cause,
            sentence: sentence.into(),
            source: None,
        }
    }

    /// The same, with the error below it.
    pub(crate) fn because(self, source: impl Error + Send + Sync + 'static) -> Self {
        Self {
            source: Some(Arc::new(source)),
            ..self
        }
    }

    /// The code that the guest is given.
    pub(crate) fn to_code(&self) -> ErrorCode {
        match self.cause {
            Cause::Refused => ErrorCode::ConnectionRefused,
            Cause::ConnectionTimeout => ErrorCode::ConnectionTimeout,
            Cause::TransferTimeout => ErrorCode::HttpResponseTimeout,
            Cause::AlreadyConnecting => ErrorCode::ConnectionLimitReached,
            Cause::NoDescriptors => ErrorCode::InternalError(Some(self.sentence.clone())),
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
            Cause::Denied => ErrorCode::HttpRequestDenied,
            Cause::Uri => ErrorCode::HttpRequestUriInvalid,
            // `wasi:http` knows none that is nearer.
            Cause::AtCap | Cause::OverBudget => {
                ErrorCode::InternalError(Some(self.sentence.clone()))
            }
        }
    }
}
