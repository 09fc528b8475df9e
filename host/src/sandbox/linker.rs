//! What a guest can reach.

use super::{bindings::RestClientPre, outgoing, state::State};
use wasmtime::{
    Engine,
    component::{Component, HasSelf, Linker, ResourceTable},
};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksCtxView};
use wasmtime_wasi_http::p2 as wasi_http;

/// `component`, linked to all that it can reach.
pub(super) fn prepare(component: &Component) -> wasmtime::Result<RestClientPre<State>> {
    RestClientPre::new(linker(component.engine())?.instantiate_pre(component)?)
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
    outgoing::add_to_linker(&mut linker)?;
    Ok(linker)
}

type Table = HasSelf<ResourceTable>;
