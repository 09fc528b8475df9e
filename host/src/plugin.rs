//! Questions of plugins: components that import `rest:client/rest` or
//! `rest:client/transfers`, in a store of the embedder's own.
//!
//! A plugin's calls are calls of an [`Instance`], beside those that the embedder
//! makes with it: they count to one cap, and have the same deadlines, policy and
//! connections. The logic of requests stays in a sandbox of its own, so that a
//! plugin which traps takes nothing with it but its own calls.
//!
//! ```
//! # async fn run(plugin: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
//! use rest_client_host::{
//!     Config, Host,
//!     plugin::{self, PluginCtx, PluginView},
//! };
//! use std::sync::Arc;
//! use wasmtime::{Engine, Store, component::{Component, Linker}};
//!
//! struct State {
//!     questions: PluginCtx,
//! }
//!
//! impl PluginView for State {
//!     fn questions(&mut self) -> &mut PluginCtx {
//!         &mut self.questions
//!     }
//! }
//!
//! let instance = Arc::new(Host::new(Config::default())?.instance());
//! let engine = Engine::default();
//! let mut linker = Linker::<State>::new(&engine);
//! plugin::add_to_linker(&mut linker)?;
//! let state = State { questions: PluginCtx::new(instance) };
//! let mut store = Store::new(&engine, state);
//! let plugin = Component::new(&engine, plugin)?;
//! let plugin = linker.instantiate_async(&mut store, &plugin).await?;
//! # Ok(())
//! # }
//! ```

mod convert;
mod transfer;

use crate::{
    error::{Error, ErrorKind},
    instance::Instance,
    instance::driver::Coding,
    sandbox::hooks::Hooks,
};
use convert::{Asked, answer, incoming, told};
use std::{fmt, sync::Arc};
use tokio::sync::oneshot;
use transfer::Kept;
use wasmtime::component::{HasSelf, Linker, Resource, ResourceTable};
use wasmtime_wasi::p2::{DynPollable, Pollable as _, bindings::io, subscribe};
use wasmtime_wasi_http::{
    WasiHttp, WasiHttpCtx, WasiHttpCtxView, WasiHttpView,
    p2::{
        bindings::http::types::{LinkOptions, add_to_linker as add_http_types},
        types::HostIncomingResponse,
    },
};

pub use transfer::Transfer;

mod bindings {
    #![allow(missing_docs, unreachable_pub, reason = "generated")]

    wasmtime::component::bindgen!({
        path: "wit",
        world: "plugin",
        imports: { default: async | trappable },
        with: {
            "rest:client/transfers.transfer": super::Transfer,
            "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
            "wasi:http": wasmtime_wasi_http::p2::bindings::http,
            "wasi:io": wasmtime_wasi::p2::bindings::io,
        },
    });
}

use bindings::rest::client::{rest, transfers, types as wit};

/// Resources that a plugin may hold at once; a transfer is one, and so is what
/// waits for it.
const RESOURCES: usize = 16 * 1024;

/// Bytes of replies that the host keeps for a plugin, in transfers that are over
/// and in bodies. With more it starts no further transfer: the cap counts what is
/// in flight, and says nothing of what is complete.
const KEPT_BYTES: usize = 256 * 1024 * 1024;

/// What the host keeps for one plugin.
pub struct PluginCtx {
    instance: Arc<Instance>,
    table: ResourceTable,
    http: WasiHttpCtx,
    hooks: Hooks,
    kept: Kept,
}

/// A store's state that has a [`PluginCtx`].
pub trait PluginView: Send + 'static {
    /// Where it is.
    fn questions(&mut self) -> &mut PluginCtx;
}

impl PluginCtx {
    /// For a plugin whose calls are those of `instance`.
    #[must_use]
    pub fn new(instance: Arc<Instance>) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES);
        Self {
            instance,
            table,
            http: WasiHttpCtx::new(),
            hooks: Hooks,
            kept: Kept::default(),
        }
    }

    /// Whose calls the plugin's are.
    #[must_use]
    pub fn instance(&self) -> &Arc<Instance> {
        &self.instance
    }

    /// Where an embedder may keep resources of its own for the plugin.
    pub fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }
}

impl WasiHttpView for PluginCtx {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: &mut self.hooks,
        }
    }
}

/// Adds what a plugin needs to ask questions: `rest:client/rest`,
/// `rest:client/transfers`, and the types that these speak of, which are those
/// of `wasi:http/types` and `wasi:io`. No `wasi:http/outgoing-handler` is among
/// them, so that every request of a plugin counts to the cap.
///
/// # Errors
///
/// One of them is in `linker` already.
pub fn add_to_linker<T: PluginView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    fn table<T: PluginView>(state: &mut T) -> &mut ResourceTable {
        &mut state.questions().table
    }
    rest::add_to_linker::<_, HasSelf<PluginCtx>>(linker, T::questions)?;
    transfers::add_to_linker::<_, HasSelf<PluginCtx>>(linker, T::questions)?;
    wit::add_to_linker::<_, HasSelf<PluginCtx>>(linker, T::questions)?;
    io::error::add_to_linker::<_, HasSelf<ResourceTable>>(linker, table)?;
    io::poll::add_to_linker::<_, HasSelf<ResourceTable>>(linker, table)?;
    io::streams::add_to_linker::<_, HasSelf<ResourceTable>>(linker, table)?;
    add_http_types::<_, WasiHttp>(linker, &LinkOptions::default(), |state| {
        state.questions().http()
    })
}

impl PluginCtx {
    async fn ask(&mut self, asked: Asked) -> Result<wit::Response, wit::RestError> {
        answer(asked.request(&self.instance).await)
    }

    /// Returns when the call runs beside others, or waits for its turn. One that
    /// runs in a blocking manner is over by then, so that at its cap an instance
    /// blocks its plugins, too.
    async fn start(&mut self, asked: Asked) -> wasmtime::Result<Resource<Transfer>> {
        if self.kept.bytes() > KEPT_BYTES {
            let message = format!(
                "the host keeps more than {KEPT_BYTES} bytes of replies for this plugin; finish transfers, and drop bodies, before another is started"
            );
            let refused = Transfer::refused(Error::new(ErrorKind::Denied, message));
            return Ok(self.table.push(refused)?);
        }
        let (begun, has_begun) = oneshot::channel();
        let instance = self.instance.clone();
        let call = async move { asked.request(&instance).tell_begun(begun).await };
        let mut transfer = Transfer::run(call, &self.kept);
        tokio::select! {
            // Also where it is dropped, which is at the end of the call.
            _ = has_begun => {}
            // An instance that is blocked by others may not even look at it.
            () = transfer.ready() => {}
        }
        Ok(self.table.push(transfer)?)
    }
}

impl wit::Host for PluginCtx {}

impl rest::Host for PluginCtx {
    async fn rest_get(
        &mut self,
        url: String,
        options: Option<wit::RequestOptions>,
    ) -> wasmtime::Result<Result<wit::Response, wit::RestError>> {
        Ok(self.ask(Asked::new("GET", url, None, None, options)).await)
    }

    async fn rest_post(
        &mut self,
        url: String,
        body: Vec<u8>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> wasmtime::Result<Result<wit::Response, wit::RestError>> {
        Ok(self
            .ask(Asked::new("POST", url, Some(body), content_type, options))
            .await)
    }

    async fn rest_put(
        &mut self,
        url: String,
        body: Vec<u8>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> wasmtime::Result<Result<wit::Response, wit::RestError>> {
        Ok(self
            .ask(Asked::new("PUT", url, Some(body), content_type, options))
            .await)
    }

    async fn rest_request(
        &mut self,
        method: String,
        url: String,
        body: Option<Vec<u8>>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> wasmtime::Result<Result<wit::Response, wit::RestError>> {
        let asked = Asked::new(method, url, body, content_type, options);
        Ok(self.ask(asked).await)
    }

    async fn rest_escape(&mut self, text: String) -> wasmtime::Result<String> {
        let escaped = self.instance.code(Coding::Escape, text).await?;
        escaped.map_err(wasmtime::Error::msg)
    }

    async fn rest_unescape(&mut self, text: String) -> wasmtime::Result<Result<String, String>> {
        Ok(self.instance.code(Coding::Unescape, text).await?)
    }
}

impl transfers::Host for PluginCtx {
    async fn start_get(
        &mut self,
        url: String,
        options: Option<wit::RequestOptions>,
    ) -> wasmtime::Result<Resource<Transfer>> {
        self.start(Asked::new("GET", url, None, None, options))
            .await
    }

    async fn start_post(
        &mut self,
        url: String,
        body: Vec<u8>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> wasmtime::Result<Resource<Transfer>> {
        self.start(Asked::new("POST", url, Some(body), content_type, options))
            .await
    }

    async fn start_put(
        &mut self,
        url: String,
        body: Vec<u8>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> wasmtime::Result<Resource<Transfer>> {
        self.start(Asked::new("PUT", url, Some(body), content_type, options))
            .await
    }

    async fn start_request(
        &mut self,
        method: String,
        url: String,
        body: Option<Vec<u8>>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> wasmtime::Result<Resource<Transfer>> {
        self.start(Asked::new(method, url, body, content_type, options))
            .await
    }
}

impl transfers::HostTransfer for PluginCtx {
    async fn subscribe(
        &mut self,
        transfer: Resource<Transfer>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(&mut self.table, transfer)
    }

    async fn ready(&mut self, transfer: Resource<Transfer>) -> wasmtime::Result<bool> {
        Ok(self.table.get_mut(&transfer)?.look())
    }

    async fn finish(
        &mut self,
        transfer: Resource<Transfer>,
    ) -> wasmtime::Result<Result<wit::Response, wit::RestError>> {
        let (outcome, _counted) = self.table.delete(transfer)?.end().await;
        Ok(answer(outcome))
    }

    async fn finish_open(
        &mut self,
        transfer: Resource<Transfer>,
    ) -> wasmtime::Result<Result<Resource<HostIncomingResponse>, wit::RestError>> {
        let (outcome, counted) = self.table.delete(transfer)?.end().await;
        let reply = match outcome {
            Ok(reply) => reply,
            Err(error) => return Ok(Err(told(error))),
        };
        let open = incoming(reply, counted, &mut self.hooks)?;
        Ok(Ok(self.table.push(open)?))
    }

    async fn drop(&mut self, transfer: Resource<Transfer>) -> wasmtime::Result<()> {
        self.table.delete(transfer)?;
        Ok(())
    }
}

impl fmt::Debug for PluginCtx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginCtx")
            .field("instance", &self.instance)
            .finish_non_exhaustive()
    }
}
