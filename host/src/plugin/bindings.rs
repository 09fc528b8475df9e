//! Generated from the WIT package: the world of a plugin.

#![allow(missing_docs, unreachable_pub, reason = "generated")]

wasmtime::component::bindgen!({
    path: "wit",
    world: "plugin-with-wasi",
    imports: { default: async | trappable },
    with: {
        "rest:client/transfers.transfer": super::transfer::Transfer,
        "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
        "wasi:http": wasmtime_wasi_http::p2::bindings::http,
        "wasi:io": wasmtime_wasi::p2::bindings::io,
    },
});
