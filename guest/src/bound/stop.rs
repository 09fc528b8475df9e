//! What ends a transfer before its reply is complete.

use super::{error_code, types::ErrorCode};
use crate::{
    config::Deadlines,
    error::{Partial, RestError},
};

/// Why a transfer ended early.
pub(super) enum Stop {
    /// The host ended it with this code.
    HostError(ErrorCode),
    /// The component's own timer has run out.
    DeadlinePassed,
    /// The component found an error itself, which the caller gets as it is.
    Known(RestError),
}

impl Stop {
    /// What the caller gets where a request to `origin` ended so, with `partial` of its
    /// reply. `limit` is in bytes, and 0 is no limit.
    pub(super) fn explain(
        self,
        origin: &str,
        deadlines: Deadlines,
        limit: u64,
        partial: Partial,
    ) -> RestError {
        match self {
            Self::Known(error) => error,
            // It ended where the transfer has to end, and a host need not tell one from the
            // other.
            Self::HostError(ErrorCode::ConnectionTimeout | ErrorCode::DnsTimeout)
                if deadlines.is_lowered =>
            {
                RestError::TransferTimeout(partial)
            }
            Self::HostError(code) => error_code::to_rest_error(code, origin, limit, partial),
            Self::DeadlinePassed => RestError::TransferTimeout(partial),
        }
    }
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
