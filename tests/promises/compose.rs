//! `rest-client compose` makes one component of a plugin and ours: it runs in a host that
//! knows `wasi:http` alone, and keeps there what its operator has fixed in it.

use crate::foreign_host::State;
use rest_client_host::Wasi;
use std::{fs, time::Duration};
use support::{
    folder::Folder,
    plugin,
    process::{rest_client, run},
    server::Server,
    steps::{Step, ok},
};
use tokio::time::Instant;
use wasmtime::{
    Config, Engine, Store,
    component::{Component, Linker},
};
use wasmtime_wasi::{
    WasiCtx,
    p2::{bindings::Command, pipe::MemoryOutputPipe},
};

/// What a command prints in a host of wasmtime's own.
async fn printed(component: &[u8], arguments: &[&str]) -> String {
    let engine = Engine::new(&Config::new()).unwrap();
    let component = Component::new(&engine, component).unwrap();
    let mut linker = Linker::<State>::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker).unwrap();
    let stdout = MemoryOutputPipe::new(10_000);
    let mut wasi = WasiCtx::builder();
    wasi.arg("plugin").args(arguments).stdout(stdout.clone());
    let mut store = Store::new(&engine, State::new(wasi.build()));
    let command = Command::instantiate_async(&mut store, &component, &linker)
        .await
        .unwrap();
    // Whether all went well is what is printed.
    let _ = command.wasi_cli_run().call_run(&mut store).await;
    String::from_utf8(stdout.contents().to_vec()).unwrap()
}

#[tokio::test]
async fn a_composed_plugin_asks_in_a_host_that_knows_nothing_of_it() {
    let folder = Folder::new();
    let plugin = folder.file("plugin.wasm", plugin::command("ask"));
    let output = folder.path("composed.wasm");
    let ended = run(
        rest_client(),
        ["compose", &plugin, "--output", output.to_str().unwrap()],
        b"",
    )
    .await;
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    let said = ended.text();
    assert!(said.contains("  wasi:http/outgoing-handler@0.2."), "{said}");
    assert!(!said.contains("rest:client"), "{said}");
    let server = Server::start(|_| ok("12.50 EUR")).await;
    let composed = fs::read(&output).unwrap();
    let printed = printed(&composed, &[&server.url("/credit")]).await;
    assert_eq!(printed, "12.50 EUR\n");
}

#[tokio::test]
async fn what_was_fixed_in_it_is_kept_without_anybody_who_configures_it() {
    let folder = Folder::new();
    let plugin = folder.file("plugin.wasm", plugin::command("ask"));
    let arguments = [
        "compose",
        &plugin,
        "--output=-",
        "--transfer-timeout=300ms",
        "--max-transfer-size=10",
    ];
    let ended = run(rest_client(), arguments, b"").await;
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    let server = Server::start(|seen| match &*seen.target {
        "/long" => ok("more than ten bytes"),
        _ => vec![Step::Stall],
    })
    .await;
    let started = Instant::now();
    let printed = printed(&ended.stdout, &[&server.url("/"), &server.url("/long")]).await;
    assert!(started.elapsed() >= Duration::from_millis(300));
    assert!(started.elapsed() < Duration::from_secs(15), "{printed}");
    assert!(printed.contains("max-transfer-size, 10 bytes"), "{printed}");
}

#[tokio::test]
async fn what_it_would_not_hold_for_is_said() {
    let folder = Folder::new();
    // It makes requests of its own, too.
    let website = folder.file("website.wasm", plugin::built("website"));
    let ended = run(rest_client(), ["compose", &website, "--output=-"], b"").await;
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    let warning = "do not apply to requests that it makes with it";
    assert!(ended.stderr.contains(warning), "{}", ended.stderr);
    let ask = folder.file("plugin.wasm", plugin::command("ask"));
    let ended = run(rest_client(), ["compose", &ask, "--output=-"], b"").await;
    assert_eq!(ended.stderr, "");
}

#[tokio::test]
async fn the_component_can_be_had_without_a_plugin() {
    let ended = run(rest_client(), ["component", "--output", "-"], b"").await;
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    assert!(ended.stdout == Wasi::P2.component());
}

/// It is served in other hosts by `cargo xtask hosts`.
#[tokio::test]
async fn a_plugin_that_asks_in_both_generations_is_composed_with_both_components() {
    let folder = Folder::new();
    let plugin = folder.file("plugin.wasm", plugin::built("website-async"));
    let composed = folder.path("composed.wasm");
    let composed = composed.to_str().unwrap();
    let ended = run(
        rest_client(),
        ["compose", &plugin, "--output", composed],
        b"",
    )
    .await;
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    let needs = ended.text();
    for import in [
        "wasi:http/client@0.3.0",
        "wasi:http/outgoing-handler@0.2.12",
    ] {
        assert!(needs.contains(import), "{needs}");
    }
    assert!(!needs.contains("rest:client"), "{needs}");
}

#[tokio::test]
async fn what_can_t_be_composed_is_refused_and_nothing_is_written() {
    let folder = Folder::new();
    let output = folder.path("composed.wasm");
    let no_component = folder.file("text.wasm", "a text");
    let asks_nobody = folder.file("nothing.wasm", b"\0asm\x0d\0\x01\0");
    let of_later = folder.file(
        "later.wasm",
        wat::parse_str(
            r#"(component (import "rest:client/rest@7.0.0" (instance
                (export "rest-escape" (func (param "text" string) (result string))))))"#,
        )
        .unwrap(),
    );
    let ask = folder.file("ask.wasm", plugin::command("ask"));
    let reads_by_itself = folder.file(
        "open.wasm",
        wat::parse_str(r#"(component (import "rest:client/open-replies@0.1.0" (instance)))"#)
            .unwrap(),
    );
    let core_module = folder.file("core.wasm", b"\0asm\x01\0\0\0");
    let cases: [(&[&str], &str); 9] = [
        (&[&core_module], "this is a core module"),
        (&[&reads_by_itself], "it imports rest:client/open-replies"),
        (&[&no_component], "this is no component"),
        (&[&asks_nobody], "it imports nothing of rest:client"),
        (&[&of_later], "it imports rest:client/rest@7.0.0"),
        (&["nowhere.wasm"], "nowhere.wasm: it can't be read"),
        (&[&ask, "--transfer-timeout=0s"], "transfer-timeout is 0ns"),
        (&[&ask, "--at-cap=wait"], "at-cap = \"wait\" can't be kept"),
        (
            &[&ask, "--max-async-transfers=0", "--at-cap=reject"],
            "no call could ever run",
        ),
    ];
    for (arguments, expected) in cases {
        let output = output.to_str().unwrap();
        let arguments = [&["compose", "--output", output], arguments].concat();
        let ended = run(rest_client(), arguments.clone(), b"").await;
        assert_eq!(ended.code(), 2, "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
        assert!(fs::metadata(output).is_err(), "{arguments:?}");
    }
}
