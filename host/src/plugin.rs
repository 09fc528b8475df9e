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

use crate::{
    driver::Coding,
    error::{Error, ErrorKind},
    hooks::Hooks,
    instance::Instance,
    request::Request,
    response::Response,
};
use http_body_util::{BodyExt as _, Full};
use std::{
    convert::Infallible,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{sync::oneshot, task::AbortHandle};
use wasmtime::component::{HasSelf, Linker, Resource, ResourceTable};
use wasmtime_wasi::p2::{DynPollable, Pollable, bindings::io, subscribe};
use wasmtime_wasi_http::{
    WasiHttp, WasiHttpCtx, WasiHttpCtxView, WasiHttpView,
    p2::{
        bindings::http::types::{LinkOptions, add_to_linker as add_http_types},
        body::HostIncomingBody,
    },
};

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

/// Bytes of replies that wait for a plugin to finish their transfers. With more
/// it starts no further one: the cap counts transfers that are in flight, and
/// says nothing of those that are over.
const WAITING_BYTES: usize = 256 * 1024 * 1024;

/// What the host keeps for one plugin.
pub struct PluginCtx {
    instance: Arc<Instance>,
    table: ResourceTable,
    http: WasiHttpCtx,
    hooks: Hooks,
    waiting: Arc<AtomicUsize>,
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
            waiting: Arc::default(),
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

type Outcome = Result<Response, Error>;

/// `transfer` of the WIT package: a call that runs. Dropped, it ends.
pub struct Transfer {
    outcome: Awaited,
    /// Empty if the call was refused.
    call: Option<AbortHandle>,
}

enum Awaited {
    Pending(oneshot::Receiver<Waiting>),
    Ready(Waiting),
}

/// An outcome that a plugin has yet to ask for.
struct Waiting {
    outcome: Outcome,
    bytes: usize,
    /// Of all that wait for this plugin, these included.
    total: Arc<AtomicUsize>,
}

impl Waiting {
    fn new(outcome: Outcome, total: &Arc<AtomicUsize>) -> Self {
        let bytes = outcome.as_ref().map_or(0, |reply| reply.body.len());
        total.fetch_add(bytes, Ordering::Relaxed);
        Self {
            outcome,
            bytes,
            total: total.clone(),
        }
    }

    fn lost() -> Self {
        let message = "the runtime in which the call worked has been shut down";
        Self::new(
            Err(Error::new(ErrorKind::Internal, message)),
            &Arc::default(),
        )
    }

    fn take(mut self) -> Outcome {
        std::mem::replace(&mut self.outcome, Err(Error::new(ErrorKind::Internal, "")))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.total.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Awaited {
    async fn ready(&mut self) {
        if let Self::Pending(receiver) = self {
            *self = Self::Ready(receiver.await.unwrap_or_else(|_| Waiting::lost()));
        }
    }

    fn look(&mut self) -> bool {
        if let Self::Pending(receiver) = self {
            *self = match receiver.try_recv() {
                Ok(waiting) => Self::Ready(waiting),
                Err(oneshot::error::TryRecvError::Closed) => Self::Ready(Waiting::lost()),
                Err(oneshot::error::TryRecvError::Empty) => return false,
            };
        }
        true
    }
}

impl Transfer {
    async fn end(mut self) -> Outcome {
        self.outcome.ready().await;
        match std::mem::replace(&mut self.outcome, Awaited::Ready(Waiting::lost())) {
            Awaited::Ready(waiting) => waiting.take(),
            Awaited::Pending(_) => Waiting::lost().take(),
        }
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        if let Some(call) = &self.call {
            call.abort();
        }
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Transfer {
    async fn ready(&mut self) {
        self.outcome.ready().await;
    }
}

/// What a plugin asks for.
struct Asked {
    method: String,
    url: String,
    body: Option<Vec<u8>>,
    content_type: Option<String>,
    options: Option<wit::RequestOptions>,
}

impl Asked {
    fn request(self, instance: &Instance) -> Request<'_> {
        let mut request = instance.rest_request(&self.method, &self.url);
        if let Some(body) = self.body {
            request = request.body(body);
        }
        if let Some(content_type) = self.content_type {
            request = request.content_type(content_type);
        }
        let Some(options) = self.options else {
            return request;
        };
        for (name, value) in options.headers {
            request = request.header(name, value);
        }
        if let Some(timeout) = options.connection_timeout {
            request = request.connection_timeout(Duration::from_millis(timeout));
        }
        if let Some(timeout) = options.transfer_timeout {
            request = request.transfer_timeout(Duration::from_millis(timeout));
        }
        request.max_redirects(options.max_redirects.unwrap_or(0))
    }
}

impl PluginCtx {
    async fn ask(&mut self, asked: Asked) -> Result<wit::Response, wit::RestError> {
        answer(asked.request(&self.instance).await)
    }

    /// Returns when the call runs beside others, or waits for its turn. One that
    /// runs in a blocking manner is over by then, so that at its cap an instance
    /// blocks its plugins, too.
    async fn start(&mut self, asked: Asked) -> wasmtime::Result<Resource<Transfer>> {
        if self.waiting.load(Ordering::Relaxed) > WAITING_BYTES {
            let message = format!(
                "replies of more than {WAITING_BYTES} bytes wait for their transfers to be finished"
            );
            let refused = Err(Error::new(ErrorKind::Denied, message));
            return Ok(self.table.push(Transfer {
                outcome: Awaited::Ready(Waiting::new(refused, &self.waiting)),
                call: None,
            })?);
        }
        let (sender, receiver) = oneshot::channel();
        let (begun, has_begun) = oneshot::channel();
        let (instance, waiting) = (self.instance.clone(), self.waiting.clone());
        let call = tokio::spawn(async move {
            let request = asked.request(&instance);
            let outcome = request.tell_begun(begun).await;
            // Nobody listens to a transfer that was dropped.
            let _ = sender.send(Waiting::new(outcome, &waiting));
        });
        let mut transfer = Transfer {
            outcome: Awaited::Pending(receiver),
            call: Some(call.abort_handle()),
        };
        tokio::select! {
            // Also where it is dropped, which is at the end of the call.
            _ = has_begun => {}
            // An instance that is blocked by others may not even look at it.
            () = transfer.outcome.ready() => {}
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
        Ok(self.ask(get(url, options)).await)
    }

    async fn rest_post(
        &mut self,
        url: String,
        body: Vec<u8>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> wasmtime::Result<Result<wit::Response, wit::RestError>> {
        Ok(self
            .ask(with_body("POST", url, body, content_type, options))
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
            .ask(with_body("PUT", url, body, content_type, options))
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
        let asked = Asked {
            method,
            url,
            body,
            content_type,
            options,
        };
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
        self.start(get(url, options)).await
    }

    async fn start_post(
        &mut self,
        url: String,
        body: Vec<u8>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> wasmtime::Result<Resource<Transfer>> {
        self.start(with_body("POST", url, body, content_type, options))
            .await
    }

    async fn start_put(
        &mut self,
        url: String,
        body: Vec<u8>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> wasmtime::Result<Resource<Transfer>> {
        self.start(with_body("PUT", url, body, content_type, options))
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
        let asked = Asked {
            method,
            url,
            body,
            content_type,
            options,
        };
        self.start(asked).await
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
        Ok(self.table.get_mut(&transfer)?.outcome.look())
    }

    async fn finish(
        &mut self,
        transfer: Resource<Transfer>,
    ) -> wasmtime::Result<Result<wit::Response, wit::RestError>> {
        Ok(answer(self.table.delete(transfer)?.end().await))
    }

    async fn finish_open(
        &mut self,
        transfer: Resource<Transfer>,
    ) -> wasmtime::Result<Result<transfers::OpenResponse, wit::RestError>> {
        let reply = match self.table.delete(transfer)?.end().await {
            Ok(reply) => reply,
            Err(error) => return Ok(Err(told(error))),
        };
        let body = Full::from(reply.body)
            .map_err(|never: Infallible| match never {})
            .boxed_unsync();
        Ok(Ok(transfers::OpenResponse {
            status: reply.status,
            content_type: reply.content_type,
            headers: reply.headers,
            body: self.table.push(HostIncomingBody::new(body))?,
        }))
    }

    async fn drop(&mut self, transfer: Resource<Transfer>) -> wasmtime::Result<()> {
        self.table.delete(transfer)?;
        Ok(())
    }
}

fn get(url: String, options: Option<wit::RequestOptions>) -> Asked {
    Asked {
        method: "GET".into(),
        url,
        body: None,
        content_type: None,
        options,
    }
}

fn with_body(
    method: &str,
    url: String,
    body: Vec<u8>,
    content_type: Option<String>,
    options: Option<wit::RequestOptions>,
) -> Asked {
    Asked {
        method: method.into(),
        url,
        body: Some(body),
        content_type,
        options,
    }
}

fn answer(outcome: Outcome) -> Result<wit::Response, wit::RestError> {
    outcome
        .map(|reply| wit::Response {
            status: reply.status,
            content_type: reply.content_type,
            headers: reply.headers,
            body: reply.body,
        })
        .map_err(told)
}

fn told(error: Error) -> wit::RestError {
    use wit::RestError as E;
    let message = error.to_string();
    match error.kind() {
        ErrorKind::ConnectionRefused => E::ConnectionRefused(message),
        ErrorKind::ConnectionTimeout => E::ConnectionTimeout(message),
        ErrorKind::TransferTimeout => E::TransferTimeout(match error.into_partial() {
            Some(partial) => wit::PartialResponse {
                status: partial.status,
                content_type: partial.content_type,
                headers: partial.headers,
                body: partial.body,
            },
            None => wit::PartialResponse {
                status: 0,
                content_type: None,
                headers: Vec::new(),
                body: Vec::new(),
            },
        }),
        ErrorKind::AlreadyConnecting => E::AlreadyConnecting(message),
        ErrorKind::TooLarge => E::TooLarge(message),
        ErrorKind::Dns => E::Dns(message),
        ErrorKind::Tls => E::Tls(message),
        ErrorKind::Denied => E::Denied(message),
        ErrorKind::InvalidUrl => E::InvalidUrl(message),
        ErrorKind::InvalidHeader => E::InvalidHeader(message),
        ErrorKind::Protocol => E::Protocol(message),
        ErrorKind::Internal => E::Internal(message),
    }
}

impl fmt::Debug for PluginCtx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginCtx")
            .field("instance", &self.instance)
            .finish_non_exhaustive()
    }
}
