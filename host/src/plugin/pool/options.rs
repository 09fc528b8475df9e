//! What the operator sets for a plugin that decides.

use crate::plugin::{Observer, Recorder};
use std::{collections::BTreeMap, num::NonZeroU32, thread::available_parallelism, time::Duration};

/// Instances for each processor, where nothing else is set: most of them wait for a
/// service at any time.
const FOR_EACH_PROCESSOR: usize = 16;

/// How a [`PluginPool`](super::PluginPool) runs its plugin.
///
/// ```
/// use rest_client_host::plugin::PoolOptions;
/// use std::time::Duration;
///
/// let mut options = PoolOptions::default();
/// assert_eq!(options.decision_timeout, Duration::from_secs(2));
/// options.settings.insert("tariff".into(), "night".into());
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PoolOptions {
    /// What the plugin is called in the log and in statistics. `plugin` by default.
    pub name: String,
    /// How long a decision takes at most, from the moment it is asked for: waiting for an
    /// instance, the plugin's own time and its questions are in it. 2 seconds by default.
    pub decision_timeout: Duration,
    /// Decisions that are being made at the same time, each in an instance of its own. 16
    /// for each processor by default.
    pub instances: usize,
    /// Decisions that wait for an instance, at most. What comes on top fails at once.
    /// 1,024 by default.
    pub queue: usize,
    /// Decisions after which an instance is replaced by a fresh one; with 1 there is one
    /// for each decision, which sees nothing of others. 10,000 by default.
    pub decisions_per_instance: NonZeroU32,
    /// Bytes that the host keeps for an instance at most; see
    /// [`PluginCtx::memory_budget`](crate::plugin::PluginCtx::memory_budget). 8 MiB by
    /// default.
    pub memory_budget: usize,
    /// Questions of one instance that are in flight at a time; see
    /// [`PluginCtx::max_async_transfers`](crate::plugin::PluginCtx::max_async_transfers). 16
    /// by default.
    pub max_async_transfers: u32,
    /// What the plugin finds in `wasi:config/store`. Nothing by default.
    pub settings: BTreeMap<String, String>,
    /// Who is told of each question of the plugin when it ends. Nobody by default.
    pub observer: Option<Observer>,
    /// Who is told of each decision with all that came into the plugin. With one, each
    /// decision is made by an instance of its own, so that nothing is left of earlier ones.
    /// Nobody by default.
    pub recorder: Option<Recorder>,
    /// Names that begin with one of these belong to the operator: a decision that sets,
    /// adds or removes a field of such a name is invalid. In lower case; none by default.
    pub reserved_fields: Vec<String>,
}

impl Default for PoolOptions {
    fn default() -> Self {
        let processors = available_parallelism().map_or(1, usize::from);
        Self {
            name: "plugin".into(),
            decision_timeout: Duration::from_secs(2),
            instances: FOR_EACH_PROCESSOR * processors,
            queue: 1024,
            decisions_per_instance: const { NonZeroU32::new(10_000).expect("it is not zero") },
            memory_budget: 8 << 20,
            max_async_transfers: 16,
            settings: BTreeMap::new(),
            observer: None,
            recorder: None,
            reserved_fields: Vec::new(),
        }
    }
}
