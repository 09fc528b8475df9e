//! `rest-client route` has a plugin decide about one request, and says what it asked.

use rest_client_host::routing::write_request;
use serde_json::json;
use std::{fs, path::Path};
use support::{
    folder::Folder,
    plugin,
    process::{Ended, rest_client, run},
    puppet::to_do,
    server::Server,
    steps::{Gate, Step, ok, reply},
};

/// A configuration with one service.
fn service(folder: &Folder, name: &str, server: &Server) -> String {
    let origin = server.origin();
    folder.file(
        "rest-client.toml",
        format!("[services.{name}]\norigin = {origin:?}\n"),
    )
}

const INVITE: &str = r#"{"protocol": "sip", "method": "INVITE", "target": "sip:bob@example.org",
    "fields": [{"name": "from", "value": "<sip:alice@example.org>;tag=a1"}]}"#;

async fn route(arguments: &[&str], request: &str) -> Ended {
    let arguments = [&["route"][..], arguments].concat();
    run(rest_client(), arguments, request.as_bytes()).await
}

/// The first scenario of the original's manual.
#[tokio::test]
async fn those_call_who_have_credit() {
    let server = Server::start(|seen| match &*seen.target {
        "/credit?caller=alice" => ok("12.50 EUR"),
        "/credit?caller=bob" => ok("0.00 EUR"),
        "/credit?caller=eve" => reply("404 Not Found", &[], b""),
        _ => reply("500 Oops", &[], b""),
    })
    .await;
    let folder = Folder::new();
    let config = service(&folder, "billing", &server);
    let plugin = folder.plugin("credit-check");
    for (caller, code, decision) in [
        (
            "alice",
            0,
            json!({"decision": "continue", "attributes": {"reason": "credit 12.50 EUR"}}),
        ),
        (
            "bob",
            0,
            json!({"decision": "answer", "code": 402, "reason": "Payment Required"}),
        ),
        (
            "eve",
            0,
            json!({"decision": "answer", "code": 403, "reason": "Unknown Caller"}),
        ),
        (
            "mallory",
            65,
            json!({"decision": "answer", "code": 500, "failed": "error"}),
        ),
    ] {
        let request = INVITE.replace("alice", caller);
        let ended = route(&["--config", &config, &plugin], &request).await;
        assert_eq!(ended.code(), code, "{caller}: {}", ended.stderr);
        assert_eq!(ended.json(), decision, "{caller}");
    }
}

/// The second one.
#[tokio::test]
async fn a_call_goes_where_its_callee_is_registered() {
    let server = Server::start(|seen| match &*seen.target {
        "/where?is=sip%3Abob%40example.org" => {
            ok("sip:bob@192.0.2.7:5060 1000\nsip:bob@192.0.2.8;transport=tcp 500\n")
        }
        _ => reply("404 Not Found", &[], b""),
    })
    .await;
    let folder = Folder::new();
    let config = service(&folder, "location", &server);
    let plugin = folder.plugin("location");
    let ended = route(&["--config", &config, &plugin], INVITE).await;
    let contacts = json!([
        {"uri": "sip:bob@192.0.2.7:5060", "preference": 1000},
        {"uri": "sip:bob@192.0.2.8;transport=tcp", "preference": 500},
    ]);
    assert_eq!(
        ended.json(),
        json!({"decision": "redirect", "destinations": contacts})
    );
    let nobody = INVITE.replace("sip:bob", "sip:nobody");
    let ended = route(&["--config", &config, &plugin], &nobody).await;
    assert_eq!(ended.json(), json!({"decision": "answer", "code": 404}));
}

/// Both of them in one decision, by a plugin of WASI 0.3: each service is answered when the
/// other one was asked.
#[tokio::test]
async fn a_plugin_of_wasi_0_3_asks_two_services_at_a_time() {
    // Nobody waits for a service that does not answer.
    asks_two_services_at_a_time("credit-and-location", "sip:silent@example.org").await;
}

#[tokio::test]
#[cfg_attr(
    not(has_python_async_plugin),
    ignore = "the plugin for WASI 0.3 in Python is not built: cargo xtask plugins"
)]
async fn one_in_python_does_so_too() {
    asks_two_services_at_a_time("credit-and-location-python", "sip:nobody@example.org").await;
}

async fn asks_two_services_at_a_time(plugin: &str, refused: &str) {
    let (credit, place) = (Gate::default(), Gate::default());
    let server = Server::start(move |seen| match &*seen.target {
        "/credit?caller=alice" => {
            place.open();
            [vec![Step::Wait(credit.clone())], ok("12.50 EUR")].concat()
        }
        "/credit?caller=bob" => ok("0.00 EUR"),
        "/where?is=sip%3Abob%40example.org" => {
            credit.open();
            [vec![Step::Wait(place.clone())], ok("sip:bob@192.0.2.7\n")].concat()
        }
        "/where?is=sip%3Anobody%40example.org" => reply("404 Not Found", &[], b""),
        _ => vec![Step::Stall],
    })
    .await;
    let folder = Folder::new();
    let config = ["billing", "location"].map(|name| {
        let origin = server.origin();
        format!("[services.{name}]\norigin = {origin:?}\n")
    });
    let config = folder.file("rest-client.toml", config.concat());
    let plugin = folder.plugin(plugin);
    // Python is compiled first, which takes a while.
    let arguments = ["--decision-timeout", "60s", "--config", &config, &plugin];
    let request = |user: &str, callee: &str| {
        json!({"protocol": "sip", "method": "INVITE", "target": callee,
            "attributes": {"user": user}})
        .to_string()
    };
    let asked = request("alice", "sip:bob@example.org");
    let ended = route(&arguments, &asked).await;
    let decision = json!({"decision": "continue",
        "destinations": [{"uri": "sip:bob@192.0.2.7"}],
        "attributes": {"reason": "credit 12.50 EUR"}});
    assert_eq!(ended.json(), decision, "{}", ended.stderr);
    // Where one of them says no, the other is not needed.
    let asked = request("bob", refused);
    let ended = route(&arguments, &asked).await;
    let decision = json!({"decision": "answer", "code": 402, "reason": "Payment Required"});
    assert_eq!(ended.json(), decision, "{}", ended.stderr);
}

#[tokio::test]
async fn with_explain_it_says_what_the_plugin_asked() {
    let server = Server::start(|_| ok("12.50 EUR")).await;
    let folder = Folder::new();
    let config = service(&folder, "billing", &server);
    let plugin = folder.plugin("credit-check");
    let ended = route(&["--explain", "--config", &config, &plugin], INVITE).await;
    let asked = "asked GET http://billing.service.internal/credit?caller=alice: 200 after ";
    assert!(ended.stderr.contains(asked), "{}", ended.stderr);
    assert_eq!(ended.json()["decision"], "continue");
}

#[tokio::test]
async fn where_the_plugin_does_not_decide_the_operator_does_and_the_exit_code_says_why() {
    let folder = Folder::new();
    let plugin = folder.plugin("puppet");
    for (thing, failed, exit) in [
        ("trap", "trap", 134),
        ("spin", "deadline", 28),
        ("error no", "error", 65),
        ("answer 302", "invalid", 65),
    ] {
        for (on_failure, mut decision) in [
            ("closed", json!({"decision": "answer", "code": 503})),
            ("open", json!({"decision": "continue"})),
            (
                "480 Later",
                json!({"decision": "answer", "code": 480, "reason": "Later"}),
            ),
        ] {
            decision["failed"] = failed.into();
            let arguments = [
                "--on-failure",
                on_failure,
                "--decision-timeout",
                "1s",
                &plugin,
            ];
            let ended = route(&arguments, &write_request(&to_do(&[thing]))).await;
            assert_eq!(ended.json(), decision, "{thing}: {}", ended.stderr);
            assert_eq!(ended.code(), exit, "{thing}: {}", ended.stderr);
            assert!(ended.stderr.contains(failed), "{}", ended.stderr);
        }
    }
}

#[tokio::test]
async fn settings_are_given_once_each() {
    let folder = Folder::new();
    let plugin = folder.plugin("puppet");
    let ended = route(
        &["--set", "a=b=c", &plugin],
        &write_request(&to_do(&["show settings"])),
    )
    .await;
    let shown = r#"Ok([("a", "b=c")])"#;
    assert_eq!(ended.json()["attributes"]["x-settings"], shown);
    let ended = route(&["--set", "a=1", "--set", "a=2", &plugin], "").await;
    assert_eq!(ended.code(), 2);
    assert!(
        ended.stderr.contains("--set a: it is set twice"),
        "{}",
        ended.stderr
    );
    let ended = route(&["--set", "a", &plugin], "").await;
    assert!(ended.stderr.contains("NAME=VALUE"), "{}", ended.stderr);
}

#[tokio::test]
async fn what_is_wrong_is_said_with_what_would_be_right() {
    let folder = Folder::new();
    let puppet = folder.plugin("puppet");
    let command = folder.file("command.wasm", plugin::command("ask"));
    let text = folder.file("text.wasm", "no plugin");
    for (arguments, request, words) in [
        (
            &[&*puppet][..],
            "{}",
            "standard input: missing field `protocol`",
        ),
        (&[&puppet], "", "the JSON ends too early"),
        (
            &[&command],
            INVITE,
            "does not export routing:contract/router",
        ),
        (&[&text], INVITE, "no WebAssembly component"),
        (&["/nonexistent.wasm"], INVITE, "can't be read"),
        (
            &["--on-failure", "200", &puppet],
            INVITE,
            "closed, open, and a code",
        ),
        (&["--decision-timeout", "soon", &puppet], INVITE, "soon"),
        (
            &["--decision-timeout", "0", &puppet],
            INVITE,
            "no plugin could meet it",
        ),
        (
            &["--cache", "/dev/null", &puppet],
            INVITE,
            "/dev/null can't be used as a cache",
        ),
    ] {
        let ended = route(arguments, request).await;
        assert_eq!(ended.code(), 2, "{arguments:?}: {}", ended.stderr);
        assert!(
            ended.stderr.contains(words),
            "{arguments:?}: {}",
            ended.stderr
        );
        assert!(ended.stdout.is_empty());
    }
}

/// Of a plugin in Python it is all that says where it failed.
#[tokio::test]
async fn what_a_plugin_writes_is_seen_without_asking_for_it() {
    let folder = Folder::new();
    let request = write_request(&to_do(&["write it's here\u{1b}[2J", "trap"]));
    for plugin in ["puppet", "puppet-async"] {
        let ended = route(&[&folder.plugin(plugin)], &request).await;
        assert_eq!(ended.code(), 134, "{}", ended.stderr);
        // Nothing that a terminal would obey.
        let line = "it's here\\u{1b}[2J";
        assert!(ended.stderr.contains(line), "{}", ended.stderr);
        assert!(!ended.stderr.contains("DEBUG"), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn a_plugin_without_end_is_not_read_to_its_end() {
    let ended = route(&["/dev/zero"], INVITE).await;
    assert_eq!(ended.code(), 2, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("more than 512 MiB"),
        "{}",
        ended.stderr
    );
}

#[tokio::test]
async fn a_request_without_end_is_not_read_to_its_end() {
    let folder = Folder::new();
    let endless = " ".repeat((16 << 20) + 1);
    let ended = route(&[&folder.plugin("puppet")], &endless).await;
    assert_eq!(ended.code(), 26, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("more than 16 MiB"),
        "{}",
        ended.stderr
    );
}

/// Entries of the cache, with their contents damaged if `damage`.
fn entries(folder: &Path, damage: bool) -> usize {
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            count += entries(&path, damage);
        } else if path.extension().is_none() {
            count += 1;
            if damage {
                fs::write(&path, "damaged").unwrap();
            }
        }
    }
    count
}

#[tokio::test]
async fn what_was_compiled_is_kept_and_made_anew_where_it_is_damaged() {
    let folder = Folder::new();
    let plugin = folder.plugin("puppet");
    let cache = folder.path("cache");
    let arguments = ["--cache", cache.to_str().unwrap(), &plugin];
    for damage in [false, true, false] {
        let ended = route(&arguments, &write_request(&to_do(&["drop"]))).await;
        assert_eq!(
            ended.json(),
            json!({"decision": "drop"}),
            "{}",
            ended.stderr
        );
        assert_eq!(entries(&cache, damage), 1);
    }
}
