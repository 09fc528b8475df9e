//! A rule of the contract that is broken.

use std::fmt;

/// Which rule a request or a decision breaks, and where: a sentence for the operator.
///
/// ```
/// use rest_client_host::routing::read_request;
///
/// let error = read_request(br#"{"protocol": "sip", "method": "ACK", "target": "sip:a@b"}"#);
/// let message = error.unwrap_err().to_string();
/// assert_eq!(message, "method: ACK follows its INVITE, so there is nothing to decide");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation(String);

impl Violation {
    /// At `place`, which is named as the contract names it.
    pub(super) fn new(place: impl fmt::Display, what: impl fmt::Display) -> Self {
        Self(format!("{place}: {what}"))
    }

    /// The same, seen from around `place`.
    pub(super) fn within(self, place: impl fmt::Display) -> Self {
        Self(format!("{place}.{}", self.0))
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Violation {}
