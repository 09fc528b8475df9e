//! The calls of plugins: components that import `rest:client/rest` or
//! `rest:client/transfers`, or `rest:client-async/rest` in WASI 0.3, in a store of the
//! embedder's own.
//!
//! A plugin's calls are calls of an [`Instance`](crate::Instance), beside those that the embedder
//! makes with it: they count to one cap, and have the same deadlines, policy and
//! connections. They reach the [services](crate::Service) that have a name, and
//! nobody else unless the [egress policy](crate::Egress) says so. The logic of requests stays in a sandbox of its own, so that a
//! plugin which traps takes nothing with it but its own calls. What the host keeps
//! for a plugin is bounded by its budget ([`PluginCtx::memory_budget`]), and how
//! much of the cap it may use by its share ([`PluginCtx::max_async_transfers`]).
//!
//! [`PluginRuntime`] runs plugins of others with all of this in place. In a store of the
//! embedder's own, what a plugin takes of it is the embedder's: whoever runs plugins of
//! others has them give way while they compute (`epoch_interruption`, with a thread
//! that calls `increment_epoch`), drops the store of one that does not end, bounds its
//! memory and its tables (`Store::limiter`), and gives plugins threads of their own, at a
//! lower priority, where calls of others matter. [`PluginCtx`] ends what a plugin has begun when it is dropped.
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
pub use record::{Record, RecordError, Recorder, Replay};
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
/// `wasi:http/types`. Pollables and
/// streams are those of the program's `wasi:io`, which has to keep its resources in the
/// table of the [`PluginCtx`]. No `wasi:http/outgoing-handler` is among
/// them, so that every request of a plugin counts to the cap. Of `wasi:http/types`
/// a plugin has what reads a reply; a function that makes fields, a request or a
/// response ends the plugin with a trap.
///
/// Nothing may be shadowed in `linker` afterwards, which is how a linker begins.
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
/// [`add_to_linker`] add. WASI 0.3 itself is for the program to add. The engine has to
/// support concurrency, which is how wasmtime makes one.
///
/// What a plugin begins goes on in [`Store::run_concurrent`](wasmtime::Store::run_concurrent)
/// until it has ended, or the store is dropped; a call that the plugin drops is ended.
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
