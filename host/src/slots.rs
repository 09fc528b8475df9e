//! Slots that are set aside for instances of a component, where they are made by the hundred.
//!
//! An instance on its own has its memory and its stack mapped by the kernel, pages
//! put in as they are touched, and all of it taken away again, which takes longer
//! than a call. Slots (wasmtime's pooling allocator) stay mapped, and wasmtime
//! puts back what a guest has written when it leaves.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::{Config, InstanceAllocationStrategy, PoolingAllocationConfig};

/// A slot that is taken. Free again when it is dropped.
pub(crate) type Slot = OwnedSemaphorePermit;

/// Slots for one component.
pub(crate) struct Slots<P> {
    /// The component, in an engine with slots.
    component: P,
    free: Arc<Semaphore>,
}

/// What an instance takes of its slot, at most.
pub(crate) struct Needs {
    pub(crate) core_instances: u32,
    pub(crate) memories: u32,
    pub(crate) tables: u32,
    /// Of a table.
    pub(crate) elements: usize,
    /// Bytes at the beginning of a memory that stay with the slot, and are put back by copying
    /// rather than by the kernel.
    pub(crate) resident: usize,
}

/// Bytes of a table's elements that stay with a slot.
const RESIDENT_TABLE: usize = 8 * 1024;

impl<P> Slots<P> {
    /// For `component`, whose engine has set so many aside.
    pub(crate) fn of(component: P, number: u32) -> Self {
        Self {
            component,
            free: Arc::new(Semaphore::new(number as usize)),
        }
    }

    /// What is instantiated in a slot, and the slot, if one is free.
    pub(crate) fn take(&self) -> Option<(&P, Slot)> {
        let slot = self.free.clone().try_acquire_owned().ok()?;
        Some((&self.component, slot))
    }

    #[cfg(test)]
    pub(crate) fn free(&self) -> usize {
        self.free.available_permits()
    }
}

/// Has an engine set aside so many slots.
///
/// The kernel is not asked which pages were written (`pagemap_scan`): it leaves out those that
/// are swapped out or being moved, and what is in them would be the next one's to read.
pub(crate) fn set_aside(config: &mut Config, number: u32, needs: &Needs) {
    let mut pooling = PoolingAllocationConfig::new();
    pooling
        .total_component_instances(number)
        .total_core_instances(number.saturating_mul(needs.core_instances))
        .total_memories(number.saturating_mul(needs.memories))
        .total_tables(number.saturating_mul(needs.tables))
        .max_memories_per_module(needs.memories)
        .max_tables_per_module(needs.tables)
        .table_elements(needs.elements)
        .total_stacks(number)
        .max_unused_warm_slots(number)
        .linear_memory_keep_resident(needs.resident)
        .table_keep_resident(RESIDENT_TABLE);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pooling));
}
