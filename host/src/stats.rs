//! What an instance has done so far, in numbers.

use serde::Serialize;
use std::ops::AddAssign;

/// A snapshot. All but `in_flight` count from the start of the instance.
///
/// ```
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # let instance = rest_client_host::Host::new(Default::default())?.instance();
/// instance.rest_get("http://127.0.0.1:1/").await.unwrap_err();
/// let stats = instance.stats();
/// assert_eq!((stats.started, stats.in_flight), (1, 0));
/// # Ok::<(), rest_client_host::ConfigError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Transfers that are open now.
    pub in_flight: u64,
    /// Transfers that were started.
    pub started: u64,
    /// Calls that met the cap and ran in a blocking manner.
    pub blocked: u64,
    /// Calls that met the cap and waited.
    pub waited: u64,
    /// Calls that met the cap and were rejected.
    pub rejected: u64,
    /// Calls that were given up by their caller before they had ended.
    pub cancelled: u64,
    /// Requests that the policy refused.
    pub denied: u64,
    /// Sandboxes that died and were replaced.
    pub replaced: u64,
}

/// As for the instances of a pool together.
impl AddAssign for Stats {
    fn add_assign(&mut self, other: Self) {
        self.in_flight += other.in_flight;
        self.started += other.started;
        self.blocked += other.blocked;
        self.waited += other.waited;
        self.rejected += other.rejected;
        self.cancelled += other.cancelled;
        self.denied += other.denied;
        self.replaced += other.replaced;
    }
}
