//! What the operator sets for a plugin that decides.

use crate::{
    config::PluginConfig,
    plugin::{Observer, Recorder},
};
use std::{
    collections::BTreeMap,
    num::{NonZeroU32, NonZeroUsize},
    thread::available_parallelism,
    time::Duration,
};

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

const MIB: usize = 1 << 20;

impl PoolOptions {
    /// For the plugin of this name, as the configuration has it. What it leaves out has its
    /// default.
    ///
    /// ```
    /// use rest_client_host::{PluginConfig, plugin::PoolOptions};
    ///
    /// let mut config = PluginConfig::default();
    /// config.queue = Some(10);
    /// let options = PoolOptions::of("credit-check", &config);
    /// assert_eq!((&*options.name, options.queue), ("credit-check", 10));
    /// ```
    #[must_use]
    pub fn of(name: &str, config: &PluginConfig) -> Self {
        let default = Self::default();
        let mib = |it: Option<NonZeroUsize>| it.map(|it| it.get().saturating_mul(MIB));
        Self {
            name: name.to_owned(),
            decision_timeout: config.decision_timeout.unwrap_or(default.decision_timeout),
            instances: config
                .instances
                .map_or(default.instances, NonZeroUsize::get),
            queue: config.queue.unwrap_or(default.queue),
            decisions_per_instance: config
                .decisions_per_instance
                .unwrap_or(default.decisions_per_instance),
            memory_budget: mib(config.memory_budget).unwrap_or(default.memory_budget),
            max_async_transfers: config
                .max_async_transfers
                .unwrap_or(default.max_async_transfers),
            settings: config.settings.clone(),
            reserved_fields: config.reserved_fields.clone(),
            ..default
        }
    }
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
