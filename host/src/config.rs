//! The parameters of a host, and the sources they are read from.
//!
//! A program can set a [`Config`] in code. A program with an operator reads
//! [`Layers`]: TOML files, the `modparam` lines of an OpenSIPS script, and its own
//! flags. Later sources override earlier ones.

mod at_cap;
mod by_text;
mod client_domain;
pub mod duration;
mod egress;
mod error;
mod host_pattern;
mod http_version;
mod layers;
mod modparam;
mod on_failure;
mod parameters;
mod plugin;
mod script;
mod service;
mod shape;
mod tls_version;
mod toml;
mod words;

pub use at_cap::AtCap;
pub use client_domain::{ClientDomain, ServerPattern};
pub use egress::{Egress, EgressDefault, EgressRule};
pub use error::ConfigError;
pub(crate) use http_version::HTTP1;
pub use http_version::HttpVersion;
pub use layers::Layers;
pub use on_failure::OnFailure;
pub use parameters::Config;
pub use plugin::PluginConfig;
pub(crate) use service::{DOMAIN, Place};
pub use service::{FailFast, SecretSource, Service, ServiceOrigin};
pub use tls_version::TlsVersion;
