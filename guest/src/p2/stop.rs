//! What ends a transfer before its reply is complete.

use crate::error::RestError;
use wasip2::http::types::ErrorCode;

/// Why a transfer ended early.
pub(super) enum Stop {
    /// The host ended it with this code.
    HostError(ErrorCode),
    /// The component's own timer has run out.
    DeadlinePassed,
    /// The component found an error itself, which the caller gets as it is.
    Known(RestError),
}

impl From<ErrorCode> for Stop {
    fn from(code: ErrorCode) -> Self {
        Self::HostError(code)
    }
}

impl From<RestError> for Stop {
    fn from(error: RestError) -> Self {
        Self::Known(error)
    }
}

/// The host refused something that a host of `wasi:http` accepts.
pub(super) fn host_refused(what: &str) -> Stop {
    Stop::Known(RestError::Internal(format!("the host refused {what}")))
}
