//! A pool of workers: instances of one configuration that share the calls of a
//! program, as the worker processes of the original do.

use crate::{
    error::{Error, ErrorKind},
    host::Host,
    instance::Instance,
    request::{By, Request},
    response::Response,
    stats::Stats,
};
use serde::Serialize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::sync::watch;

/// Gives each call to an instance that is not blocked. A worker whose sandbox
/// dies has a new one at its next call.
///
/// ```
/// # async fn ask(url: &str) -> Result<(), Box<dyn std::error::Error>> {
/// use rest_client_host::{Config, Host, WorkerPool};
///
/// let pool = WorkerPool::new(&Host::new(Config::default())?, 4);
/// let credit = pool.rest_get(url).await?;
/// println!("{}", credit.status);
/// pool.drain().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct WorkerPool {
    workers: Vec<Instance>,
    /// Where to begin to look for the next call's worker.
    next: AtomicUsize,
    is_draining: AtomicBool,
    /// Calls under way.
    calls: watch::Sender<usize>,
}

/// What a worker does at the moment, with what it has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct WorkerState {
    /// It waits for a transfer that runs in a blocking manner.
    pub is_blocked: bool,
    /// What it has done so far.
    #[serde(flatten)]
    pub stats: Stats,
}

impl WorkerPool {
    /// A pool of `workers` instances of `host`, at least one.
    #[must_use]
    pub fn new(host: &Host, workers: usize) -> Self {
        Self {
            workers: (0..workers.max(1)).map(|_| host.instance()).collect(),
            next: AtomicUsize::new(0),
            is_draining: AtomicBool::new(false),
            calls: watch::Sender::new(0),
        }
    }

    /// As [`Instance::rest_get`].
    pub fn rest_get(&self, url: &str) -> Request<'_> {
        Request::new(By::Pool(self), "GET", url)
    }

    /// As [`Instance::rest_post`].
    pub fn rest_post(&self, url: &str, body: impl Into<Vec<u8>>) -> Request<'_> {
        Request::new(By::Pool(self), "POST", url).body(body)
    }

    /// As [`Instance::rest_put`].
    pub fn rest_put(&self, url: &str, body: impl Into<Vec<u8>>) -> Request<'_> {
        Request::new(By::Pool(self), "PUT", url).body(body)
    }

    /// As [`Instance::rest_request`].
    pub fn rest_request(&self, method: &str, url: &str) -> Request<'_> {
        Request::new(By::Pool(self), method, url)
    }

    /// The instances, for a call that is for one of them.
    #[must_use]
    pub fn workers(&self) -> &[Instance] {
        &self.workers
    }

    /// The state of each worker.
    #[must_use]
    pub fn states(&self) -> Vec<WorkerState> {
        self.workers
            .iter()
            .map(|worker| WorkerState {
                is_blocked: worker.is_blocked(),
                stats: worker.stats(),
            })
            .collect()
    }

    /// What all workers together have done so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.workers.iter().fold(Stats::default(), |mut sum, it| {
            sum += it.stats();
            sum
        })
    }

    /// As [`Instance::set_max_async_transfers`], for all workers.
    ///
    /// # Errors
    ///
    /// As there; no worker's cap is changed then.
    pub fn set_max_async_transfers(&self, cap: u32) -> Result<(), Error> {
        self.workers
            .iter()
            .try_for_each(|worker| worker.set_max_async_transfers(cap))
    }

    /// Refuses new calls from now on, with [`ErrorKind::Denied`], and returns
    /// when those under way have ended, which is at their deadlines at the
    /// latest.
    pub async fn drain(&self) {
        self.is_draining.store(true, Ordering::SeqCst);
        // The sender is here: waiting can't fail.
        let _ = self.calls.subscribe().wait_for(|calls| *calls == 0).await;
    }

    pub(crate) async fn run(&self, request: Request<'_>) -> Result<Response, Error> {
        let _under_way = UnderWay::count(&self.calls);
        if self.is_draining.load(Ordering::SeqCst) {
            let message = "the pool of workers is being shut down";
            return Err(Error::new(ErrorKind::Denied, message));
        }
        self.choose().run(request).await
    }

    /// The worker with the least to do among those that are not blocked, or
    /// among all if all are; of equals, another one each time.
    fn choose(&self) -> &Instance {
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        let (before, after) = self.workers.split_at(start % self.workers.len());
        after
            .iter()
            .chain(before)
            .min_by_key(|worker| (worker.is_blocked(), worker.load()))
            .unwrap_or(&self.workers[0])
    }
}

/// Counted until it is dropped.
struct UnderWay<'a>(&'a watch::Sender<usize>);

impl<'a> UnderWay<'a> {
    fn count(calls: &'a watch::Sender<usize>) -> Self {
        calls.send_modify(|calls| *calls += 1);
        Self(calls)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|calls| *calls -= 1);
    }
}
