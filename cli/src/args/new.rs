//! A plugin to begin with.

use super::wasi;
use clap::{Args, ValueEnum};
use rest_client_host::Wasi;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct New {
    /// What it is written in
    #[arg(long, value_name = "LANGUAGE")]
    pub(crate) lang: Language,

    /// The generation of WASI: 0.2, or 0.3, in which questions are asynchronous functions; for
    /// rust and python
    #[arg(long, value_name = "VERSION", default_value = "0.2", value_parser = wasi)]
    pub(crate) wasi: Wasi,

    /// The folder to make; its last part is the name of the plugin
    pub(crate) folder: PathBuf,
}

/// A language that there is a template of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// With cargo, for the generator of its bindings, and pip, for zig as the compiler
    C,
    /// With cargo, for the generator of its bindings, and pip
    Go,
    /// With npm, on the engine QuickJS or Firefox's
    Javascript,
    /// With pip
    Python,
    /// With cargo and rustup
    Rust,
}
