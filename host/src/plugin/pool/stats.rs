//! What became of the work of a pool.

use super::{DecisionError, FailureKind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What is counted.
#[derive(Default)]
pub(super) struct Counts {
    decided: AtomicU64,
    failed: [AtomicU64; FailureKind::ALL.len()],
    pub(super) started: AtomicU64,
    pub(super) moved: AtomicU64,
}

/// What became of the decisions of a pool.
///
/// ```
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # use rest_client_host::{Config, Host, plugin::{Limits, PluginRuntime, PoolOptions}};
/// # let component: Vec<u8> = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/plugin_pool/drops_all.rs"));
/// # let plugin = PluginRuntime::new(Limits::default())?.load(&component)?;
/// # let instance = Host::new(Config::default())?.instance();
/// # let pool = rest_client_host::plugin::PluginPool::new(&plugin, instance, PoolOptions::default())?;
/// use rest_client_host::routing::read_request;
///
/// let request = read_request(br#"{"protocol": "http", "method": "GET", "target": "/"}"#)?;
/// pool.route(request).await?;
/// let stats = pool.stats();
/// assert_eq!((stats.decided, stats.in_flight), (1, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStats {
    /// Those that the plugin has made.
    pub decided: u64,
    /// Those that it has not, by how it failed.
    pub failed: Vec<(FailureKind, u64)>,
    /// Those that are being made now.
    pub in_flight: usize,
    /// Those that wait for an instance.
    pub waiting: usize,
    /// Instances that were started.
    pub started: u64,
    /// Decisions that went on in the background, since the plugin computed for long.
    pub moved: u64,
}

impl Counts {
    /// One that was made, or was not.
    pub(super) fn add<T>(&self, outcome: &Result<T, DecisionError>) {
        match outcome {
            Ok(_) => &self.decided,
            Err(error) => &self.failed[error.kind() as usize],
        }
        .fetch_add(1, Relaxed);
    }

    /// One that was made is of no use.
    pub(super) fn reject(&self) {
        self.decided.fetch_sub(1, Relaxed);
        self.failed[FailureKind::Invalid as usize].fetch_add(1, Relaxed);
    }

    /// All of them, beside what is under way.
    pub(super) fn stats(&self, in_flight: usize, waiting: usize) -> PoolStats {
        let failed = FailureKind::ALL.into_iter().zip(&self.failed);
        PoolStats {
            decided: self.decided.load(Relaxed),
            failed: failed.map(|(kind, it)| (kind, it.load(Relaxed))).collect(),
            in_flight,
            waiting,
            started: self.started.load(Relaxed),
            moved: self.moved.load(Relaxed),
        }
    }
}
