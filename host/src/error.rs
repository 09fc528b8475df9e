//! Why a call has no complete reply, as an embedding program meets it.

use crate::{
    call::failure::Cause,
    response::{Headers, Timings},
};
use std::fmt;

/// The cases of `rest-error` in the WIT package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Nothing listens there, the host can't be reached, or the connection was
    /// reset while it was made.
    ConnectionRefused,
    /// connection-timeout passed before there was a usable connection.
    ConnectionTimeout,
    /// transfer-timeout passed before the reply was complete.
    TransferTimeout,
    /// no-concurrent-connects is set, and another instance is connecting.
    AlreadyConnecting,
    /// The reply's body is larger than max-transfer-size.
    TooLarge,
    /// The host name has no address, or asking for it failed.
    Dns,
    /// TLS failed, or the certificate was not accepted.
    Tls,
    /// The policy of this host forbids the request.
    Denied,
    /// The URL can't be understood, or is not one of http or https.
    InvalidUrl,
    /// A header field or the method can't be sent.
    InvalidHeader,
    /// The reply breaks HTTP, or the connection ended inside it.
    Protocol,
    /// Anything else: a fault of the component or of this host.
    Internal,
}

impl ErrorKind {
    /// The return code of the original's functions.
    #[must_use]
    pub fn code(self) -> i32 {
        match self {
            Self::ConnectionRefused => -1,
            Self::ConnectionTimeout => -2,
            Self::TransferTimeout => -3,
            Self::AlreadyConnecting => -4,
            _ => -10,
        }
    }

    /// The name of the case in the WIT package.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ConnectionRefused => "connection-refused",
            Self::ConnectionTimeout => "connection-timeout",
            Self::TransferTimeout => "transfer-timeout",
            Self::AlreadyConnecting => "already-connecting",
            Self::TooLarge => "too-large",
            Self::Dns => "dns",
            Self::Tls => "tls",
            Self::Denied => "denied",
            Self::InvalidUrl => "invalid-url",
            Self::InvalidHeader => "invalid-header",
            Self::Protocol => "protocol",
            Self::Internal => "internal",
        }
    }
}

/// A call that ended without a complete reply.
#[derive(Debug, Clone)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    cause: Option<Cause>,
    partial: Option<Partial>,
    timings: Timings,
}

/// What had arrived of a reply when transfer-timeout passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partial {
    /// The HTTP status code.
    pub status: u16,
    /// The first `content-type`, if there is one and it is UTF-8.
    pub content_type: Option<String>,
    /// All fields of the head, but those that speak of the connection alone.
    pub headers: Headers,
    /// The bytes of the body so far.
    pub body: Vec<u8>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            cause: None,
            partial: None,
            timings: Timings::default(),
        }))
    }

    pub(crate) fn at_cap(message: String) -> Self {
        Self::new(ErrorKind::Denied, "").explained(message, Cause::AtCap)
    }

    pub(crate) fn with_partial(mut self, partial: Option<Partial>) -> Self {
        self.0.partial = partial;
        self
    }

    pub(crate) fn with_timings(mut self, timings: Timings) -> Self {
        self.0.timings = timings;
        self
    }

    /// Puts the host's own words in place of the guest's, which can't see why.
    pub(crate) fn explained(mut self, message: String, cause: Cause) -> Self {
        self.0.message = message;
        self.0.cause = Some(cause);
        self
    }

    /// Which case it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The return code of the original's functions: -1 to -4, or -10.
    #[must_use]
    pub fn code(&self) -> i32 {
        self.0.kind.code()
    }

    /// The HTTP status of a reply that had begun, else 0.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.0.partial.as_ref().map_or(0, |partial| partial.status)
    }

    /// What had arrived when transfer-timeout passed, if a reply had begun.
    #[must_use]
    pub fn partial(&self) -> Option<&Partial> {
        self.0.partial.as_ref()
    }

    pub(crate) fn into_partial(self) -> Option<Partial> {
        self.0.partial
    }

    /// Where the time went until the call failed.
    #[must_use]
    pub fn timings(&self) -> &Timings {
        &self.0.timings
    }

    /// Whether one of the two timeouts ended the call.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::ConnectionTimeout | ErrorKind::TransferTimeout
        )
    }

    /// Whether max-async-transfers were in flight, and at-cap is reject.
    #[must_use]
    pub fn is_at_cap(&self) -> bool {
        self.0.cause == Some(Cause::AtCap)
    }

    /// Whether it was the server's certificate that was not accepted, rather
    /// than TLS that failed.
    #[must_use]
    pub fn is_certificate(&self) -> bool {
        self.0.cause == Some(Cause::Certificate)
    }

    /// Whether the connection ended before the reply was complete, rather than
    /// that the reply was wrong. The head had arrived if
    /// [`Timings::first_byte`] is known.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.0.cause == Some(Cause::Incomplete)
    }
}

/// A sentence without user information, path or query.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}
