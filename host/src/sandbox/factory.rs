//! Makes sandboxes: each by itself, or in a place that was set aside for it.
//!
//! A sandbox by itself has its memory and its stack mapped by the kernel, pages
//! put in as they are touched, and all of it taken away again, which takes
//! longer than a call. That is nothing where a few sandboxes live long. A
//! program that makes one for every call is noticed by their number, and has
//! places set aside from then on (wasmtime's pooling allocator): they stay
//! mapped, and wasmtime puts back what a guest has written when it leaves. Where
//! no place is free a sandbox is made by itself again, so that there is no limit
//! to their number.

use super::{Sandbox, State, bindings::RestClientPre, linker::linker};
use crate::{
    host,
    sandbox::engine,
    sandbox::ticker::Ticker,
    transport::transfer::{Tenant, Transport},
};
use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU32, Ordering},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::{
    Engine, InstanceAllocationStrategy, PoolingAllocationConfig, ResourcesRequired,
    component::Component,
};

/// The component, compiled when this crate was built.
static COMPONENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/rest-client.cwasm"));

/// The component as it was before, from which its digest can be read.
pub(crate) static COMPONENT_SOURCE: &[u8] = include_bytes!(env!("COMPONENT_SOURCE"));

/// Sandboxes that are made each by itself before places are set aside.
const BY_ITSELF: u32 = 32;

/// Places, which take some 0.7 ms to set aside, a TiB of addresses and 520 of
/// the 65,530 mappings that Linux allows a process.
const PLACES: u32 = 256;

/// What [`super::Memory`] allows a sandbox, too.
const CORE_INSTANCES_PER_PLACE: u32 = 16;

/// Bytes of a table's elements that stay in memory; no table of the component
/// has as many.
const RESIDENT_TABLE: usize = 8 * 1024;

/// Bytes of a page of WebAssembly.
const PAGE: u64 = 64 * 1024;

/// Loads a component into an engine.
type Load = Box<dyn Fn(&Engine) -> wasmtime::Result<Component> + Send + Sync>;

/// Makes sandboxes; there is one for each host.
pub(crate) struct Factory {
    load: Load,
    by_itself: RestClientPre<State>,
    made: AtomicU32,
    /// Empty until many sandboxes were made; nothing in it if places can't be
    /// had.
    places: OnceLock<Option<Places>>,
}

/// Places for sandboxes.
struct Places {
    component: RestClientPre<State>,
    free: Arc<Semaphore>,
}

/// A place that is taken. Free again when it is dropped.
pub(super) type Place = OwnedSemaphorePermit;

impl Factory {
    /// Loads the component.
    ///
    /// # Errors
    ///
    /// This machine can't run what the component was compiled to.
    pub(crate) fn new() -> wasmtime::Result<Self> {
        Self::of(Box::new(|engine| {
            #[expect(unsafe_code, reason = "see below")]
            // SAFETY: the bytes were written by `precompile_component` of the
            // same version of wasmtime in build.rs, and are part of this program.
            unsafe {
                Component::deserialize(engine, COMPONENT)
            }
        }))
    }

    /// Makes sandboxes of another component of the same world.
    pub(super) fn of(load: Load) -> wasmtime::Result<Self> {
        let engine = Engine::new(&engine::config())?;
        Ok(Self {
            by_itself: prepared(&engine, &load(&engine)?)?,
            load,
            made: AtomicU32::new(0),
            places: OnceLock::new(),
        })
    }

    /// The engine that runs sandboxes which are made by themselves.
    pub(crate) fn engine(&self) -> &Engine {
        self.by_itself.engine()
    }

    /// Instantiates the component and gives it its parameters.
    pub(crate) async fn make(
        &self,
        host: &host::Shared,
        transport: Arc<Transport>,
        tenant: Tenant,
    ) -> wasmtime::Result<Sandbox> {
        let (component, place) = self.place(&host.ticker);
        Sandbox::new(component, place, host, transport, tenant).await
    }

    /// What the next sandbox is made of, and where.
    fn place(&self, ticker: &Ticker) -> (&RestClientPre<State>, Option<Place>) {
        let are_many = self.made.load(Ordering::Relaxed) >= BY_ITSELF
            || self.made.fetch_add(1, Ordering::Relaxed) >= BY_ITSELF;
        if are_many
            && let Some(places) = self.places.get_or_init(|| self.set_places_aside(ticker))
            && let Ok(place) = places.free.clone().try_acquire_owned()
        {
            return (&places.component, Some(place));
        }
        (&self.by_itself, None)
    }

    fn set_places_aside(&self, ticker: &Ticker) -> Option<Places> {
        match self.places() {
            Ok(places) => {
                ticker.advance_too(places.component.engine());
                Some(places)
            }
            Err(error) => {
                tracing::warn!(%error, "no places can be set aside for sandboxes; each is made by itself");
                None
            }
        }
    }

    fn places(&self) -> wasmtime::Result<Places> {
        let required = self
            .by_itself
            .instance_pre()
            .component()
            .resources_required();
        let required = required
            .ok_or_else(|| wasmtime::format_err!("the component imports modules or instances"))?;
        let mut config = engine::config();
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pooling(&required)));
        let engine = Engine::new(&config)?;
        Ok(Places {
            component: prepared(&engine, &(self.load)(&engine)?)?,
            free: Arc::new(Semaphore::new(PLACES as usize)),
        })
    }
}

fn prepared(engine: &Engine, component: &Component) -> wasmtime::Result<RestClientPre<State>> {
    RestClientPre::new(linker(engine)?.instantiate_pre(component)?)
}

/// Room for as many sandboxes as there are places. What a guest has at first
/// stays in memory, and is put back by copying rather than by the kernel.
fn pooling(required: &ResourcesRequired) -> PoolingAllocationConfig {
    let memory = required.max_initial_memory_size.unwrap_or(0) * PAGE;
    let mut pooling = PoolingAllocationConfig::new();
    pooling
        .total_component_instances(PLACES)
        .total_core_instances(PLACES * CORE_INSTANCES_PER_PLACE)
        .total_memories(PLACES * required.num_memories)
        .total_tables(PLACES * required.num_tables)
        .total_stacks(PLACES)
        .max_unused_warm_slots(PLACES)
        .linear_memory_keep_resident(usize::try_from(memory).unwrap_or(usize::MAX))
        .table_keep_resident(RESIDENT_TABLE);
    pooling
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Config, ErrorKind, Host, call::Call, request::Question, sandbox::misbehaving::Misdeed,
        transport::pool::Pool,
    };
    use std::time::Duration;

    /// A host that has made so many sandboxes that it sets places aside.
    fn busy_host(misdeed: Misdeed) -> Host {
        let config = Config {
            transfer_timeout: Duration::from_millis(300),
            ..Config::default()
        };
        let host = Host::with(config, || Factory::misbehaving(misdeed)).unwrap();
        host.0.factory.made.store(BY_ITSELF, Ordering::Relaxed);
        host
    }

    fn free_places(host: &Host) -> Option<usize> {
        let places = host.0.factory.places.get()?.as_ref()?;
        Some(places.free.available_permits())
    }

    /// Waits until the drivers of instances that were dropped have ended.
    async fn all_places_free(host: &Host) {
        while free_places(host) != Some(PLACES as usize) {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_few_sandboxes_need_no_places() {
        let host = Host::new(Config::default()).unwrap();
        for _ in 0..BY_ITSELF {
            host.instance().rest_get("no URL").await.unwrap_err();
        }
        assert_eq!(free_places(&host), None);
        let one_more = host.instance();
        one_more.rest_get("no URL").await.unwrap_err();
        assert_eq!(free_places(&host), Some(PLACES as usize - 1));
    }

    #[tokio::test]
    async fn a_small_call_does_with_the_memory_that_there_is_at_first() {
        let Host(host) = &Host::new(Config::default()).unwrap();
        let tenant = Tenant {
            id: 0,
            pool: Pool::new(Duration::ZERO),
        };
        let transport = host.transport.clone();
        let mut sandbox = host.factory.make(host, transport, tenant).await.unwrap();
        let at_first = sandbox.store.data().memory.used;
        let timeout = Duration::from_secs(20);
        let call = Arc::new(Call::start(timeout, timeout));
        let question = Question {
            method: "POST".into(),
            url: "http://127.0.0.1/credit?caller=alice".into(),
            body: Some(vec![b'x'; 4096]),
            content_type: None,
            headers: Vec::new(),
            max_redirects: 0,
        };
        let (guest, launched) = sandbox.start(&call, &question).await.unwrap();
        assert!(launched.is_some());
        sandbox.discard(guest).await.unwrap();
        assert_eq!(sandbox.store.data().memory.used, at_first);
    }

    #[tokio::test]
    async fn a_sandbox_finds_its_memory_as_if_nobody_had_had_its_place() {
        let host = busy_host(Misdeed::LeaveMark);
        for _ in 0..3 {
            let instances = Vec::from_iter((0..PLACES).map(|_| host.instance()));
            for instance in &instances {
                let error = instance.rest_get("http://h/").await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Internal);
                assert_eq!(instance.stats().replaced, 0, "{error}");
            }
            assert_eq!(free_places(&host), Some(0));
            // It does leave a mark.
            let twice = instances[0].rest_get("http://h/").await.unwrap_err();
            assert_eq!(instances[0].stats().replaced, 1, "{twice}");
            drop(instances);
            all_places_free(&host).await;
        }
    }

    #[tokio::test]
    async fn with_no_place_free_a_sandbox_is_made_by_itself() {
        let host = busy_host(Misdeed::LeaveMark);
        let instances = Vec::from_iter((0..PLACES + 10).map(|_| host.instance()));
        for instance in &instances {
            instance.rest_get("http://h/").await.unwrap_err();
            assert_eq!(instance.stats().replaced, 0);
        }
        assert_eq!(free_places(&host), Some(0));
    }

    #[tokio::test]
    async fn a_guest_that_spins_in_a_place_is_interrupted_and_leaves_it() {
        let host = busy_host(Misdeed::Spin);
        let instance = host.instance();
        let error = instance.rest_get("http://h/").await.unwrap_err();
        assert!(error.is_timeout(), "{error}");
        let freed = tokio::time::timeout(Duration::from_secs(20), all_places_free(&host));
        freed.await.expect("it spins still");
        assert_eq!(instance.stats().replaced, 1);
    }
}
