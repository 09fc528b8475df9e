//! Routing decisions: what a plugin of the [routing contract](Decision) gets to know of a
//! SIP or HTTP request, and what it may tell the proxy to do.
//!
//! The types are those of the WIT package `routing:contract`, which documents each of them;
//! they never change. The rules of the contract are checked here for the requests and for
//! the decisions, so that a proxy need not check them.
//!
//! ```
//! use rest_client_host::routing::{self, Answer, Decision, read_request, write_decision};
//!
//! let request = read_request(
//!     br#"{"protocol": "http", "method": "GET", "target": "/credit",
//!          "fields": [{"name": "host", "value": "example.com"}]}"#,
//! )?;
//! let mut answer = Answer {
//!     code: 402,
//!     reason: None,
//!     fields: vec![],
//!     body: vec![],
//!     attributes: vec![("reason".into(), "no credit".into())],
//! };
//! let decision = Decision::Answer(answer.clone());
//! routing::check_decision(&request, &decision)?;
//! assert_eq!(
//!     write_decision(&decision),
//!     r#"{"decision":"answer","code":402,"attributes":{"reason":"no credit"}}"#,
//! );
//!
//! answer.code = 302;
//! let broken = routing::check_decision(&request, &Decision::Answer(answer)).unwrap_err();
//! assert_eq!(broken.to_string(), "answer: 302 is a code of a redirect");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub(crate) mod bindings;
mod decision;
mod fields;
mod json;
mod names;
mod request;
mod sip;
mod violation;

pub use bindings::routing::contract::decisions::{
    Answer, Changes, Decision, Destination, Endpoint, Payload, Protocol, Redirect, Request,
    Transport,
};
pub use decision::check_decision;
pub(crate) use decision::check_reserved;
pub use fields::{MOST_ATTRIBUTES, is_attribute_name};
pub use json::{RequestError, read_request, write_decision, write_failed, write_request};
pub use request::{check_request, request_id};
pub use sip::{SipSource, read_sip};
pub use violation::Violation;
