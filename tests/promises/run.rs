//! `rest-client run` runs a plugin of a stranger: it asks whom the operator says, and has
//! nothing else of the machine.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use support::{
    folder::Folder,
    plugin,
    process::{Running, rest_client, run},
    server::Server,
    steps::{Gate, Step, ok, reply},
};

/// The command of that name, as the file of a plugin.
fn command(folder: &Folder, name: &str) -> String {
    folder.file("plugin.wasm", plugin::command(name))
}

/// As README has it: two services with what opens them, and a third that nobody has bound.
#[tokio::test]
async fn a_plugin_asks_the_services_that_are_bound_and_the_log_says_why_a_third_was_refused() {
    let billing = Server::start(|_| ok("12.50 EUR")).await;
    let registrar = Server::start(|_| ok("sip:alice@192.0.2.7")).await;
    let stranger = Server::start(|_| ok("")).await;
    let folder = Folder::new();
    let config = folder.file(
        "rest-client.toml",
        format!(
            "[services.billing]\norigin = {:?}\nheaders.authorization = {{ file = {:?} }}\n\
             [services.registrar]\norigin = {:?}\nheaders.x-key = {{ file = {:?} }}\n",
            billing.origin(),
            folder.file("billing.secret", "Bearer sesame\n"),
            registrar.origin(),
            folder.file("registrar.secret", "open\n"),
        ),
    );
    let plugin = command(&folder, "ask");
    let urls = [
        "http://billing.service.internal/credit?caller=alice",
        "http://registrar.service.internal/alice",
        "http://other.service.internal/",
        &stranger.url("/?pin=1234"),
    ];
    let arguments = [&["run", "--config", &config, &plugin][..], &urls].concat();
    let ended = run(rest_client(), arguments, b"").await;
    let refused = "the operator's policy does not allow this request; the log says why";
    let expected = ["12.50 EUR", "sip:alice@192.0.2.7", refused, refused, ""];
    assert_eq!(ended.text(), expected.join("\n"), "{}", ended.stderr);
    assert_eq!(ended.code(), 1, "{}", ended.stderr);
    for words in [
        "services.other.origin",
        &format!("egress.allow = [\\\"{}\\\"]", stranger.origin()).replace('\\', ""),
    ] {
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
    }
    for secret in ["sesame", "open\n", "1234"] {
        assert!(!ended.stderr.contains(secret), "{}", ended.stderr);
    }
    let asked = billing.only_request();
    assert_eq!(asked.target, "/credit?caller=alice");
    assert_eq!(asked.header("authorization"), ["Bearer sesame"]);
    assert_eq!(registrar.only_request().header("x-key"), ["open"]);
    assert_eq!(stranger.record().accepted, 0);
}

/// Each is answered when all of them were asked.
#[tokio::test]
async fn a_command_of_wasi_0_3_asks_many_at_a_time() {
    let gate = Gate::default();
    let asked = AtomicUsize::new(0);
    let server = Server::start(move |seen| {
        if seen.target == "/missing" {
            return reply("404 Not Found", &[], b"");
        }
        if asked.fetch_add(1, Relaxed) == 2 {
            (0..3).for_each(|_| gate.open());
        }
        [vec![Step::Wait(gate.clone())], ok("")].concat()
    })
    .await;
    let folder = Folder::new();
    let origin = format!("[services.billing]\norigin = {:?}\n", server.origin());
    let config = folder.file("rest-client.toml", origin);
    let plugin = folder.file("plugin.wasm", plugin::built("puppet-async"));
    let url = "http://billing.service.internal/";
    for (urls, code) in [
        (&[url, url, url][..], 0),
        (&["http://billing.service.internal/missing"], 1),
    ] {
        let arguments = [&["run", "--config", &config, &plugin][..], urls].concat();
        let ended = run(rest_client(), arguments, b"").await;
        assert_eq!(ended.code(), code, "{}", ended.stderr);
    }
}

#[tokio::test]
async fn a_plugin_has_its_arguments_and_what_it_is_granted_and_nothing_else() {
    let folder = Folder::new();
    let plugin = command(&folder, "look-around");
    let ended = run(rest_client(), ["run", &plugin], b"").await;
    // Its name, no variable, no folder, no names looked up.
    assert_eq!(ended.text(), "1000", "{}", ended.stderr);
    assert_eq!(ended.code(), 0);
    let arguments = [
        "run",
        "--env",
        "A=1",
        "--env=PATH",
        &plugin,
        "a",
        "--env",
        "-v",
    ];
    let ended = run(rest_client(), arguments, b"").await;
    assert_eq!(ended.text(), "4200", "{}", ended.stderr);
    let arguments = ["run", "--env=NOBODY_HAS_THIS_ONE", &plugin];
    let ended = run(rest_client(), arguments, b"").await;
    assert_eq!(ended.code(), 2);
    assert!(ended.stderr.contains("NAME=VALUE"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_plugin_that_misbehaves_harms_itself() {
    let folder = Folder::new();
    let trap = command(&folder, "trap");
    let ended = run(rest_client(), ["run", &trap], b"").await;
    assert_eq!(ended.code(), 134, "{}", ended.stderr);
    assert!(ended.stderr.contains("trapped"), "{}", ended.stderr);

    let grow = command(&folder, "grow");
    let ended = run(rest_client(), ["run", "--max-memory=16", &grow], b"").await;
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    let ended = run(rest_client(), ["run", "--max-memory=32", &grow], b"").await;
    assert_eq!(ended.code(), 1, "{}", ended.stderr);

    let endless = command(&folder, "loop");
    let mut program = Running::start(rest_client(), ["run", &endless]);
    program.wait_for("computing").await;
    program.signal("INT").await;
    assert_eq!(program.ended().await.code(), 130);
}

#[tokio::test]
async fn what_is_no_plugin_is_refused_in_words() {
    let folder = Folder::new();
    for (file, words) in [
        (
            folder.file("text.wasm", "(component)"),
            "no WebAssembly component",
        ),
        (folder.file("core.wasm", b"\0asm\x01\0\0\0"), "core module"),
        (
            folder.file("broken.wasm", b"\0asm\x0d\0\x01\0\xff"),
            "can't be compiled",
        ),
        (
            folder.file("empty.wasm", b"\0asm\x0d\0\x01\0"),
            "wasi:cli/run",
        ),
        (
            folder.file("puppet.wasm", plugin::built("puppet")),
            "rest-client route has it decide about one",
        ),
        (
            folder.file("website.wasm", plugin::built("website")),
            "rest-client serve has it do that",
        ),
        (
            folder.path("none.wasm").display().to_string(),
            "can't be read",
        ),
    ] {
        let ended = run(rest_client(), ["run", &file], b"").await;
        assert_eq!(ended.code(), 2, "{}", ended.stderr);
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
        assert!(ended.stderr.contains(&file), "{file}: {}", ended.stderr);
    }
}
