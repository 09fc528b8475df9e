//! The calls of plugins: components that import `rest:client/rest` or
//! `rest:client/transfers`, or `rest:client-async/rest` in WASI 0.3, in a store of the
//! embedder's own.
//!
//! A plugin makes its calls through an [`Instance`](crate::Instance), beside the embedder's
//! own calls: they count against the same cap, and have the same deadlines, policy and
//! connections. They reach the named [services](crate::Service), and other servers only if
//! the [egress policy](crate::Egress) allows it. The request logic runs in a separate
//! sandbox, so a plugin that traps affects only its own calls. The memory that the host
//! holds for a plugin is limited by its budget ([`PluginCtx::memory_budget`]), and its use
//! of the cap by its share ([`PluginCtx::max_async_transfers`]).
//!
//! [`PluginRuntime`] runs third-party plugins with all limits in place. An embedder that
//! uses its own store has to limit the plugin itself: make it yield while it computes
//! (`epoch_interruption`, with a thread that calls `increment_epoch`), drop the store of a
//! plugin that does not end, limit its memory and tables (`Store::limiter`), and, where
//! other calls matter, run plugins in lower-priority threads of their own. Dropping the
//! [`PluginCtx`] ends everything that its plugin has started.
//!
//! ```
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! use rest_client_host::{
//!     Config, Host,
//!     plugin::{self, PluginCtx, PluginView},
//! };
//! use wasmtime::{Engine, Store, component::{Component, Linker}};
//!
//! struct State {
//!     rest_client: PluginCtx,
//! }
//!
//! impl PluginView for State {
//!     fn rest_client(&mut self) -> &mut PluginCtx {
//!         &mut self.rest_client
//!     }
//! }
//!
//! let instance = Host::new(Config::default())?.instance();
//! let engine = Engine::default();
//! let mut linker = Linker::<State>::new(&engine);
//! plugin::add_to_linker(&mut linker)?;
//! let state = State { rest_client: PluginCtx::new(instance) };
//! let mut store = Store::new(&engine, state);
//! # let bytes = b"\0asm\x0d\0\x01\0";
//! let plugin = Component::new(&engine, bytes)?;
//! let plugin = linker.instantiate_async(&mut store, &plugin).await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod background;
mod bindings;
mod call;
mod context;
mod convert;
#[allow(unreachable_pub, reason = "a file of the guest, where it is public")]
mod escape;
mod exports;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod handler;
mod hooks;
mod http_types;
mod log_stream;
mod outcome;
mod p3;
mod pace;
mod pool;
mod questions;
mod readiness;
mod record;
mod rest;
mod router;
mod runtime;
mod settings;
mod stage;
mod state;
mod trace;
mod transfer;
mod transfers;
mod wasi;

pub use crate::config::OnFailure;
pub use context::{PluginCtx, PluginView};
pub use log_stream::PLUGIN_OUTPUT;
pub use pool::{
    DecisionError, FailureKind, HandlerBody, HandlerPool, PluginPool, PoolOptions, PoolStats,
};
pub use questions::{Observer, Question, Questions};
pub use record::{CREDENTIAL_FIELDS, Record, RecordError, Recorder, Replay};
pub use runtime::{Command, Plugin, PluginRuntime};
pub use state::Limits;

use wasmtime::component::{HasSelf, Linker};

/// Adds all that a plugin imports: what [`add_rest_to_linker`] adds, `wasi:config/store`,
/// `wasi:io`, and the rest of WASI 0.2, of which a plugin has what its [`PluginCtx`] was
/// given, and nothing by default.
///
/// # Errors
///
/// One of them is in `linker` already.
pub fn add_to_linker<T: PluginView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    add_wasi_to_linker(linker)?;
    add_rest_to_linker(linker)
}

/// Adds all that a plugin imports which answers HTTP by itself.
fn add_to_handler_linker<T: PluginView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    add_wasi_to_linker(linker)?;
    add_calls_to_linker(linker)?;
    http_types::add_all_to_linker(linker)
}

fn add_wasi_to_linker<T: PluginView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    wasi::add_io_to_linker(linker)?;
    wasi::add_to_linker(linker)?;
    settings::add_to_linker(linker)
}

/// Adds what a plugin needs to make calls, for a program that adds WASI by itself:
/// `rest:client/rest`, `transfers`, `polling` and `open-replies` of the same package, and
/// `wasi:http/types`. Pollables and streams come from the program's `wasi:io`, which has to
/// keep its resources in the table of the [`PluginCtx`]. `wasi:http/outgoing-handler` is not
/// added, so every request of a plugin counts against the cap. Of `wasi:http/types`, only
/// the functions that read a reply work; those that make fields, a request or a response
/// trap.
///
/// Shadowing is disabled in `linker` afterwards, as it is in a new linker.
///
/// # Errors
///
/// One of them is in `linker` already.
pub fn add_rest_to_linker<T: PluginView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    add_calls_to_linker(linker)?;
    http_types::add_to_linker(linker)
}

/// Adds what a plugin of WASI 0.3 needs to make calls: `rest` and `open-replies` of
/// `rest:client-async`, whose types are among what [`add_rest_to_linker`] and
/// [`add_to_linker`] add. The program has to add WASI 0.3 itself. The engine has to support
/// concurrency, as a default wasmtime engine does.
///
/// The plugin's tasks run in [`Store::run_concurrent`](wasmtime::Store::run_concurrent) until
/// they end or the store is dropped. A call that the plugin drops is ended.
///
/// # Errors
///
/// One of them is in `linker` already.
///
/// ```
/// use rest_client_host::plugin::{self, PluginCtx, PluginView};
/// use wasmtime::{Engine, component::Linker};
///
/// struct State {
///     rest_client: PluginCtx,
/// }
///
/// impl PluginView for State {
///     fn rest_client(&mut self) -> &mut PluginCtx {
///         &mut self.rest_client
///     }
/// }
///
/// let mut linker = Linker::<State>::new(&Engine::default());
/// plugin::add_to_linker(&mut linker)?;
/// plugin::add_async_rest_to_linker(&mut linker)?;
/// # Ok::<(), wasmtime::Error>(())
/// ```
pub fn add_async_rest_to_linker<T: PluginView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    p3::add_rest_to_linker(linker)
}

fn add_calls_to_linker<T: PluginView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    bindings::rest::client::rest::add_to_linker::<_, HasSelf<PluginCtx>>(linker, T::rest_client)?;
    bindings::rest::client::transfers::add_to_linker::<_, HasSelf<PluginCtx>>(
        linker,
        T::rest_client,
    )?;
    bindings::rest::client::polling::add_to_linker::<_, HasSelf<PluginCtx>>(
        linker,
        T::rest_client,
    )?;
    bindings::rest::client::open_replies::add_to_linker::<_, HasSelf<PluginCtx>>(
        linker,
        T::rest_client,
    )?;
    bindings::rest::client::types::add_to_linker::<_, HasSelf<PluginCtx>>(linker, T::rest_client)
}
