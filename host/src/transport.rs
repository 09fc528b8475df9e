//! How a request reaches its server and its reply comes back, under the
//! deadlines of its call.
//!
//! A [`transfer`] asks the [`policy`] for its way, and makes an [`exchange`] with the
//! server: that takes a kept connection from the [`pool`] or makes one. When its
//! [`turn`] has come, [`connect`] looks the name up ([`resolve`]), dials
//! ([`mod@dial`]), and has [`tls`] secured; then [`send`] writes the request, and
//! the exchange gathers the reply.

mod connect;
mod connect_lock;
mod connection;
mod descriptors;
mod dial;
mod early_reply;
mod errors;
mod exchange;
mod expect;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod habit;
mod head;
mod hosts;
mod http1_stream;
mod http2_stream;
mod idle_budget;
mod keep_alive;
mod known_servers;
mod name_servers;
mod pause;
mod policy;
mod pool;
mod proxy;
mod request_body;
mod resolve;
mod send;
mod service_transfer;
mod socket;
mod stamp;
mod stream;
mod tenant;
mod tls;
mod transfer;
mod turn;
mod upload;
mod watched_file;

pub(crate) use exchange::Transport;
pub(crate) use policy::{Policy, Rules};
pub(crate) use pool::{Pool, Pools};
pub(crate) use tenant::Tenant;
