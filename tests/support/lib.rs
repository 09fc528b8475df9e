//! What the promises are tested against: servers that misbehave on purpose, a
//! small PKI, and the programs of others. Real sockets only.

pub mod config;
pub mod counting_server;
pub mod floods;
pub mod folder;
pub mod h2;
mod http1;
pub mod http2_frames;
pub mod kamailio;
mod listener;
pub mod name_server;
pub mod pki;
pub mod plugin;
pub mod process;
pub mod proxy;
pub mod puppet;
pub mod relay;
pub mod server;
pub mod sipp;
pub mod steps;
pub mod unix_socket;
pub mod unresponsive;

/// The examples of the README are compiled with the tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
