//! Plugins of WASI 0.3, whose calls are asynchronous functions. They run in an engine of
//! their own: one that knows of concurrency is slower for those of 0.2.

pub(super) mod bindings;
mod clocks;
pub(super) mod handler;
mod open_replies;
mod rest;
mod wasi;

use super::context::{PluginCtx, PluginView};
use wasmtime::{
    StoreContextMut,
    component::{Access, FutureReader, HasSelf, Linker, Resource, StreamReader},
    ensure,
};
use wasmtime_wasi_http::{
    WasiHttp, WasiHttpCtxView, WasiHttpView as _,
    p3::bindings::http::{client, types},
};

/// Adds `wasi:http` for plugins that answer HTTP by themselves. What they ask with
/// `wasi:http/client` is refused.
pub(super) fn add_http_to_linker<T: PluginView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    types::add_to_linker::<_, WasiHttp>(linker, http)?;
    client::add_to_linker::<_, WasiHttp>(linker, http)?;
    linker.allow_shadowing(true);
    let mut types = linker.instance("wasi:http/types@0.3.0")?;
    types.func_wrap("[static]request.consume-body", consume_request)?;
    types.func_new("[static]response.consume-body", |_, _, _, _| {
        wasmtime::bail!(
            "response.consume-body of wasi:http is not for plugins here: there is no response but those that they make"
        )
    })?;
    linker.allow_shadowing(false);
    Ok(())
}

fn http<T: PluginView>(state: &mut T) -> WasiHttpCtxView<'_> {
    state.rest_client().http()
}

type Consumed = (
    StreamReader<u8>,
    FutureReader<Result<Option<Resource<types::Trailers>>, types::ErrorCode>>,
);

/// `request.consume-body`, of the request that the plugin is to answer. Of one that it has
/// made itself the host would keep what the plugin says of it, on nobody's account.
fn consume_request<T: PluginView>(
    store: StoreContextMut<'_, T>,
    (request, end): (
        Resource<types::Request>,
        FutureReader<Result<(), types::ErrorCode>>,
    ),
) -> wasmtime::Result<(Consumed,)> {
    let mut access = Access::<T, WasiHttp>::new(store, http);
    let is_received = access.data_mut().rest_client().take_received(request.rep());
    ensure!(
        is_received,
        "request.consume-body of wasi:http is for the request that is to be answered, and not for one that the plugin has made"
    );
    let consumed = <WasiHttp as types::HostRequestWithStore<T>>::consume_body(access, request, end);
    Ok((consumed?,))
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
