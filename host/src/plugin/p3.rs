//! Plugins of WASI 0.3, whose calls are asynchronous functions. They run in an engine of
//! their own: one that knows of concurrency is slower for those of 0.2.

pub(super) mod bindings;
mod clocks;
pub(super) mod handler;
mod open_replies;
mod rest;
mod wasi;

use super::context::{PluginCtx, PluginView};
use wasmtime::component::{HasSelf, Linker};
use wasmtime_wasi_http::{
    WasiHttp, WasiHttpCtxView, WasiHttpView as _,
    p3::bindings::http::{client, types},
};

/// Adds `wasi:http` for plugins that answer HTTP by themselves. What they ask with
/// `wasi:http/client` is refused.
pub(super) fn add_http_to_linker<T: PluginView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    fn http<T: PluginView>(state: &mut T) -> WasiHttpCtxView<'_> {
        state.rest_client().http()
    }
    types::add_to_linker::<_, WasiHttp>(linker, http)?;
    client::add_to_linker::<_, WasiHttp>(linker, http)
}

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
