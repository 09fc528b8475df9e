//! Requests and decisions as JSON. Members bear the names of the contract; what is
//! `none` or empty is left out. A field is `{"name", "value"}`, or `{"name", "base64"}`
//! where its bytes are no UTF-8; a body is `{"text"}` or `{"base64"}`; attributes are an
//! object; the case of a decision is its member `"decision"`.
//!
//! What is read is held to all of that: a member that isn't known, or is there twice, is
//! an error.

mod read;
mod write;

pub use read::{RequestError, read_request};
pub use write::{write_decision, write_failed, write_request};

/// What a request has for its time where nothing is said: the host's own limit holds.
const NO_LIMIT: u64 = u64::MAX;

#[cfg(test)]
mod tests;
