//! Why a call has no complete reply, as an embedding program meets it.

use crate::{
    call::failure::{Cause, Failure, Source},
    partial::Partial,
    timings::Timings,
};
use http::StatusCode;
use std::{error::Error as StdError, fmt};

/// The cases of `rest-error` in the WIT package, and further ones that only a program
/// can get. More may be added.
///
/// ```
/// use rest_client_host::ErrorKind;
///
/// assert_eq!(ErrorKind::TransferTimeout.name(), "transfer-timeout");
/// assert_eq!(ErrorKind::TransferTimeout.code(), -3);
/// assert_eq!(ErrorKind::Denied.code(), -10);
/// ```
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
    /// max-async-transfers are in flight, of the instance or of a plugin's share
    /// of it, and at-cap is reject.
    AtCap,
    /// The pool of workers is being shut down.
    Draining,
    /// The memory that the host holds for the plugin has reached its budget.
    PluginLimit,
    /// The URL can't be understood, or is not one of http or https.
    InvalidUrl,
    /// A header field or the method can't be sent.
    InvalidHeader,
    /// The reply breaks HTTP, or the connection ended inside it.
    Protocol,
    /// The body of a complete reply is not what it was read as.
    Decode,
    /// A function was called with an argument that it can't accept.
    InvalidArgument,
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

    /// Its name, which is that of the case in the WIT package if it has one.
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
            Self::AtCap => "at-cap",
            Self::Draining => "draining",
            Self::PluginLimit => "plugin-limit",
            Self::InvalidUrl => "invalid-url",
            Self::InvalidHeader => "invalid-header",
            Self::Protocol => "protocol",
            Self::Decode => "decode",
            Self::InvalidArgument => "invalid-argument",
            Self::Internal => "internal",
        }
    }
}

/// A call that ended without a complete reply.
///
/// ```
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use rest_client_host::{Config, ErrorKind, Host};
/// use std::error::Error as _;
///
/// let instance = Host::new(Config::default())?.instance();
/// let error = instance.rest_get("http://127.0.0.1:1/?pin=1234").await.unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
/// assert_eq!(
///     error.to_string(),
///     "http://127.0.0.1:1: the connection was refused, nothing listens on this port"
/// );
/// assert!(error.source().expect("the system's").is::<std::io::Error>());
/// # Ok::<(), rest_client_host::ConfigError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    cause: Option<Cause>,
    source: Option<Source>,
    partial: Option<Partial>,
    /// Of a reply that had begun, whether there is a partial one or not.
    status: Option<StatusCode>,
    at_redirect_limit: bool,
    timings: Timings,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            cause: None,
            source: None,
            partial: None,
            status: None,
            at_redirect_limit: false,
            timings: Timings::default(),
        }))
    }

    /// What the caller of a call that is over is told, in the host's own words.
    pub(crate) fn of(kind: ErrorKind, failure: &Failure) -> Self {
        let mut error = Self::new(kind, &*failure.sentence);
        error.0.cause = Some(failure.cause);
        error.0.source.clone_from(&failure.source);
        error
    }

    /// A deadline that has passed.
    pub(crate) fn timed_out(failure: &Failure) -> Self {
        let kind = match failure.cause {
            Cause::ConnectionTimeout => ErrorKind::ConnectionTimeout,
            _ => ErrorKind::TransferTimeout,
        };
        Self::of(kind, failure)
    }

    /// The same, said of `origin`.
    pub(crate) fn said_of(mut self, origin: &str) -> Self {
        self.0.message = format!("{origin}: {}", self.0.message);
        self
    }

    pub(crate) fn because(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.0.source = Some(std::sync::Arc::new(source));
        self
    }

    pub(crate) fn with_partial(mut self, partial: Option<Partial>) -> Self {
        self.0.partial = partial;
        self
    }

    pub(crate) fn with_status(mut self, status: Option<StatusCode>) -> Self {
        self.0.status = status;
        self
    }

    pub(crate) fn at_redirect_limit(mut self, at_limit: bool) -> Self {
        self.0.at_redirect_limit = at_limit;
        self
    }

    pub(crate) fn with_timings(mut self, timings: Timings) -> Self {
        self.0.timings = timings;
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

    /// The HTTP status of the reply, if its head had arrived, even if the reply was then
    /// cut short, too large or malformed. 0 if no reply had begun. After redirects, it is
    /// that of the last request.
    #[must_use]
    pub fn status(&self) -> u16 {
        let partial = self.0.partial.as_ref().map(Partial::status);
        partial
            .or(self.0.status)
            .map_or(0, |status| status.as_u16())
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

    /// Whether the operator's policy refused it.
    pub(crate) fn is_refused(&self) -> bool {
        self.0.cause == Some(Cause::Denied)
    }

    /// Whether max-async-transfers were in flight, and at-cap is reject.
    #[must_use]
    pub fn is_at_cap(&self) -> bool {
        self.0.kind == ErrorKind::AtCap
    }

    /// Whether it was the server's certificate that was not accepted, rather
    /// than TLS that failed.
    #[must_use]
    pub fn is_certificate(&self) -> bool {
        self.0.cause == Some(Cause::Certificate)
    }

    /// Whether there was one more redirect than
    /// [`Request::max_redirects`](crate::Request::max_redirects) allows.
    #[must_use]
    pub fn is_redirect_limit(&self) -> bool {
        self.0.at_redirect_limit
    }

    /// Whether the connection ended before the reply was complete; false if the reply was
    /// malformed. The head had arrived if [`Timings::first_byte`] is set.
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

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let source = self.0.source.as_ref()?;
        Some(&**source)
    }
}
