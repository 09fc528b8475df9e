//! Asks REST services questions from inside a routing decision: in a sandbox,
//! before a deadline, with exactly one answer.
//!
//! The logic of a request runs in a WebAssembly component. This crate runs the
//! component in wasmtime and keeps what a component can't be trusted with: the
//! sockets, the two timeouts, the TLS policy and the limits.
//!
//! ```
//! use rest_client_host::{Config, ErrorKind, Host};
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let host = Host::new(Config::default())?;
//! let instance = host.instance();
//! match instance.rest_get("http://127.0.0.1:1/credit?caller=alice").await {
//!     Ok(reply) => println!("{}: {} bytes", reply.status, reply.body.len()),
//!     Err(error) if error.kind() == ErrorKind::ConnectionRefused => println!("{error}"),
//!     Err(error) => return Err(error.into()),
//! }
//! # Ok(())
//! # })
//! # as Result<(), Box<dyn std::error::Error>>;
//! # Ok::<(), std::io::Error>(())
//! ```

mod call;
pub mod config;
mod error;
mod host;
mod instance;
pub mod plugin;
mod request;
mod response;
mod sandbox;
mod stats;
mod transport;
mod worker_pool;

pub use config::{
    AtCap, Config, ConfigError, HttpVersion,
    client_domain::{ClientDomain, ServerPattern},
};
pub use error::{Error, ErrorKind, Partial};
pub use host::Host;
pub use instance::Instance;
pub use request::Request;
pub use response::{Headers, Response, Timings};
#[cfg(feature = "canned")]
pub use sandbox::canned::canned_calls;
pub use stats::Stats;
pub use worker_pool::{WorkerPool, WorkerState};
