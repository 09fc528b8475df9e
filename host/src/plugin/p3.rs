//! Plugins of WASI 0.3, whose calls are asynchronous functions. They run in an engine of
//! their own: one that knows of concurrency is slower for those of 0.2.

pub(super) mod bindings;
mod clocks;
pub(super) mod handler;
pub(super) mod http;
mod open_replies;
mod rest;
mod wasi;

use super::context::{PluginCtx, PluginView};
use wasmtime::component::{HasSelf, Linker};

/// Adds WASI 0.3 as plugins have it, but for `wasi:http`.
pub(super) fn add_wasi_to_linker<T: PluginView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    wasi::add_to_linker(linker)
}

/// Adds `rest:client-async`.
pub(super) fn add_rest_to_linker<T: PluginView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    use bindings::rest::client_async::{open_replies, rest};
    rest::add_to_linker::<_, HasSelf<PluginCtx>>(linker, T::rest_client)?;
    open_replies::add_to_linker::<_, HasSelf<PluginCtx>>(linker, T::rest_client)
}
