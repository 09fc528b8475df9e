//! A plugin and the component in one file, for other hosts.

use super::{size, wasi, whole};
use clap::Args;
use rest_client_host::{AtCap, Config, ConfigError, Preset, Wasi, config::duration};
use std::{path::PathBuf, time::Duration};

/// For a host that has wasi:http but does not know this program: wasmtime serve, jco,
/// wasmCloud.
#[derive(Debug, Args)]
pub(crate) struct Compose {
    /// The plugin, a .wasm file
    pub(crate) plugin: PathBuf,

    /// Write the composed component to FILE, or to standard output for -
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,

    #[command(flatten)]
    pub(crate) fixed: Fixed,
}

/// The component of this program without a plugin: to embed it, or to compose it with
/// other tools.
#[derive(Debug, Args)]
pub(crate) struct Component {
    /// Write it to FILE, or to standard output for -
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,

    /// The WASI version: 0.2, or 0.3, in which calls are asynchronous functions
    #[arg(long, value_name = "VERSION", default_value = "0.2", value_parser = wasi)]
    pub(crate) wasi: Wasi,

    #[command(flatten)]
    pub(crate) fixed: Fixed,
}

/// Parameters that go into the component.
#[derive(Debug, Args)]
#[command(next_help_heading = "Parameters to fix in the component")]
pub(crate) struct Fixed {
    /// Time limit until the connection is usable, if the host supports it [default: 20s]
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    connection_timeout: Option<Duration>,

    /// Limit of the whole call, connecting included [default: 20s]
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    transfer_timeout: Option<Duration>,

    /// Asynchronous transfers that one instance may have in flight [default: 100]
    #[arg(long, value_name = "COUNT", visible_alias = "cap", value_parser = whole)]
    max_async_transfers: Option<u32>,

    /// What a call beyond --max-async-transfers does: block or reject, and with WASI 0.3
    /// also wait [default: block]
    #[arg(long, value_name = "WHAT")]
    at_cap: Option<AtCap>,

    /// Limit of a reply's body, 0 for none [default: 10485760]
    #[arg(long, value_name = "BYTES", value_parser = size)]
    max_transfer_size: Option<u64>,
}

impl Fixed {
    /// The component for `wasi` that holds them, and nothing of what was left out.
    pub(crate) fn component(&self, wasi: Wasi) -> Result<Vec<u8>, ConfigError> {
        self.over(Preset::default()).component(wasi)
    }

    /// The component for `wasi` that holds them, and the defaults of what was left out, so that a plugin
    /// can raise none of them.
    pub(crate) fn component_for_plugin(&self, wasi: Wasi) -> Result<Vec<u8>, ConfigError> {
        let config = Config::default();
        let mut defaults = Preset::default();
        defaults.connection_timeout = Some(config.connection_timeout);
        defaults.transfer_timeout = Some(config.transfer_timeout);
        defaults.max_async_transfers = Some(config.max_async_transfers);
        defaults.max_transfer_size = Some(config.max_transfer_size);
        self.over(defaults).component(wasi)
    }

    fn over(&self, mut preset: Preset) -> Preset {
        preset.connection_timeout = self.connection_timeout.or(preset.connection_timeout);
        preset.transfer_timeout = self.transfer_timeout.or(preset.transfer_timeout);
        preset.max_async_transfers = self.max_async_transfers.or(preset.max_async_transfers);
        preset.at_cap = self.at_cap.or(preset.at_cap);
        preset.max_transfer_size = self.max_transfer_size.or(preset.max_transfer_size);
        preset
    }
}
