//! Slots that are set aside for sandboxes, where they are made by the hundred.
//!
//! A sandbox of its own has its memory and its stack mapped by the kernel, pages
//! put in as they are touched, and all of it taken away again, which takes longer
//! than a call. Slots (wasmtime's pooling allocator) stay mapped, and wasmtime
//! puts back what a guest has written when it leaves.

use super::{
    bindings::RestClientPre,
    engine, linker,
    state::{CORE_INSTANCES, State},
};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::{
    Engine, InstanceAllocationStrategy, PoolingAllocationConfig, ResourcesRequired,
    component::Component,
};

/// Slots, which take some 0.7 ms to set aside, a TiB of addresses and 520 of
/// the 65,530 mappings that Linux allows a process.
pub(crate) const SLOTS: u32 = 256;

/// Bytes of a table's elements that stay in memory; no table of the component
/// has as many.
const RESIDENT_TABLE: usize = 8 * 1024;

/// Bytes of a page of WebAssembly.
const PAGE: u64 = 64 * 1024;

/// Loads a component into an engine.
pub(super) type Load = Box<dyn Fn(&Engine) -> wasmtime::Result<Component> + Send + Sync>;

/// A slot that is taken. Free again when it is dropped.
pub(super) type Slot = OwnedSemaphorePermit;

/// An engine with slots, and the component in it.
pub(super) struct PoolingSlots {
    component: RestClientPre<State>,
    free: Arc<Semaphore>,
}

impl PoolingSlots {
    /// Sets them aside for the component that `load` loads, of which `on_demand`
    /// is loaded already.
    ///
    /// # Errors
    ///
    /// The system has no room for them.
    pub(super) fn new(load: &Load, on_demand: &RestClientPre<State>) -> wasmtime::Result<Self> {
        let required = on_demand.instance_pre().component().resources_required();
        let required = required
            .ok_or_else(|| wasmtime::format_err!("the component imports modules or instances"))?;
        let mut config = engine::config();
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pooling(&required)));
        let engine = Engine::new(&config)?;
        Ok(Self {
            component: linker::prepare(&engine, &load(&engine)?)?,
            free: Arc::new(Semaphore::new(SLOTS as usize)),
        })
    }

    /// The engine that runs what is in them.
    pub(super) fn engine(&self) -> &Engine {
        self.component.engine()
    }

    /// What is instantiated in a slot, and the slot, if one is free.
    pub(super) fn take(&self) -> Option<(&RestClientPre<State>, Slot)> {
        let slot = self.free.clone().try_acquire_owned().ok()?;
        Some((&self.component, slot))
    }

    #[cfg(test)]
    pub(super) fn free(&self) -> usize {
        self.free.available_permits()
    }
}

/// Room for as many sandboxes as there are slots. What a guest has at first
/// stays in memory, and is put back by copying rather than by the kernel.
fn pooling(required: &ResourcesRequired) -> PoolingAllocationConfig {
    let memory = required.max_initial_memory_size.unwrap_or(0) * PAGE;
    let mut pooling = PoolingAllocationConfig::new();
    pooling
        .total_component_instances(SLOTS)
        .total_core_instances(SLOTS * CORE_INSTANCES as u32)
        .total_memories(SLOTS * required.num_memories)
        .total_tables(SLOTS * required.num_tables)
        .total_stacks(SLOTS)
        .max_unused_warm_slots(SLOTS)
        .linear_memory_keep_resident(usize::try_from(memory).unwrap_or(usize::MAX))
        .table_keep_resident(RESIDENT_TABLE);
    pooling
}
