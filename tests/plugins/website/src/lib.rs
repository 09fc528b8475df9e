//! A plugin that answers HTTP by itself, each path in a way of its own. It is built for WASI
//! 0.2, and with the feature `async` for 0.3.

#![allow(missing_docs, unsafe_code, reason = "generated")]

#[cfg(feature = "async")]
mod concurrent;
#[cfg(not(feature = "async"))]
mod plain;
