//! What a guest can reach.

use super::{bindings::RestClientPre, outgoing, state::State};
use wasmtime::{
    Engine,
    component::{Component, HasSelf, Linker, Resource, ResourceTable},
};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksCtxView};
use wasmtime_wasi_http::{
    Error as WasiError, p2 as wasi_http, p2::bindings::http::types::ErrorCode,
};

/// `component`, linked to all that it can reach.
pub(super) fn prepare(
    engine: &Engine,
    component: &Component,
) -> wasmtime::Result<RestClientPre<State>> {
    RestClientPre::new(linker(engine)?.instantiate_pre(component)?)
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
    explain_body_errors(&mut linker)?;
    outgoing::add_to_linker(&mut linker)?;
    Ok(linker)
}

/// Lets a guest learn why a body ended early. wasmtime 48 answers
/// `http-error-code` only for errors that are codes already, which those of a
/// reply's body are not: a timeout there would look like any other fault.
fn explain_body_errors(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    linker.instance("wasi:http/types@0.2.12")?.func_wrap(
        "http-error-code",
        |store, (error,): (Resource<wasmtime::Error>,)| {
            let error = store.data().table.get(&error)?;
            let code = error.downcast_ref::<WasiError>().map(|error| match error {
                WasiError::HttpResponseTimeout => ErrorCode::HttpResponseTimeout,
                _ => ErrorCode::HttpProtocolError,
            });
            Ok((code,))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

type Table = HasSelf<ResourceTable>;
