//! The guest component of rest-client: everything about a REST call
//! that needs no socket.
//!
//! The modules below are pure functions of their arguments, and their tests run
//! natively. Only [`p2`] and [`p3`] talk to a host, one in each of the two components that
//! are built: they bind the others to the WIT package in `wit/` over `wasi:http` 0.2, and to
//! that in `wit/async/` over 0.3. What both of them do, and can't be written without the
//! types that are generated for each, stands once in `bound/`, and is a part of both.

#![allow(
    clippy::duplicate_mod,
    reason = "what stands in bound/ is a part of both p2 and p3"
)]

#[cfg(target_arch = "wasm32")]
mod allocator;
pub mod body;
pub mod config;
pub mod duration;
pub mod enforcement;
pub mod error;
pub mod escape;
pub mod header;
pub mod host_name;
pub mod length;
pub mod location;
#[cfg(not(all(target_arch = "wasm32", feature = "p3")))]
pub mod p2;
#[cfg(any(not(target_arch = "wasm32"), feature = "p3"))]
pub mod p3;
pub mod preset;
pub mod redirect;
pub mod request;
pub mod response;
pub mod url;
