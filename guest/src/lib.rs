//! The guest component of rest-client: everything about a REST call
//! that needs no socket.
//!
//! The modules below are pure functions of their arguments, and their tests run
//! natively. Only [`p2`] talks to a host: it binds the others to the WIT
//! package in `wit/`, over `wasi:http` 0.2.

#[cfg(target_arch = "wasm32")]
mod allocator;
pub mod body;
pub mod config;
pub mod enforcement;
pub mod error;
pub mod escape;
pub mod header;
pub mod host_name;
pub mod location;
pub mod p2;
pub mod preset;
pub mod redirect;
pub mod request;
pub mod response;
pub mod url;
