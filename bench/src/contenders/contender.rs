//! What every contender can do.

use crate::load::{Load, Over};
use anyhow::Result;
use std::time::Duration;

/// One way to make many requests.
pub(crate) trait Contender {
    /// What it is called in the report.
    fn name(&self) -> &'static str;

    /// Whether it can carry a load over that here.
    fn speaks(&self, over: Over) -> bool {
        !matches!(over, Over::Unix | Over::Http2)
    }

    /// Makes all calls of `load`, and returns how long that took.
    fn run(&mut self, load: Load<'_>) -> Result<Duration>;
}
