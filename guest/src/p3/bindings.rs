//! The bindings, generated from `wit/async/`.

#![allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    reason = "generated"
)]

wit_bindgen::generate!({
    path: "../wit/async",
    world: "rest-client-async",
    generate_all,
    default_bindings_module: "crate::p3::bindings",
});

// The package knows 0.2 as well, by `rest:client`.
pub(super) use wasi::{clocks0_3_0 as clocks, http0_3_0 as http};
