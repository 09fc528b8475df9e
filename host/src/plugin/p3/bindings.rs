//! Generated from the WIT packages of WASI 0.3: the world of a plugin, and what one that
//! decides exports.

#![allow(missing_docs, unreachable_pub, reason = "generated")]

wasmtime::component::bindgen!({
    path: "wit/async",
    world: "plugin-async",
    imports: {
        "rest:client-async/rest.rest-escape": trappable,
        "rest:client-async/rest.rest-unescape": trappable,
        default: async | store | trappable,
    },
    with: {
        "rest:client/types": crate::plugin::bindings::rest::client::types,
    },
});

pub mod router {
    wasmtime::component::bindgen!({
        path: "wit/async/routing",
        // A world of its own, since what a plugin imports is linked elsewhere.
        inline: "
            package rest-client:host;
            world async-router {
                export routing:contract-async/router@0.1.0;
            }
        ",
        world: "rest-client:host/async-router",
        exports: { default: async },
        with: {
            "routing:contract/decisions": crate::routing::bindings::routing::contract::decisions,
        },
    });
}
