//! How a call of a plugin ends, and the words in which the plugin is told.

use crate::{error::Error, response::Response};

/// All that a plugin is told of a request that the policy refuses.
const REFUSED: &str = "the operator's policy does not allow this request; the log says why";

pub(super) type Outcome = Result<Response, Error>;

/// The words for a call without a complete reply.
pub(super) fn message(error: &Error) -> String {
    match error.is_refused() {
        // What would allow it, and why it is not, is for the operator.
        true => REFUSED.to_owned(),
        false => error.to_string(),
    }
}
