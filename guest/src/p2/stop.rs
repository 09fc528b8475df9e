//! Why a transfer ended early.

use crate::error::RestError;
use wasip2::http::types::ErrorCode;

/// Why a transfer ended early.
pub(super) enum Stop {
    /// The host failed it.
    Failed(ErrorCode),
    /// This component's own timer ended it.
    TimeUp,
    /// It is known already what the caller is told.
    Told(RestError),
}

impl From<ErrorCode> for Stop {
    fn from(code: ErrorCode) -> Self {
        Self::Failed(code)
    }
}

impl From<RestError> for Stop {
    fn from(error: RestError) -> Self {
        Self::Told(error)
    }
}

/// A host that does not do what `wasi:http` says.
pub(super) fn refused(what: &str) -> Stop {
    Stop::Told(RestError::Internal(format!("the host refused {what}")))
}
