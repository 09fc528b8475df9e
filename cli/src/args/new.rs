//! A plugin to begin with.

use super::wasi;
use clap::{Args, ValueEnum};
use rest_client_host::Wasi;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct New {
    /// The language of the plugin
    #[arg(long, value_name = "LANGUAGE")]
    pub(crate) lang: Language,

    /// The WASI version: 0.2, or 0.3, in which questions are asynchronous functions (rust and
    /// python only)
    #[arg(long, value_name = "VERSION", default_value = "0.2", value_parser = wasi)]
    pub(crate) wasi: Wasi,

    /// The directory to create; the last part of its path is the name of the plugin
    pub(crate) folder: PathBuf,
}

/// A language that there is a template of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// Needs cargo (for its bindings generator) and pip (for zig, the compiler)
    C,
    /// Needs cargo (for its bindings generator) and pip
    Go,
    /// Needs npm; runs on QuickJS or on Firefox's engine
    Javascript,
    /// Needs pip
    Python,
    /// Needs cargo and rustup
    Rust,
}
