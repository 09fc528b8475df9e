//! One guest in its store: what a component can reach, and how much of it.

use crate::{
    call::Call,
    config::Config,
    host,
    instance::driver::Coding,
    request::Question,
    sandbox::answer::{Answer, Finished},
    sandbox::hooks::Hooks,
    sandbox::outgoing::{Launched, Outbox},
    sandbox::ticker::{Running, Ticker},
    transport::transfer::{Tenant, Transport},
};
use std::sync::Arc;
use wasmtime::{
    ResourceLimiter, Store, UpdateDeadline,
    component::{Resource, ResourceAny, ResourceTable},
};
use wasmtime_wasi::{clocks::WasiClocksCtx, p2::InputStream as _};
use wasmtime_wasi_http::{
    WasiHttpCtx, WasiHttpCtxView, WasiHttpView, p2::types::HostIncomingResponse,
};

pub(crate) mod answer;
#[cfg(feature = "canned")]
pub(crate) mod canned;
mod engine;
mod factory;
pub(crate) mod hooks;
mod linker;
#[cfg(test)]
pub(crate) mod misbehaving;
pub(crate) mod outgoing;
pub(crate) mod ticker;

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

use bindings::{
    RestClient, RestClientPre,
    exports::rest::client::{configuration, types::RequestOptions},
};
use factory::Place;
pub(crate) use factory::{COMPONENT_SOURCE, Factory};

/// Resources that a guest may hold at once, beside those of the transfers that
/// the cap allows.
const RESOURCES: usize = 4096;

/// Resources of one transfer in flight; there are two, and a few while its guest
/// is entered.
const RESOURCES_PER_TRANSFER: usize = 4;

/// Bytes of the header fields of a request, with what they cost in memory.
const MAX_REQUEST_FIELDS: usize = 128 * 1024;

/// Bytes that a guest needs beside the bodies it holds.
const GUEST_MEMORY: usize = 16 * 1024 * 1024;

/// Bytes that a guest needs for each transfer in flight.
const MEMORY_PER_TRANSFER: usize = 16 * 1024;

/// Bytes of guest memory above which an instance is replaced, once no call is
/// open in it, rather than kept: the memory of WebAssembly never shrinks.
const KEPT_MEMORY: usize = 64 * 1024 * 1024;

/// How often a guest may be made to give way while it does one thing. It only
/// computes here, which takes it microseconds.
const PATIENCE: u32 = 100;

/// What the host keeps for one guest.
pub(crate) struct State {
    pub(crate) table: ResourceTable,
    pub(crate) hooks: Hooks,
    pub(crate) outbox: Outbox,
    http: WasiHttpCtx,
    clocks: WasiClocksCtx,
    memory: Memory,
    /// How often the guest was made to give way since it was entered.
    gave_way: u32,
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
///
/// After an error of any of its functions it is dead, and to be dropped: so it
/// is, too, when the future of one is dropped before its end.
pub(crate) struct Sandbox {
    store: Store<State>,
    component: RestClient,
    ticker: Ticker,
    in_flight: usize,
    /// Bytes of the requests that the guest keeps for redirects.
    kept: usize,
    /// Where it is, if among others. Free once the store is dropped, which
    /// comes before.
    _place: Option<Place>,
}

/// A call that the guest has started.
pub(crate) struct Guest {
    /// `transfer` of the WIT package.
    transfer: ResourceAny,
    /// Bytes of the request that the guest keeps, to send it again.
    keeps: usize,
}

impl Sandbox {
    /// Instantiates `component` and gives it its parameters.
    async fn new(
        component: &RestClientPre<State>,
        place: Option<Place>,
        host: &host::Shared,
        transport: Arc<Transport>,
        tenant: Tenant,
    ) -> wasmtime::Result<Self> {
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(MAX_REQUEST_FIELDS);
        let state = State {
            table: ResourceTable::new(),
            http,
            clocks: WasiClocksCtx::default(),
            hooks: Hooks,
            outbox: Outbox {
                transport,
                tenant,
                call: None,
                launched: None,
            },
            memory: Memory {
                used: 0,
                limit: GUEST_MEMORY,
            },
            gave_way: 0,
        };
        let mut store = Store::new(component.engine(), state);
        store.limiter(|state| &mut state.memory);
        store.epoch_deadline_callback(|mut store| {
            let gave_way = &mut store.data_mut().gave_way;
            *gave_way += 1;
            if *gave_way > PATIENCE {
                wasmtime::bail!("the guest computes without end");
            }
            // The runtime's own way to yield lets it look at its timers, too.
            let others = Box::pin(tokio::task::yield_now());
            Ok(UpdateDeadline::YieldCustom(1, others))
        });
        let ticker = host.ticker.clone();
        let running = ticker.running();
        store.set_epoch_deadline(1);
        let component = component.instantiate_async(&mut store).await?;
        drop(running);
        let mut sandbox = Self {
            store,
            component,
            ticker,
            in_flight: 0,
            kept: 0,
            _place: place,
        };
        sandbox.configure(&host.config).await?;
        Ok(sandbox)
    }

    /// Tells the guest what it has to keep itself, and that the rest is kept
    /// here.
    async fn configure(&mut self, config: &Config) -> wasmtime::Result<()> {
        let parameters = configuration::Config {
            enforcer: Some(configuration::Enforcer::Host),
            connection_timeout: None,
            transfer_timeout: None,
            max_async_transfers: None,
            at_cap: None,
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
        let _running = self.enter(None, 0);
        self.component
            .rest_client_configuration()
            .call_configure(&mut self.store, &parameters)
            .await?
            .map_err(|error| wasmtime::format_err!("{}: {}", error.parameter, error.message))
    }

    /// Has the guest start a call. Nothing is launched if the call was over
    /// before it began.
    pub(crate) async fn start(
        &mut self,
        call: &Arc<Call>,
        question: &Question,
    ) -> wasmtime::Result<(Guest, Option<Launched>)> {
        let Question {
            method,
            url,
            body,
            content_type,
            headers,
            max_redirects,
        } = question;
        // The timeouts are not among them: the host keeps them for this call.
        let options = (!headers.is_empty() || *max_redirects > 0).then(|| RequestOptions {
            headers: headers.clone(),
            connection_timeout: None,
            transfer_timeout: None,
            max_redirects: Some(*max_redirects),
        });
        let upload = body.as_ref().map_or(0, Vec::len);
        let keeps = match max_redirects {
            0 => 0,
            _ => upload + fields_size(headers),
        };
        self.in_flight += 1;
        self.kept += keeps;
        let _running = self.enter(Some(call), upload);
        let transfer = self
            .component
            .rest_client_transfers()
            .call_start_request(
                &mut self.store,
                method,
                url,
                body.as_deref(),
                content_type.as_deref(),
                options.as_ref(),
            )
            .await?;
        Ok((Guest { transfer, keeps }, self.launched()))
    }

    /// Has the guest go on with a call whose transfer has ended. It may launch
    /// another one, to follow a redirect.
    pub(crate) async fn proceed(
        &mut self,
        call: &Arc<Call>,
        guest: &Guest,
    ) -> wasmtime::Result<Option<Launched>> {
        let _running = self.enter(Some(call), 0);
        self.component
            .rest_client_transfers()
            .transfer()
            .call_ready(&mut self.store, guest.transfer)
            .await?;
        Ok(self.launched())
    }

    /// Has the guest finish a call that is ready.
    pub(crate) async fn finish(
        &mut self,
        call: &Arc<Call>,
        guest: Guest,
    ) -> wasmtime::Result<Answer> {
        self.landed(&guest);
        let running = self.enter(Some(call), 0);
        let finished = self
            .component
            .rest_client_transfers()
            .transfer()
            .call_finish_open(&mut self.store, guest.transfer)
            .await?;
        drop(running);
        match finished {
            Ok(reply) => self.read(reply).map(|read| answer::accepted(read, call)),
            Err(error) => Ok(answer::refused(error, call)),
        }
    }

    /// Has the guest code a text. The inner error says what is wrong with it.
    pub(crate) async fn code(
        &mut self,
        coding: Coding,
        text: &str,
    ) -> wasmtime::Result<Result<String, String>> {
        // Three bytes for one, at most.
        let _running = self.enter(None, text.len().saturating_mul(3));
        let rest = self.component.rest_client_rest();
        match coding {
            Coding::Escape => rest.call_rest_escape(&mut self.store, text).await.map(Ok),
            Coding::Unescape => rest.call_rest_unescape(&mut self.store, text).await,
        }
    }

    /// Has the guest drop a call.
    pub(crate) async fn discard(&mut self, guest: Guest) -> wasmtime::Result<()> {
        self.landed(&guest);
        let _running = self.enter(None, 0);
        guest.transfer.resource_drop_async(&mut self.store).await
    }

    fn landed(&mut self, guest: &Guest) {
        self.in_flight -= 1;
        self.kept -= guest.keeps;
    }

    /// Whether it keeps much more memory than it needs, with no call open.
    pub(crate) fn is_swollen(&self) -> bool {
        self.in_flight == 0 && self.store.data().memory.used > KEPT_MEMORY
    }

    /// Prepares the guest to work for `call`, and for taking `upload` bytes.
    fn enter(&mut self, call: Option<&Arc<Call>>, upload: usize) -> Running {
        let state = self.store.data_mut();
        state.outbox.call = call.cloned();
        state.gave_way = 0;
        state
            .table
            .set_max_capacity(RESOURCES + self.in_flight * RESOURCES_PER_TRANSFER);
        // The body of a request is there twice while it is handed over.
        state.memory.limit = GUEST_MEMORY
            .saturating_add(upload.saturating_mul(2))
            .saturating_add(self.kept)
            .saturating_add(self.in_flight * MEMORY_PER_TRANSFER)
            .min(u32::MAX as usize);
        // What the guest may hand over to the host at once: never more than it
        // holds.
        let limit = state.memory.limit;
        self.store.set_hostcall_fuel(limit);
        self.store.set_epoch_deadline(1);
        self.ticker.running()
    }

    fn launched(&mut self) -> Option<Launched> {
        self.store.data_mut().outbox.launched.take()
    }

    /// The reply that the guest accepts, which never left the host. Its body is
    /// here in one piece.
    fn read(&mut self, reply: Resource<HostIncomingResponse>) -> wasmtime::Result<Finished> {
        let reply = self.store.data_mut().table.delete(reply)?;
        let mut bytes = Vec::new();
        if let Some(mut body) = reply.body
            && let Some(mut stream) = body.take_stream()
        {
            while let Ok(chunk) = stream.read(usize::MAX) {
                if bytes.is_empty() {
                    bytes = Vec::from(chunk);
                } else {
                    bytes.extend_from_slice(&chunk);
                }
            }
        }
        Ok(Finished::new(reply.status, &reply.headers, bytes))
    }
}

fn fields_size(headers: &[(String, Vec<u8>)]) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum()
}
