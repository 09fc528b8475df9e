//! How a request reaches its server and a reply comes back, under the deadlines
//! of its call.

pub(crate) mod connect;
pub(crate) mod connect_lock;
pub(crate) mod connection;
mod expect;
pub(crate) mod pool;
mod proxy;
pub(crate) mod resolve;
mod send;
pub(crate) mod tls;
pub(crate) mod transfer;
