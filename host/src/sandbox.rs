//! One guest in its store: what a component can reach, and how much of it.

use crate::{call::Call, config::Config, hooks::Hooks, pool::Pool, transfer::Transport};
use std::sync::Arc;
use wasmtime::{
    Engine, ResourceLimiter, Store,
    component::{Component, HasSelf, Linker, Resource, ResourceTable},
};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksCtx, WasiClocksCtxView};
use wasmtime_wasi_http::{
    Error as WasiError, WasiHttpCtx, WasiHttpCtxView, WasiHttpView, p2 as wasi_http,
    p2::bindings::http::types::ErrorCode,
};

#[cfg(test)]
pub(crate) mod misbehaving;

/// Generated from the WIT package.
pub(crate) mod bindings {
    #![allow(missing_docs, unreachable_pub, reason = "generated")]

    wasmtime::component::bindgen!({
        path: "wit",
        world: "rest-client",
        exports: { default: async },
        with: {
            "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
            "wasi:http": wasmtime_wasi_http::p2::bindings::http,
            "wasi:io": wasmtime_wasi::p2::bindings::io,
        },
    });
}

use bindings::{RestClient, RestClientPre, exports::rest::client::configuration};

/// The component, compiled when this crate was built.
static COMPONENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/rest-client.cwasm"));

/// The component as it was before, from which its digest can be read.
pub(crate) static COMPONENT_SOURCE: &[u8] = include_bytes!(env!("COMPONENT_SOURCE"));

/// Resources that a guest may hold at once. A call needs about ten.
const MAX_RESOURCES: usize = 4096;

/// Bytes of the header fields of a request, with what they cost in memory.
const MAX_REQUEST_FIELDS: usize = 128 * 1024;

/// Bytes that a guest needs beside the bodies it holds.
const GUEST_MEMORY: usize = 16 * 1024 * 1024;

/// Bytes of guest memory above which an instance is replaced rather than kept:
/// the memory of WebAssembly never shrinks.
const KEPT_MEMORY: usize = 64 * 1024 * 1024;

/// Makes sandboxes; there is one for each host.
pub(crate) struct Factory {
    engine: Engine,
    component: RestClientPre<State>,
}

impl Factory {
    /// Loads the component.
    ///
    /// # Errors
    ///
    /// This machine can't run what the component was compiled to.
    pub(crate) fn new() -> wasmtime::Result<Self> {
        let engine = Engine::new(&crate::engine::config())?;
        #[expect(unsafe_code, reason = "see below")]
        // SAFETY: the bytes were written by `precompile_component` of the same
        // version of wasmtime in build.rs, and are part of this program.
        let component = unsafe { Component::deserialize(&engine, COMPONENT)? };
        Self::of(engine, &component)
    }

    /// Makes sandboxes of another component of the same world.
    fn of(engine: Engine, component: &Component) -> wasmtime::Result<Self> {
        let linker = linker(&engine)?;
        let component = RestClientPre::new(linker.instantiate_pre(component)?)?;
        Ok(Self { engine, component })
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Instantiates the component and gives it its parameters.
    pub(crate) async fn make(
        &self,
        config: &Config,
        transport: Arc<Transport>,
        pool: Pool,
    ) -> wasmtime::Result<Sandbox> {
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_RESOURCES);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(MAX_REQUEST_FIELDS);
        let state = State {
            table,
            http,
            clocks: WasiClocksCtx::default(),
            hooks: Hooks {
                transport,
                pool,
                call: None,
            },
            memory: Memory {
                used: 0,
                limit: GUEST_MEMORY,
            },
        };
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| &mut state.memory);
        store.epoch_deadline_async_yield_and_update(1);
        let component = self.component.instantiate_async(&mut store).await?;
        let mut sandbox = Sandbox { store, component };
        sandbox.configure(config).await?;
        Ok(sandbox)
    }
}

/// All that a guest can reach: `wasi:http`, `wasi:io`, and a clock that only
/// counts.
fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    use wasmtime_wasi::p2::bindings::{clocks, io};
    let mut linker = Linker::<State>::new(engine);
    io::error::add_to_linker::<_, Table>(&mut linker, |state| &mut state.table)?;
    io::poll::add_to_linker::<_, Table>(&mut linker, |state| &mut state.table)?;
    io::streams::add_to_linker::<_, Table>(&mut linker, |state| &mut state.table)?;
    clocks::monotonic_clock::add_to_linker::<_, WasiClocks>(&mut linker, |state| {
        WasiClocksCtxView {
            ctx: &mut state.clocks,
            table: &mut state.table,
        }
    })?;
    wasi_http::add_only_http_to_linker_async(&mut linker)?;
    explain_body_errors(&mut linker)?;
    Ok(linker)
}

/// Lets a guest learn why a body ended early. wasmtime 48 answers
/// `http-error-code` only for errors that are codes already, which those of a
/// reply's body are not: a timeout there would look like any other fault.
fn explain_body_errors(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    linker.instance("wasi:http/types@0.2.12")?.func_wrap(
        "http-error-code",
        |store, (error,): (Resource<wasmtime::Error>,)| {
            let error = store.data().table.get(&error)?;
            Ok((error.downcast_ref::<WasiError>().map(body_error_code),))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

/// The codes that a body of [`crate::transfer`] ends with.
fn body_error_code(error: &WasiError) -> ErrorCode {
    match error {
        WasiError::HttpResponseTimeout => ErrorCode::HttpResponseTimeout,
        WasiError::HttpResponseBodySize(size) => ErrorCode::HttpResponseBodySize(*size),
        WasiError::HttpResponseIncomplete => ErrorCode::HttpResponseIncomplete,
        _ => ErrorCode::HttpProtocolError,
    }
}

type Table = HasSelf<ResourceTable>;

/// What the host keeps for one guest.
pub(crate) struct State {
    table: ResourceTable,
    http: WasiHttpCtx,
    clocks: WasiClocksCtx,
    hooks: Hooks,
    memory: Memory,
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
struct Memory {
    used: usize,
    limit: usize,
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
        16
    }

    fn memories(&self) -> usize {
        1
    }

    fn tables(&self) -> usize {
        16
    }
}

/// A guest that is alive.
pub(crate) struct Sandbox {
    store: Store<State>,
    component: RestClient,
}

impl Sandbox {
    /// Tells the guest what it has to keep itself, and that the rest is kept
    /// here.
    async fn configure(&mut self, config: &Config) -> wasmtime::Result<()> {
        let parameters = configuration::Config {
            enforcer: Some(configuration::Enforcer::Host),
            connection_timeout: None,
            transfer_timeout: None,
            max_async_transfers: None,
            ssl_verifypeer: None,
            ssl_verifyhost: None,
            ssl_capath: None,
            max_transfer_size: Some(config.max_transfer_size),
            http_version: None,
            enable_expect_100: None,
            no_concurrent_connects: None,
            conn_lifetime: None,
            connect_poll_interval: None,
        };
        self.component
            .rest_client_configuration()
            .call_configure(&mut self.store, &parameters)
            .await?
            .map_err(|error| wasmtime::format_err!("{}: {}", error.parameter, error.message))
    }

    /// Prepares the guest for `call`, which sends `upload` bytes and takes a
    /// reply of `download` bytes at most, 0 for no limit.
    pub(crate) fn admit(&mut self, call: Arc<Call>, upload: usize, download: u64) {
        let state = self.store.data_mut();
        state.hooks.call = Some(call);
        let download = match download {
            0 => usize::MAX,
            limit => usize::try_from(limit).unwrap_or(usize::MAX),
        };
        // A body that grows is copied from one place to one of twice its size.
        state.memory.limit = GUEST_MEMORY
            .saturating_add(upload)
            .saturating_add(download.saturating_mul(3))
            .min(u32::MAX as usize);
        // What one call may hand over to the host: never more than it holds.
        let limit = state.memory.limit;
        self.store.set_hostcall_fuel(limit);
    }

    /// The exported functions, with the store to call them in.
    pub(crate) fn parts(
        &mut self,
    ) -> (
        &mut Store<State>,
        &bindings::exports::rest::client::rest::Guest,
    ) {
        (&mut self.store, self.component.rest_client_rest())
    }

    /// Whether the next call may have this guest.
    pub(crate) fn is_worth_keeping(&self) -> bool {
        self.store.data().memory.used <= KEPT_MEMORY
    }
}
