//! Generated from the WIT package of the routing contract.

#![allow(missing_docs, unreachable_pub, reason = "generated")]

wasmtime::component::bindgen!({
    path: "wit/routing",
    // A world of its own, since what a plugin imports is linked elsewhere.
    inline: "
        package rest-client:host;
        world router {
            export routing:contract/router@0.1.0;
        }
    ",
    world: "rest-client:host/router",
    exports: { default: async },
    additional_derives: [PartialEq],
});
