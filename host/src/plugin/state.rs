//! The store of a plugin: what it holds beside the plugin, and what the plugin takes of it
//! at most.

use super::{PluginCtx, PluginView, pace::Pace};
use std::sync::Arc;
use wasmtime::ResourceLimiter;

/// Core modules that a plugin is made of, and memories and tables of these, at most.
/// Toolchains make a dozen modules of an interpreter.
pub(super) const INSTANCES: usize = 200;
const MEMORIES: usize = 50;
const TABLES: usize = 100;

/// What a plugin takes of its store, at most.
///
/// ```
/// use rest_client_host::plugin::Limits;
///
/// let mut limits = Limits::default();
/// assert_eq!(limits.memory, 256 << 20);
/// limits.memory = 16 << 20;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of all its memories together. 256 MiB by default.
    pub memory: usize,
    /// Places of all its tables together. 100,000 by default.
    pub table: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 256 << 20,
            table: 100_000,
        }
    }
}

/// What the store of a plugin holds beside the plugin.
pub(super) struct State {
    pub(super) rest_client: PluginCtx,
    taken: Taken,
    pub(super) pace: Arc<Pace>,
}

/// What a plugin has taken of its store.
struct Taken {
    limits: Limits,
    memory: usize,
    table: usize,
}

impl ResourceLimiter for Taken {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(grow(&mut self.memory, current, desired, self.limits.memory))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(grow(&mut self.table, current, desired, self.limits.table))
    }

    fn instances(&self) -> usize {
        INSTANCES
    }

    fn tables(&self) -> usize {
        TABLES
    }

    fn memories(&self) -> usize {
        MEMORIES
    }
}

/// Counts the growth of one to what all have `taken`, unless that is more than `most`.
fn grow(taken: &mut usize, current: usize, desired: usize, most: usize) -> bool {
    let total = taken.saturating_sub(current).saturating_add(desired);
    let fits = total <= most;
    if fits {
        *taken = total;
    }
    fits
}

impl State {
    /// That of a plugin whose run begins now.
    pub(super) fn new(rest_client: PluginCtx, limits: Limits) -> Self {
        Self {
            rest_client,
            taken: Taken {
                limits,
                memory: 0,
                table: 0,
            },
            pace: Arc::new(Pace::begin()),
        }
    }

    /// What keeps the limits.
    pub(super) fn limiter(&mut self) -> &mut dyn ResourceLimiter {
        &mut self.taken
    }
}

impl PluginView for State {
    fn rest_client(&mut self) -> &mut PluginCtx {
        &mut self.rest_client
    }
}
