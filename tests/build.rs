//! Finds out which programs of others are installed. A test that needs a missing
//! one is ignored, and says so.

use std::{env, path::PathBuf, process::Command};

/// Programs, each with the `cfg` that is set where it is installed.
const TOOLS: [(&str, &str); 18] = [
    ("c-plugin", "has_c_plugin"),
    ("caddy", "has_caddy"),
    ("curl", "has_curl"),
    ("envoy", "has_envoy"),
    ("go-plugin", "has_go_plugin"),
    ("httpbin", "has_httpbin"),
    ("javascript-plugin", "has_javascript_plugin"),
    ("kamailio", "has_kamailio"),
    ("nginx", "has_nginx"),
    ("python-async-plugin", "has_python_async_plugin"),
    ("python-plugin", "has_python_plugin"),
    ("rustup", "has_rustup"),
    ("script", "has_script"),
    ("sipp", "has_sipp"),
    ("systemd-socket-activate", "has_systemd"),
    ("traefik", "has_traefik"),
    ("wasm-tools", "has_wasm_tools"),
    ("wasmtime", "has_wasmtime"),
];

/// Of those that the tests need, this is in the package that is not installed with it.
const KAMAILIO_MODULE: &str = "/usr/lib/x86_64-linux-gnu/kamailio/modules/http_client.so";

/// Where `cargo xtask test` says what it found. If it is set, it is believed.
const TOLD: &str = "REST_CLIENT_TEST_TOOLS";

fn main() {
    println!("cargo::rerun-if-env-changed={TOLD}");
    println!("cargo::rerun-if-env-changed=PATH");
    let told = env::var(TOLD).ok();
    for (tool, condition) in TOOLS {
        println!("cargo::rustc-check-cfg=cfg({condition})");
        let here = match &told {
            Some(told) => told.split(',').any(|name| name == tool),
            None => is_here(tool),
        };
        if here {
            println!("cargo::rustc-cfg={condition}");
        }
    }
}

fn is_here(tool: &str) -> bool {
    match tool {
        "httpbin" => {
            on_path("waitress-serve")
                && Command::new("python3")
                    .args(["-c", "import httpbin"])
                    .output()
                    .is_ok_and(|output| output.status.success())
        }
        "c-plugin" => built("credit-check-c.wasm"),
        "go-plugin" => built("credit-check-go.wasm"),
        "javascript-plugin" => built("credit-check-javascript.wasm"),
        "python-plugin" => built("credit-check-python.wasm"),
        "python-async-plugin" => built("credit-and-location-python.wasm"),
        "kamailio" => PathBuf::from(KAMAILIO_MODULE).exists(),
        "nginx" => on_path("nginx") || PathBuf::from("/usr/sbin/nginx").exists(),
        other => on_path(other),
    }
}

/// By `cargo xtask plugins`, in the usual folder.
fn built(component: &str) -> bool {
    PathBuf::from("../target/plugins").join(component).exists()
}

fn on_path(program: &str) -> bool {
    env::var_os("PATH").is_some_and(|path| {
        env::split_paths(&path).any(|directory| directory.join(program).is_file())
    })
}
