//! The calls that a contender makes.

use anyhow::{Result, ensure};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use std::time::{Duration, Instant};

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load<'a> {
    pub(crate) url: &'a str,
    /// Bytes that every body must have.
    pub(crate) size: usize,
    pub(crate) calls: usize,
    pub(crate) in_flight: usize,
}

/// Makes calls with so many in flight, and returns how long it took.
pub(crate) async fn drive<F>(load: Load<'_>, call: impl Fn() -> F) -> Result<Duration>
where
    F: Future<Output = Result<usize>>,
{
    let started = Instant::now();
    let mut running = FuturesUnordered::new();
    let mut left = load.calls;
    loop {
        while left > 0 && running.len() < load.in_flight {
            running.push(call());
            left -= 1;
        }
        match running.next().await {
            Some(size) => check(size?, load)?,
            None => return Ok(started.elapsed()),
        }
    }
}

pub(crate) fn check(size: usize, load: Load<'_>) -> Result<()> {
    ensure!(
        size == load.size,
        "a body of {size} bytes, where {} were to come",
        load.size
    );
    Ok(())
}
