//! Asks REST services questions from inside a routing decision: in a sandbox,
//! before a deadline, with exactly one answer.
//!
//! The logic of a request runs in a WebAssembly component. This crate runs the
//! component in wasmtime and keeps what a component can't be trusted with: the
//! sockets, the two timeouts, the TLS policy and the limits.
//!
//! ```
//! # let url: String = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/service/serve.rs"));
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! use rest_client_host::{Config, ErrorKind, Host};
//!
//! let host = Host::new(Config::default())?;
//! let instance = host.instance();
//! let credit = instance.rest_get(&format!("{url}/credit?caller=alice")).await?;
//! assert_eq!(credit.text(), "12.50 EUR");
//!
//! let nobody = instance.rest_get("http://127.0.0.1:1/").await;
//! assert_eq!(nobody.unwrap_err().kind(), ErrorKind::ConnectionRefused);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bounded_file;
mod call;
pub mod config;
mod error;
mod host;
mod instance;
mod line_budget;
#[cfg(test)]
mod misbehaving_guests;
mod one_line;
mod partial;
pub mod plugin;
mod preset;
#[allow(
    unreachable_pub,
    dead_code,
    reason = "a file of the guest, where it is public and read"
)]
mod preset_layout;
mod request;
mod response;
pub mod routing;
mod sandbox;
mod slots;
mod stats;
mod ticker;
mod timings;
mod transport;
mod wasi;
mod worker_pool;

/// What the fuzz targets reach beside the public API.
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::{
        plugin::fuzzing::{Asked, Started, Told, finish, give_up, request, start},
        transport::fuzzing::{InMemory, allows, special_address},
    };
}

pub use config::{
    AtCap, ClientDomain, Config, ConfigError, Egress, EgressDefault, EgressRule, FailFast,
    HttpVersion, PluginConfig, SecretSource, ServerPattern, Service, ServiceOrigin, TlsVersion,
};
pub use error::{Error, ErrorKind};
pub use host::Host;
pub use instance::Instance;
pub use partial::Partial;
pub use preset::Preset;
pub use request::Request;
pub use response::Response;
#[cfg(feature = "canned")]
pub use sandbox::canned_calls;
pub use stats::Stats;
pub use timings::Timings;
pub use wasi::Wasi;
pub use worker_pool::{WorkerPool, WorkerState};
