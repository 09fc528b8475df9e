//! Makes sandboxes: on demand, or in a slot that was set aside.
//!
//! That takes longer than a call where a sandbox is made on demand, which is
//! nothing where a few sandboxes live long. A program that makes one for every
//! call is noticed by their number, and has slots set aside from then on. Where
//! no slot is free a sandbox is made on demand again, so that there is no limit
//! to their number.

use super::{
    bindings::RestClientPre,
    compiled, engine,
    guest::Sandbox,
    linker,
    outbox::Outbox,
    state::{CORE_INSTANCES, State},
};
use crate::{
    slots::{self, Needs, Slot, Slots},
    ticker::Ticker,
    transport::{Tenant, Transport},
};
use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU32, Ordering},
};
use wasmtime::{Config, component::Component};

/// Sandboxes that are made on demand before slots are set aside.
pub(crate) const ON_DEMAND: u32 = 32;

/// Slots, which take some 0.7 ms to set aside, a TiB of addresses and 520 of
/// the 65,530 mappings that Linux allows a process.
pub(crate) const SLOTS: u32 = 256;

/// Elements of a table; none of the component has as many.
const TABLE: usize = 20_000;

/// Bytes of a page of WebAssembly.
const PAGE: u64 = 64 * 1024;

/// Loads a component into an engine of that configuration.
pub(super) type Load = Box<dyn Fn(Config) -> wasmtime::Result<Component> + Send + Sync>;

/// Makes the sandboxes of a host, whose requests all go through one transport.
pub(crate) struct Factory {
    load: Load,
    on_demand: RestClientPre<State>,
    made: AtomicU32,
    /// Empty until many sandboxes were made; nothing in it if slots can't be
    /// had.
    slots: OnceLock<Option<Slots<RestClientPre<State>>>>,
    ticker: Ticker,
    transport: Arc<Transport>,
    /// Bytes; 0 is no limit.
    max_transfer_size: u64,
}

impl Factory {
    /// Loads the component. `max_transfer_size` is in bytes; 0 is no limit.
    ///
    /// # Errors
    ///
    /// This machine can't run what the component was compiled to, or starts no
    /// further thread.
    pub(crate) fn new(transport: Transport, max_transfer_size: u64) -> wasmtime::Result<Self> {
        Self::of(Box::new(compiled::load), transport, max_transfer_size)
    }

    /// Makes sandboxes of another component of the same world.
    pub(super) fn of(
        load: Load,
        transport: Transport,
        max_transfer_size: u64,
    ) -> wasmtime::Result<Self> {
        let component = load(engine::config())?;
        Ok(Self {
            on_demand: linker::prepare(&component)?,
            ticker: Ticker::start(component.engine())?,
            load,
            made: AtomicU32::new(0),
            slots: OnceLock::new(),
            transport: Arc::new(transport),
            max_transfer_size,
        })
    }

    /// Instantiates the component, gives it its parameters, and sends its
    /// requests on behalf of `tenant`.
    pub(crate) async fn make(&self, tenant: Tenant) -> wasmtime::Result<Sandbox> {
        let (component, slot) = self.place();
        let outbox = Outbox::new(self.transport.clone(), tenant);
        let ticker = self.ticker.clone();
        Sandbox::new(component, slot, ticker, outbox, self.max_transfer_size).await
    }

    /// What the next sandbox is made of, and the slot it is in.
    fn place(&self) -> (&RestClientPre<State>, Option<Slot>) {
        let are_many = self.made.load(Ordering::Relaxed) >= ON_DEMAND
            || self.made.fetch_add(1, Ordering::Relaxed) >= ON_DEMAND;
        if are_many
            && let Some(slots) = self.slots.get_or_init(|| self.slots_if_there_can_be())
            && let Some((component, slot)) = slots.take()
        {
            return (component, Some(slot));
        }
        (&self.on_demand, None)
    }

    fn slots_if_there_can_be(&self) -> Option<Slots<RestClientPre<State>>> {
        let slots = self.set_slots_aside();
        if let Err(error) = &slots {
            tracing::warn!(%error, "no slots can be set aside for sandboxes; each is made on demand");
        }
        slots.ok()
    }

    fn set_slots_aside(&self) -> wasmtime::Result<Slots<RestClientPre<State>>> {
        let required = self
            .on_demand
            .instance_pre()
            .component()
            .resources_required();
        let required = required
            .ok_or_else(|| wasmtime::format_err!("the component imports modules or instances"))?;
        let memory = required.max_initial_memory_size.unwrap_or(0) * PAGE;
        let needs = Needs {
            core_instances: CORE_INSTANCES as u32,
            memories: required.num_memories,
            tables: required.num_tables,
            elements: TABLE,
            // What a guest has at first.
            resident: usize::try_from(memory).unwrap_or(usize::MAX),
        };
        let mut config = engine::config();
        slots::set_aside(&mut config, SLOTS, &needs);
        let component = (self.load)(config)?;
        self.ticker.advance_too(component.engine());
        Ok(Slots::of(linker::prepare(&component)?, SLOTS))
    }

    /// Slots that are free, once there are any.
    #[cfg(test)]
    pub(crate) fn free_slots(&self) -> Option<usize> {
        Some(self.slots.get()?.as_ref()?.free())
    }

    /// As if so many sandboxes had been made that slots are set aside.
    #[cfg(test)]
    pub(crate) fn expect_many(&self) {
        self.made.store(ON_DEMAND, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        call::{Call, spec::CallSpec},
        config::Config,
        transport::{Policy, Pools, Rules},
    };
    use std::time::Duration;

    #[tokio::test]
    async fn a_small_call_does_with_the_memory_that_there_is_at_first() {
        let config = Config::default();
        let transport = Transport::new(&config).unwrap();
        let factory = Factory::new(transport, config.max_transfer_size).unwrap();
        let rules = Rules::new(&config.services, &config.egress).unwrap();
        let policy = Policy::new(Arc::new(rules));
        let tenant = Tenant::new(0, Pools::new(&config).pool(), policy);
        let mut sandbox = factory.make(tenant).await.unwrap();
        let at_first = sandbox.memory();
        let timeout = Duration::from_secs(20);
        let call = Arc::new(Call::start(timeout, timeout));
        let spec = CallSpec {
            body: Some(vec![b'x'; 4096]),
            ..CallSpec::new("POST", "http://127.0.0.1/credit?caller=alice")
        };
        let (guest_call, launched) = sandbox.start(&call, &spec).await.unwrap();
        assert!(launched.is_some());
        sandbox.cancel(guest_call).await.unwrap();
        assert_eq!(sandbox.memory(), at_first);
    }
}
