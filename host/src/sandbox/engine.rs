//! How the sandbox is compiled and run. `build.rs` includes this file, since
//! what it compiles loads only into an engine of the same configuration.

use wasmtime::Config;

/// The configuration of every engine of this crate.
pub(crate) fn config() -> Config {
    let mut config = Config::new();
    // A guest that spins is made to give way, and dropped at its deadline.
    config.epoch_interruption(true);
    // WASI 0.2 has no concurrency inside of an instance.
    config.concurrency_support(false);
    config
}
