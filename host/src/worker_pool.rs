//! A pool of workers: instances of one configuration that share the calls of a
//! program, as the worker processes of the original do.

use crate::{
    call::spec::CallSpec,
    error::{Error, ErrorKind},
    host::Host,
    instance::Instance,
    request::{Caller, PendingResponse, Request},
    stats::Stats,
};
use serde::Serialize;
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};
use tokio::sync::{oneshot, watch};

/// Gives each call to an instance that is not blocked. A worker whose sandbox
/// dies has a new one at its next call. Cheap to clone; clones are the same
/// pool.
///
/// ```
/// # let url: String = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/service/serve.rs"));
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use rest_client_host::{Config, ErrorKind, Host, WorkerPool};
///
/// let pool = WorkerPool::new(&Host::new(Config::default())?, 4);
/// let credit = pool.rest_get(&format!("{url}/credit?caller=alice")).await?;
/// assert_eq!(credit.text(), "12.50 EUR");
///
/// pool.drain().await;
/// let error = pool.rest_get(&url).await.unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Draining);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct WorkerPool(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    workers: Vec<Instance>,
    /// Where to begin to look for the next call's worker.
    next: AtomicUsize,
    is_draining: AtomicBool,
    /// Calls under way.
    calls: watch::Sender<usize>,
}

/// What a worker does at the moment, with what it has done.
///
/// ```
/// use rest_client_host::{Config, Host, WorkerPool};
///
/// let pool = WorkerPool::new(&Host::new(Config::default())?, 2);
/// for worker in pool.states() {
///     assert!(!worker.is_blocked && worker.stats.started == 0);
/// }
/// # Ok::<(), rest_client_host::ConfigError>(())
/// ```
#[non_exhaustive]
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
        Self(Arc::new(Inner {
            workers: (0..workers.max(1)).map(|_| host.instance()).collect(),
            next: AtomicUsize::new(0),
            is_draining: AtomicBool::new(false),
            calls: watch::Sender::new(0),
        }))
    }

    /// As [`Instance::rest_get`].
    pub fn rest_get(&self, url: &str) -> Request {
        self.rest_request("GET", url)
    }

    /// As [`Instance::rest_post`].
    pub fn rest_post(&self, url: &str, body: impl Into<Vec<u8>>) -> Request {
        self.rest_request("POST", url).body(body)
    }

    /// As [`Instance::rest_put`].
    pub fn rest_put(&self, url: &str, body: impl Into<Vec<u8>>) -> Request {
        self.rest_request("PUT", url).body(body)
    }

    /// As [`Instance::rest_request`].
    pub fn rest_request(&self, method: &str, url: &str) -> Request {
        Request::new(self.0.clone(), method, url)
    }

    /// The instances, for a call that is for one of them.
    #[must_use]
    pub fn workers(&self) -> &[Instance] {
        &self.0.workers
    }

    /// The state of each worker.
    #[must_use]
    pub fn states(&self) -> Vec<WorkerState> {
        self.0
            .workers
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
        self.0.workers.iter().fold(Stats::default(), |mut sum, it| {
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
        self.0
            .workers
            .iter()
            .try_for_each(|worker| worker.set_max_async_transfers(cap))
    }

    /// Refuses new calls from now on, with [`ErrorKind::Draining`], and returns
    /// when those under way have ended, which is at their deadlines at the
    /// latest.
    pub async fn drain(&self) {
        self.0.is_draining.store(true, Ordering::SeqCst);
        // The sender is here: waiting can't fail.
        let _ = self.0.calls.subscribe().wait_for(|calls| *calls == 0).await;
    }
}

impl Caller for Inner {
    fn call(
        self: Arc<Self>,
        spec: Box<CallSpec>,
        begun: Option<oneshot::Sender<()>>,
    ) -> PendingResponse {
        Box::pin(async move {
            let _under_way = UnderWay::count(&self.calls);
            if self.is_draining.load(Ordering::SeqCst) {
                let message = "the pool of workers is being shut down";
                return Err(Error::new(ErrorKind::Draining, message));
            }
            self.choose().call(spec, begun).await
        })
    }
}

impl Inner {
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
