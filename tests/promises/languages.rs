//! What a plugin is written in makes no difference to what is decided: the credit check of
//! the original's manual, in each language that there is an example of.

use crate::worker_with;
use rest_client_host::{
    Service,
    plugin::{Limits, OnFailure, PluginPool, PluginRuntime, PoolOptions},
    routing::{read_request, write_decision, write_failed},
};
use std::time::Duration;
use support::{
    config, plugin,
    server::Server,
    steps::{ok, reply},
};

/// Each in an instance of its own, and all at a time.
async fn decides(component: &str) {
    let server = Server::start(|seen| match &*seen.target {
        "/credit?caller=alice" => ok("12.50 EUR"),
        "/credit?caller=bob" => ok("0.00 EUR"),
        "/credit?caller=carol%20%26%20dan" => ok("  1 EUR\n"),
        "/credit?caller=eve" => reply("404 Not Found", &[], b""),
        "/credit?caller=frank" => ok("much"),
        "/credit?caller=grace" => reply("200 OK", &[], b"\xff"),
        _ => reply("500 Oops", &[], b""),
    })
    .await;
    let billing = Service::new(server.origin().parse().unwrap());
    let worker = worker_with(config!(services = [("billing".to_owned(), billing)].into()));
    let runtime = PluginRuntime::new(Limits::default()).unwrap();
    let loaded = runtime.load(&plugin::built(component)).unwrap();
    let mut options = PoolOptions::default();
    options.decision_timeout = Duration::from_secs(60);
    let pool = PluginPool::new(&loaded, worker, options).unwrap();
    pool.check().await.unwrap();
    let of = |caller: &str, decision: &str| (caller.to_owned(), decision.to_owned());
    let failed = r#"{"decision":"answer","code":500,"failed":"error"}"#;
    let cases = [
        of(
            "alice",
            r#"{"decision":"continue","attributes":{"reason":"credit 12.50 EUR"}}"#,
        ),
        of(
            "bob",
            r#"{"decision":"answer","code":402,"reason":"Payment Required"}"#,
        ),
        of(
            "carol & dan",
            r#"{"decision":"continue","attributes":{"reason":"credit 1 EUR"}}"#,
        ),
        of(
            "eve",
            r#"{"decision":"answer","code":403,"reason":"Unknown Caller"}"#,
        ),
        of("frank", failed),
        // No UTF-8, as what a plugin says has to be.
        of("grace", failed),
        of("\u{fffd}", failed),
        of("mallory", failed),
    ];
    let deciding = cases.map(|(caller, expected)| {
        let pool = pool.clone();
        tokio::spawn(async move {
            let request = format!(
                r#"{{"protocol": "sip", "method": "INVITE", "target": "sip:bob@example.org",
                    "fields": [{{"name": "from", "value": "<sip:{caller}@example.org>;tag=a1"}}]}}"#
            );
            let mut request = read_request(request.as_bytes()).unwrap();
            if caller == "\u{fffd}" {
                request.fields[0].1 = b"<sip:\xff@example.org>;tag=a1".to_vec();
            }
            let protocol = request.protocol;
            let json = match pool.route(request).await {
                Ok(decision) => write_decision(&decision),
                Err(error) => {
                    let decision = OnFailure::Closed.decision(protocol);
                    write_failed(&decision, error.kind().as_str())
                }
            };
            assert_eq!(json, expected, "{caller}");
        })
    });
    for decided in deciding {
        decided.await.unwrap();
    }
}

/// A thousand decisions of one instance, one after the other: what a language's runtime has to
/// free or to collect is, and nothing of one request is left for the next.
async fn endures(component: &str) {
    let server = Server::start(|seen| ok(seen.target.rsplit('=').next().unwrap())).await;
    let billing = Service::new(server.origin().parse().unwrap());
    let worker = worker_with(config!(services = [("billing".to_owned(), billing)].into()));
    let mut limits = Limits::default();
    limits.memory = 64 << 20;
    let runtime = PluginRuntime::new(limits).unwrap();
    let loaded = runtime.load(&plugin::built(component)).unwrap();
    let mut options = PoolOptions::default();
    options.decision_timeout = Duration::from_secs(60);
    options.instances = 1.try_into().unwrap();
    let pool = PluginPool::new(&loaded, worker, options).unwrap();
    for number in 1..=1000 {
        let filler = "x".repeat(50_000);
        let request = format!(
            r#"{{"protocol": "http", "method": "GET", "target": "/",
                "attributes": {{"user": "{number}"}},
                "fields": [{{"name": "x-filler", "value": "{filler}"}}]}}"#
        );
        let decision = pool
            .route(read_request(request.as_bytes()).unwrap())
            .await
            .unwrap_or_else(|error| panic!("{number}: {error}"));
        let expected =
            format!(r#"{{"decision":"continue","attributes":{{"reason":"credit {number}"}}}}"#);
        assert_eq!(write_decision(&decision), expected);
    }
    assert_eq!(pool.stats().started, 1);
}

#[tokio::test]
async fn rust() {
    decides("credit-check").await;
    endures("credit-check").await;
}

#[tokio::test]
#[cfg_attr(
    not(has_javascript_plugin),
    ignore = "there is no plugin in JavaScript: `cargo xtask plugins` makes it with Node and npm"
)]
async fn javascript() {
    decides("credit-check-javascript").await;
    endures("credit-check-javascript").await;
}

#[tokio::test]
#[cfg_attr(
    not(has_python_plugin),
    ignore = "there is no plugin in Python: `cargo xtask plugins` makes it with Python and pip"
)]
async fn python() {
    decides("credit-check-python").await;
    endures("credit-check-python").await;
}

#[tokio::test]
#[cfg_attr(
    not(has_c_plugin),
    ignore = "there is no plugin in C: `cargo xtask plugins` makes it with Python and pip"
)]
async fn c() {
    decides("credit-check-c").await;
    endures("credit-check-c").await;
}

#[tokio::test]
#[cfg_attr(
    not(has_go_plugin),
    ignore = "there is no plugin in Go: `cargo xtask plugins` makes it with Python and pip"
)]
async fn go() {
    decides("credit-check-go").await;
    endures("credit-check-go").await;
}
