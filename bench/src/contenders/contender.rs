//! What every contender can do.

use crate::load::Load;
use anyhow::Result;
use std::time::Duration;

/// Makes all calls of a load.
pub(crate) trait Contender {
    fn name(&self) -> &'static str;

    /// Whether it can be had with TLS here.
    fn speaks_tls(&self) -> bool {
        true
    }

    /// How long that took.
    fn run(&mut self, load: Load<'_>) -> Result<Duration>;
}
