//! Recorded decisions that are played.

use super::{
    count,
    decider::{decision_timeout, setting, settings},
};
use clap::Args;
use rest_client_host::plugin::PoolOptions;
use std::{num::NonZeroUsize, path::PathBuf, time::Duration};

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// Replace a recorded setting of the plugin; may be repeated
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,

    /// How long the plugin may compute for a decision
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = decision_timeout)]
    decision_timeout: Duration,

    /// Limit of the memory of an instance, in MiB [default: 256]
    #[arg(long, value_name = "MIB", value_parser = count::<NonZeroUsize>)]
    pub(crate) max_memory: Option<NonZeroUsize>,

    /// Where compiled plugins are kept [default: rest-client in the user's cache]
    #[arg(long, value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,

    /// The file of recordings that --record has written
    pub(crate) file: PathBuf,

    /// The component, a .wasm file
    pub(crate) plugin: PathBuf,
}

impl Replay {
    pub(crate) fn options(&self) -> Result<PoolOptions, String> {
        let mut options = PoolOptions::default();
        options.decision_timeout = self.decision_timeout;
        options.settings = settings(&self.settings)?;
        Ok(options)
    }
}
