//! The guest in its store, and the calls it has started.

use super::{
    bindings::{
        RestClient, RestClientPre,
        exports::rest::client::{configuration, types::RequestOptions},
    },
    call_result::{self, CallResult},
    outbox::{Launched, Outbox},
    state::State,
};
use crate::{
    call::{Call, spec::CallSpec},
    partial::RawResponse,
    slots::Slot,
    ticker::{Running, Ticker},
};
use bytes::Bytes;
use http::StatusCode;
use std::sync::Arc;
use wasmtime::{
    Store, UpdateDeadline,
    component::{Resource, ResourceAny},
};
use wasmtime_wasi::p2::InputStream as _;
use wasmtime_wasi_http::p2::types::HostIncomingResponse;

/// Resources that a guest may hold at once, beside those of the transfers that
/// the cap allows.
const RESOURCES: usize = 4096;

/// Resources of one transfer in flight; there are two, and a few while its guest
/// is entered.
const RESOURCES_PER_TRANSFER: usize = 4;

/// Bytes that a guest needs beside the bodies it holds.
const GUEST_MEMORY: usize = 16 * 1024 * 1024;

/// Bytes that a guest needs for each transfer in flight.
const MEMORY_PER_TRANSFER: usize = 16 * 1024;

/// Bytes of guest memory above which an instance is replaced, once no call is
/// open in it, rather than kept: the memory of WebAssembly never shrinks.
const KEPT_MEMORY: usize = 64 * 1024 * 1024;

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
    /// The slot it is in, if it is in one. Free once the store is dropped, which
    /// comes before.
    _slot: Option<Slot>,
}

/// A call that the guest has started.
pub(crate) struct GuestCall {
    /// `transfer` of the WIT package.
    transfer: ResourceAny,
    /// Bytes of the request that the guest keeps, to send it again.
    keeps: usize,
    max_redirects: u32,
}

impl Sandbox {
    /// Instantiates `component` and gives it its parameters.
    /// `max_transfer_size` is in bytes; 0 is no limit.
    pub(super) async fn new(
        component: &RestClientPre<State>,
        slot: Option<Slot>,
        ticker: Ticker,
        outbox: Outbox,
        max_transfer_size: u64,
    ) -> wasmtime::Result<Self> {
        let state = State::new(outbox, GUEST_MEMORY);
        let mut store = Store::new(component.engine(), state);
        store.limiter(|state| &mut state.memory);
        store.epoch_deadline_callback(|mut store| {
            store.data_mut().count_yield()?;
            // The runtime's own way to yield lets it look at its timers, too.
            let others = Box::pin(tokio::task::yield_now());
            Ok(UpdateDeadline::YieldCustom(1, others))
        });
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
            _slot: slot,
        };
        sandbox.configure(max_transfer_size).await?;
        Ok(sandbox)
    }

    /// Tells the guest what it has to keep itself. That the rest is kept here is written
    /// into it; see `build.rs`.
    async fn configure(&mut self, max_transfer_size: u64) -> wasmtime::Result<()> {
        let parameters = configuration::Config {
            connection_timeout: None,
            transfer_timeout: None,
            max_async_transfers: None,
            at_cap: None,
            ssl_verifypeer: None,
            ssl_verifyhost: None,
            ssl_capath: None,
            max_transfer_size: Some(max_transfer_size),
            http_version: None,
            enable_expect100: None,
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
        spec: &CallSpec,
    ) -> wasmtime::Result<(GuestCall, Option<Launched>)> {
        let CallSpec {
            method,
            url,
            body,
            content_type,
            headers,
            max_redirects,
            ..
        } = spec;
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
        let guest_call = GuestCall {
            transfer,
            keeps,
            max_redirects: *max_redirects,
        };
        Ok((guest_call, self.launched()))
    }

    /// Has the guest go on with a call whose transfer has ended. It may launch
    /// another one, to follow a redirect.
    pub(crate) async fn resume(
        &mut self,
        call: &Arc<Call>,
        guest_call: &GuestCall,
    ) -> wasmtime::Result<Option<Launched>> {
        let _running = self.enter(Some(call), 0);
        self.component
            .rest_client_transfers()
            .transfer()
            .call_ready(&mut self.store, guest_call.transfer)
            .await?;
        Ok(self.launched())
    }

    /// Has the guest finish a call that is ready.
    pub(crate) async fn finish(
        &mut self,
        call: &Arc<Call>,
        guest_call: GuestCall,
    ) -> wasmtime::Result<CallResult> {
        self.ended(&guest_call);
        let max_redirects = guest_call.max_redirects;
        let running = self.enter(Some(call), 0);
        let finished = self
            .component
            .rest_client_open_replies()
            .call_finish_open(&mut self.store, guest_call.transfer)
            .await?;
        drop(running);
        match finished {
            Ok(reply) => self
                .read(reply)
                .map(|read| call_result::accepted(read, call)),
            Err(error) => Ok(call_result::failed(error, call, max_redirects)),
        }
    }

    /// Has the guest drop a call.
    pub(crate) async fn cancel(&mut self, guest_call: GuestCall) -> wasmtime::Result<()> {
        self.ended(&guest_call);
        let _running = self.enter(None, 0);
        guest_call
            .transfer
            .resource_drop_async(&mut self.store)
            .await
    }

    fn ended(&mut self, guest_call: &GuestCall) {
        self.in_flight -= 1;
        self.kept -= guest_call.keeps;
    }

    /// Whether it keeps much more memory than it needs, with no call open.
    pub(crate) fn is_oversized(&self) -> bool {
        self.in_flight == 0 && self.store.data().memory.used > KEPT_MEMORY
    }

    /// Prepares the guest to work for `call`, and for taking `upload` bytes.
    fn enter(&mut self, call: Option<&Arc<Call>>, upload: usize) -> Running {
        let state = self.store.data_mut();
        state.outbox.call = call.cloned();
        state.reset_yields();
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
    fn read(&mut self, reply: Resource<HostIncomingResponse>) -> wasmtime::Result<RawResponse> {
        let reply = self.store.data_mut().table.delete(reply)?;
        let mut body = Bytes::new();
        if let Some(mut incoming) = reply.body
            && let Some(mut stream) = incoming.take_stream()
        {
            while let Ok(chunk) = stream.read(usize::MAX) {
                if body.is_empty() {
                    body = chunk;
                } else {
                    body = [body, chunk].concat().into();
                }
            }
        }
        Ok(RawResponse {
            status: StatusCode::from_u16(reply.status)?,
            headers: reply.headers.into(),
            body,
        })
    }

    /// Bytes of its memory.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.store.data().memory.used
    }
}

fn fields_size(headers: &[(String, Vec<u8>)]) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum()
}
