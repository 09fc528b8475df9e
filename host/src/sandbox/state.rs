//! What the host keeps for one guest, and how much of it there may be.

use super::{hooks::Hooks, outbox::Outbox};
use wasmtime::{ResourceLimiter, component::ResourceTable};
use wasmtime_wasi::clocks::WasiClocksCtx;
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// Core instances of one guest.
pub(super) const CORE_INSTANCES: usize = 16;

/// Bytes of the header fields of a request, with what they cost in memory.
const MAX_REQUEST_FIELDS: usize = 128 * 1024;

/// How often a guest may be made to yield while it does one thing. It only
/// computes here, which takes it microseconds.
const MAX_YIELDS: u32 = 100;

/// The state of a store.
pub(super) struct State {
    pub(super) table: ResourceTable,
    pub(super) hooks: Hooks,
    pub(super) outbox: Outbox,
    pub(super) clocks: WasiClocksCtx,
    pub(super) memory: Memory,
    http: WasiHttpCtx,
    /// How often the guest was made to yield since it was entered.
    yields: u32,
}

impl State {
    pub(super) fn new(outbox: Outbox, memory_limit: usize) -> Self {
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(MAX_REQUEST_FIELDS);
        Self {
            table: ResourceTable::new(),
            http,
            clocks: WasiClocksCtx::default(),
            hooks: Hooks,
            outbox,
            memory: Memory {
                used: 0,
                limit: memory_limit,
            },
            yields: 0,
        }
    }

    /// The guest is entered anew.
    pub(super) fn reset_yields(&mut self) {
        self.yields = 0;
    }

    /// The guest is made to yield.
    ///
    /// # Errors
    ///
    /// It was so too often.
    pub(super) fn count_yield(&mut self) -> wasmtime::Result<()> {
        self.yields += 1;
        if self.yields > MAX_YIELDS {
            wasmtime::bail!("the guest computes without end");
        }
        Ok(())
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.hooks,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}

/// Bytes of linear memory. Growing past the limit fails inside the guest, which
/// can say so.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) used: usize,
    pub(super) limit: usize,
}

impl ResourceLimiter for Memory {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let granted = desired <= self.limit;
        if granted {
            self.used = desired;
        }
        Ok(granted)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(maximum.is_none_or(|maximum| desired <= maximum))
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES
    }

    fn memories(&self) -> usize {
        1
    }

    fn tables(&self) -> usize {
        16
    }
}
