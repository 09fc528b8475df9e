//! Slots that are set aside for instances of a component, where they are made by the hundred.
//!
//! An instance on its own has its memory and its stack mapped by the kernel, pages
//! put in as they are touched, and all of it taken away again, which takes longer
//! than a call. Slots (wasmtime's pooling allocator) stay mapped, and wasmtime
//! puts back what a guest has written when it leaves.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU32, Ordering::Relaxed},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

/// Instances that are made on demand before slots are set aside.
pub(crate) const ON_DEMAND: u32 = 32;

/// A slot that is taken. Free again when it is dropped.
pub(crate) type Slot = OwnedSemaphorePermit;

/// Slots for one component. There are none before many instances of it were made.
pub(crate) struct Slots<P> {
    made: AtomicU32,
    /// Nothing in it if slots can't be had.
    set_aside: OnceLock<Option<SetAside<P>>>,
}

struct SetAside<P> {
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
    /// Bytes of a memory that stay with the slot, and are put back by copying rather than
    /// by the kernel.
    pub(crate) resident: usize,
}

/// Bytes of a table's elements that stay with a slot.
const RESIDENT_TABLE: usize = 8 * 1024;

impl<P> Slots<P> {
    pub(crate) fn none_yet() -> Self {
        Self {
            made: AtomicU32::new(0),
            set_aside: OnceLock::new(),
        }
    }

    /// What the next instance is made of, and its slot, if one is free. `set_aside` makes so
    /// many, once: the result is the component in an engine with slots.
    pub(crate) fn take(
        &self,
        set_aside: impl FnOnce() -> wasmtime::Result<(P, u32)>,
    ) -> Option<(&P, Slot)> {
        let are_many =
            self.made.load(Relaxed) >= ON_DEMAND || self.made.fetch_add(1, Relaxed) >= ON_DEMAND;
        if !are_many {
            return None;
        }
        let slots = self.set_aside.get_or_init(|| match set_aside() {
            Ok((component, number)) => Some(SetAside {
                component,
                free: Arc::new(Semaphore::new(number as usize)),
            }),
            Err(error) => {
                tracing::warn!(%error, "no slots can be set aside for instances; each is made on demand");
                None
            }
        });
        let SetAside { component, free } = slots.as_ref()?;
        let slot = free.clone().try_acquire_owned().ok()?;
        Some((component, slot))
    }

    /// Slots that are free, once there are any.
    #[cfg(test)]
    pub(crate) fn free(&self) -> Option<usize> {
        Some(self.set_aside.get()?.as_ref()?.free.available_permits())
    }

    /// As if so many instances had been made that slots are set aside.
    #[cfg(test)]
    pub(crate) fn expect_many(&self) {
        self.made.store(ON_DEMAND, Relaxed);
    }
}

/// Has an engine set aside so many slots.
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
        .table_keep_resident(RESIDENT_TABLE)
        // Only what was written is put back, where the kernel can tell.
        .pagemap_scan(Enabled::Auto);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pooling));
}
