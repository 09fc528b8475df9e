//! Compiles the component for WASI 0.2, so that no program waits for a compiler when it
//! starts.

#[path = "src/sandbox/engine.rs"]
mod engine;
#[allow(dead_code, unreachable_pub, reason = "it is read elsewhere")]
#[path = "src/preset_layout.rs"]
mod preset_layout;

use std::{env, error::Error, fs, path::PathBuf};

/// Built from `guest/` by `cargo xtask component`, and committed, so that neither
/// `cargo run` nor a published crate needs a WebAssembly toolchain.
const COMMITTED: &str = "component/rest-client.wasm";

/// The same for WASI 0.3. It is for other hosts, and not compiled.
const COMMITTED_ASYNC: &str = "component/rest-client-async.wasm";

/// Name other builds of the components, to test them.
const OVERRIDE: &str = "REST_CLIENT_COMPONENT";
const OVERRIDE_ASYNC: &str = "REST_CLIENT_ASYNC_COMPONENT";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=src/sandbox/engine.rs");
    let component = source(COMMITTED, OVERRIDE)?;
    println!("cargo::rustc-env=COMPONENT_SOURCE={}", component.display());
    let for_others = source(COMMITTED_ASYNC, OVERRIDE_ASYNC)?;
    println!(
        "cargo::rustc-env=ASYNC_COMPONENT_SOURCE={}",
        for_others.display()
    );

    println!("cargo::rerun-if-changed=src/preset_layout.rs");
    let mut bytes = fs::read(&component).map_err(|error| {
        format!(
            "the component {} can't be read: {error}; `cargo xtask component` builds it",
            component.display()
        )
    })?;
    // What is compiled here runs in this host alone, which ends each transfer at its
    // deadline: the component need not set a timer for every call.
    let preset = preset_layout::Numbers {
        enforcer: Some(1),
        ..preset_layout::Numbers::default()
    };
    preset.write(&mut bytes).map_err(|_| {
        format!(
            "{} has no place for a preset; `cargo xtask component` builds one that has",
            component.display()
        )
    })?;
    // Naming the target keeps to what every machine of its kind can run,
    // rather than to what this one can.
    let mut config = engine::config();
    config.target(&env::var("TARGET")?)?;
    let compiled = wasmtime::Engine::new(&config)?.precompile_component(&bytes)?;
    fs::write(
        PathBuf::from(env::var("OUT_DIR")?).join("rest-client.cwasm"),
        compiled,
    )?;
    Ok(())
}

/// Where a component is.
fn source(committed: &str, variable: &str) -> Result<PathBuf, Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed={variable}");
    let component = match env::var_os(variable) {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join(committed),
    };
    println!("cargo::rerun-if-changed={}", component.display());
    Ok(component)
}
