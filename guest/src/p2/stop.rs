//! Why a transfer ended early.

use crate::error::RestError;
use wasip2::http::types::ErrorCode;

/// Why a transfer ended early.
pub(super) enum Stop {
    /// The host failed it.
    HostError(ErrorCode),
    /// This component's own timer ended it.
    DeadlinePassed,
    /// It is known already what the caller is told.
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

/// A host that does not do what `wasi:http` says.
pub(super) fn host_refused(what: &str) -> Stop {
    Stop::Known(RestError::Internal(format!("the host refused {what}")))
}
