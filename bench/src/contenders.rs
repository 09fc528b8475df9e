//! Ways to make many requests, each as its users would.

mod default_send;
mod hyper;
mod libcurl;
mod ours;
mod reqwest;

use crate::server::Addresses;
use anyhow::{Result, ensure};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use std::time::{Duration, Instant};

pub(crate) use ours::{Library, host};

/// What the contenders are called.
pub(crate) mod names {
    pub(crate) const NATIVE: &str = "native hyper-util";
    pub(crate) const REQWEST: &str = "reqwest";
    pub(crate) const LIBCURL: &str = "libcurl multi";
    pub(crate) const DEFAULT: &str = "default_send_request";
    pub(crate) const OURS: &str = "rest-client";
    pub(crate) const FRESH: &str = "rest-client, fresh instances";
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load<'a> {
    pub(crate) url: &'a str,
    /// Bytes that every body must have.
    pub(crate) size: usize,
    pub(crate) calls: usize,
    pub(crate) in_flight: usize,
}

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

/// All of them.
pub(crate) fn all(addresses: &Addresses) -> Result<Vec<Box<dyn Contender>>> {
    Ok(vec![
        // Before all others, since it is built to wait with select, which knows
        // the lowest 1,024 descriptors alone.
        Box::new(libcurl::Multi::new()),
        Box::new(hyper::Pooled::new(addresses)?),
        Box::new(reqwest::Reqwest::new(addresses)?),
        Box::new(default_send::DefaultSend::new()?),
        Box::new(ours::Library::new(addresses)?),
        Box::new(ours::FreshInstances::new(addresses)?),
    ])
}

/// All run on one thread: the client has one core.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}

/// Makes calls with so many in flight, and returns how long it took.
async fn drive<F>(load: Load<'_>, call: impl Fn() -> F) -> Result<Duration>
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

fn check(size: usize, load: Load<'_>) -> Result<()> {
    ensure!(
        size == load.size,
        "a body of {size} bytes, where {} were to come",
        load.size
    );
    Ok(())
}
