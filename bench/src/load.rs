//! The calls that a contender makes.

use anyhow::{Result, ensure};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use serde::Serialize;
use std::time::{Duration, Instant};

/// What calls go over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Over {
    Http,
    Https,
    /// HTTP/2 with TLS, all calls on one connection.
    Http2,
    /// HTTP at a socket of this machine.
    Unix,
    /// A connection of TLS for each call, which the server knows nothing of.
    FullHandshakes,
    /// A connection of TLS for each call, which goes on with a session of before.
    Resumptions,
}

/// So many calls of one URL.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load<'a> {
    pub(crate) over: Over,
    /// At a socket, its host is the name of a service.
    pub(crate) url: &'a str,
    /// The bytes that the body of every reply must have.
    pub(crate) size: usize,
    /// How many calls are made in all.
    pub(crate) calls: usize,
    /// How many calls run at a time.
    pub(crate) in_flight: usize,
}

/// Makes all calls of `load`, and returns how long that took. `call` returns
/// the bytes of one body.
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
            Some(size) => check_size(size?, load)?,
            None => return Ok(started.elapsed()),
        }
    }
}

/// Fails if a body of `size` bytes is not what `load` expects.
pub(crate) fn check_size(size: usize, load: Load<'_>) -> Result<()> {
    ensure!(
        size == load.size,
        "a body of {size} bytes, where {} were to come",
        load.size
    );
    Ok(())
}
