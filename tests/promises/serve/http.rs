//! A plugin that answers HTTP by itself: what it says goes out as it says it, and what it
//! leaves undone is never taken for an answer.

use super::{Serving, configuration, folder};
use crate::{worker, worker_with};
use rest_client_host::{ErrorKind, HttpVersion, Response};
use std::fs;
use support::{
    config, plugin,
    process::{rest_client, run},
    server::Server,
    steps::ok,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

async fn get(serving: &Serving, path: &str) -> Response {
    worker().rest_get(&serving.url(path)).await.unwrap()
}

async fn text(serving: &Serving, path: &str) -> String {
    get(serving, path).await.text().into_owned()
}

/// The reply to a request that is sent as it is.
async fn raw(serving: &Serving, request: &str) -> String {
    let mut stream = TcpStream::connect(&serving.at).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    reply
}

/// The website (`tests/plugins/website`) for each generation of WASI.
trait Site {
    const NAME: &'static str;
}

struct Plain;
struct Async;

impl Site for Plain {
    const NAME: &'static str = "website";
}

impl Site for Async {
    const NAME: &'static str = "website-async";
}

for_each_wasi! {
    super::Plain, super::Async:
    what_the_plugin_answers_is_the_reply,
    a_fresh_instance_for_each_answer_is_to_be_had,
    bodies_flow_both_ways_over_both_versions_of_http,
    a_part_of_an_answer_is_never_the_whole,
    a_plugin_goes_on_behind_its_answer,
    who_hangs_up_takes_nothing_from_the_next_caller,
    where_the_plugin_does_not_answer_the_operator_does,
    it_asks_services_and_nobody_else,
    fields_without_end_are_its_own_end,
    texts_without_end_are_not_kept,
    a_request_is_for_one_host,
    the_access_log_has_a_line_for_each_answer,
}

async fn what_the_plugin_answers_is_the_reply<S: Site>() {
    let serving = Serving::start(S::NAME, &["--instances", "1"]).await;
    let reply = get(&serving, "/hello").await;
    assert_eq!((reply.status().as_u16(), &*reply.text()), (200, "hello"));
    assert_eq!(reply.headers()["content-length"], "5");
    assert_eq!(get(&serving, "/nowhere").await.status(), 404);
    // It is the same instance.
    assert_eq!(text(&serving, "/asked").await, "3");
}

async fn a_fresh_instance_for_each_answer_is_to_be_had<S: Site>() {
    let serving = Serving::start(S::NAME, &["--decisions-per-instance", "1"]).await;
    assert_eq!(text(&serving, "/asked").await, "1");
    assert_eq!(text(&serving, "/asked").await, "1");
}

async fn bodies_flow_both_ways_over_both_versions_of_http<S: Site>() {
    let serving = Serving::start(S::NAME, &[]).await;
    let body: Vec<u8> = (0..1 << 20).map(|it: u32| it.to_le_bytes()[1]).collect();
    for http_version in [HttpVersion::Http11, HttpVersion::Http2PriorKnowledge] {
        let worker = worker_with(config!(http_version = http_version));
        let reply = worker.rest_post(&serving.url("/echo"), body.clone());
        let reply = reply.await.unwrap();
        assert!(reply.body() == &body, "{} bytes", reply.body().len());
    }
}

async fn a_part_of_an_answer_is_never_the_whole<S: Site>() {
    let arguments = ["--decision-timeout", "1s", "--admin", "127.0.0.1:0"];
    let serving = Serving::start(S::NAME, &arguments).await;
    // What it has not written by then, nobody will.
    let fresh = Serving::start(S::NAME, &["--decisions-per-instance", "1"]).await;
    for path in ["/half", "/half-then-trap", "/too-short", "/announced-only"] {
        for serving in [&serving, &fresh] {
            let outcome = worker().rest_get(&serving.url(path)).await;
            match outcome {
                Ok(reply) => assert_eq!(reply.status(), 503, "{path}"),
                // With 0.3 its head has gone out: it may have handed the body to another, so
                // that it is known at the deadline alone that there is nobody.
                Err(error) => {
                    assert_eq!((S::NAME, path), (Async::NAME, "/half"));
                    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
                }
            }
        }
    }
    let much = fresh.url("/much");
    let error = worker().rest_get(&much).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    // Where the head has gone out already, the connection breaks off.
    let mut broken_off = vec!["/much-then-trap"];
    match S::NAME {
        // What it has begun is waited for.
        Async::NAME => assert_eq!(get(&serving, "/half-then-spin").await.status(), 503),
        _ => broken_off.push("/half-then-spin"),
    }
    for path in broken_off {
        let error = worker().rest_get(&serving.url(path)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{path}: {error}");
    }
    for failed in ["trap", "deadline"] {
        let labels = format!(r#"plugin="{}",failed="{failed}""#, S::NAME);
        let line = format!("rest_client_answers_broken_off_total{{{labels}}} 1");
        serving.wait_for_metric(&line).await;
    }
}

/// Whoever has read what was announced reads no further, which is no reason to end a plugin
/// that has something left to do.
async fn a_plugin_goes_on_behind_its_answer<S: Site>() {
    let audit = Server::start(|_| ok("")).await;
    let arguments = ["--instances", "1", "--admin", "127.0.0.1:0"];
    let serving = Serving::asking(S::NAME, ("audit", &audit), &arguments).await;
    let path = "/announced?1000000&http://audit.service.internal/";
    let reply = get(&serving, path).await;
    assert_eq!(
        (reply.status().as_u16(), reply.body().len()),
        (200, 1_000_000)
    );
    let head = worker().rest_request("HEAD", &serving.url(path)).await;
    assert_eq!(head.unwrap().headers()["content-length"], "1000000");
    audit
        .wait_for("both questions", |record| record.requests.len() == 2)
        .await;
    // It is the same instance, which was given back each time.
    assert_eq!(text(&serving, "/asked").await, "3");
    serving
        .wait_for_metric("rest_client_plugin_instances_started_total 1")
        .await;
}

/// The instance that was at it is in the midst of its work.
async fn who_hangs_up_takes_nothing_from_the_next_caller<S: Site>() {
    let serving = Serving::start(S::NAME, &["--instances", "1"]).await;
    for _ in 0..3 {
        let mut stream = TcpStream::connect(&serving.at).await.unwrap();
        let request = b"GET /endless HTTP/1.1\r\nhost: h\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut some = [0; 10_000];
        stream.read_exact(&mut some).await.unwrap();
        drop(stream);
        assert_eq!(text(&serving, "/hello").await, "hello");
    }
}

async fn where_the_plugin_does_not_answer_the_operator_does<S: Site>() {
    let arguments = ["--on-failure", "500 Not Now", "--decision-timeout", "1s"];
    let serving = Serving::start(S::NAME, &arguments).await;
    for path in [
        "/trap",
        "/hello",
        "/nothing",
        "/error",
        "/too-short",
        "/spin",
    ] {
        let reply = get(&serving, path).await;
        match path {
            "/hello" => assert_eq!(reply.status(), 200),
            _ => {
                assert_eq!(reply.status(), 500, "{path}");
                assert_eq!(reply.text(), "Not Now\n");
            }
        }
    }
}

async fn it_asks_services_and_nobody_else<S: Site>() {
    let billing = Server::start(|_| ok("12.50")).await;
    let serving = Serving::asking(S::NAME, ("billing", &billing), &[]).await;
    let url = "http://billing.service.internal/credit";
    let reply = get(&serving, &format!("/ask?{url}")).await;
    assert_eq!(reply.text(), format!("200 {url}"));
    let reply = get(&serving, &format!("/ask?{}", billing.url("/"))).await;
    assert_eq!(reply.status(), 502);
    // Not by another way, either.
    let address = billing.origin().replace("http://", "");
    let around = text(&serving, &format!("/go-around?{address}")).await;
    assert!(around.contains("HttpRequestDenied"), "{around}");
    assert_eq!(billing.record().requests.len(), 1);
}

#[tokio::test]
async fn a_plugin_of_wasi_0_3_may_ask_in_0_2_as_well() {
    let billing = Server::start(|_| ok("12.50")).await;
    let serving = Serving::asking(Async::NAME, ("billing", &billing), &[]).await;
    let url = "http://billing.service.internal/credit";
    for path in ["ask", "ask-in-0.2"] {
        let reply = text(&serving, &format!("/{path}?{url}")).await;
        assert_eq!(reply, format!("200 {url}"), "{path}");
    }
}

async fn fields_without_end_are_its_own_end<S: Site>() {
    let serving = Serving::start(S::NAME, &[]).await;
    assert_eq!(get(&serving, "/fields").await.status(), 503);
    assert_eq!(text(&serving, "/hello").await, "hello");
}

async fn texts_without_end_are_not_kept<S: Site>() {
    let serving = Serving::start(S::NAME, &[]).await;
    assert_eq!(text(&serving, "/long-texts").await, "refused");
}

/// It would be in the memory of the host, on nobody's account.
#[tokio::test]
async fn what_a_plugin_says_of_a_request_is_not_kept() {
    let arguments = ["--instances", "1", "--decisions-per-instance", "1000"];
    let serving = Serving::start(Async::NAME, &arguments).await;
    for _ in 0..5 {
        assert_eq!(get(&serving, "/say-much").await.status(), 200);
    }
    let before = serving.process.resident();
    for _ in 0..40 {
        assert_eq!(get(&serving, "/say-much").await.status(), 200);
    }
    let grown = serving.process.resident().saturating_sub(before);
    assert!(grown < 100 << 20, "{} MiB", grown >> 20);
}

async fn a_request_is_for_one_host<S: Site>() {
    let serving = Serving::start(S::NAME, &[]).await;
    let of = async |head: &str| raw(&serving, &format!("{head}connection: close\r\n\r\n")).await;
    let reply = of("GET http://one.example/authority HTTP/1.1\r\nhost: two.example\r\n").await;
    assert!(reply.ends_with("\r\n\r\none.example"), "{reply}");
    for head in [
        "GET /authority HTTP/1.1\r\nhost: one.example\r\nhost: two.example\r\n",
        "GET /authority HTTP/1.0\r\n",
    ] {
        let reply = of(head).await;
        assert!(reply.contains(" 400 "), "{reply}");
    }
    let reply = of("CONNECT one.example:443 HTTP/1.1\r\nhost: one.example\r\n").await;
    assert!(reply.contains(" 405 "), "{reply}");
}

#[tokio::test]
async fn a_plugin_is_served_as_what_it_is() {
    let folder = folder();
    let _ = configuration(&folder, None);
    for (name, form, what) in [
        ("website", "nginx", "decides nothing"),
        ("puppet", "http", "answers no HTTP"),
    ] {
        let file = folder.path().join(name).with_extension("wasm");
        fs::write(&file, plugin::built(name)).unwrap();
        let file = file.to_str().unwrap();
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--form", form, file];
        let ended = run(rest_client(), arguments, b"").await;
        assert_eq!(ended.code(), 2);
        assert!(ended.stderr.contains(what), "{}", ended.stderr);
    }
    let file = folder.path().join("website.wasm");
    let file = file.to_str().unwrap();
    for (flag, value) in [
        ("--carry", "x-credit"),
        ("--on-failure", "open"),
        ("--on-failure", "603 Decline"),
    ] {
        let arguments = ["serve", "--listen", "127.0.0.1:0", flag, value, file];
        let ended = run(rest_client(), arguments, b"").await;
        assert_eq!(ended.code(), 2);
        assert!(ended.stderr.contains(flag), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn another_version_takes_over_if_it_answers_http_too() {
    let mut serving = Serving::start("website", &[]).await;
    let file = serving.file("website.wasm");
    fs::write(&file, plugin::built("puppet")).unwrap();
    serving.process.signal("HUP").await;
    serving.process.wait_for_complaint("of another kind").await;
    fs::write(&file, plugin::built("website")).unwrap();
    serving.process.signal("HUP").await;
    serving.process.wait_for_complaint("has taken over").await;
    assert_eq!(text(&serving, "/asked").await, "1");
}

async fn the_access_log_has_a_line_for_each_answer<S: Site>() {
    let folder = folder();
    let log = folder.path().join("access.log");
    let arguments = [
        "--listen",
        "127.0.0.1:0",
        "--access-log",
        log.to_str().unwrap(),
    ];
    let serving = Serving::start_in(folder, S::NAME, &arguments).await;
    get(&serving, "/hello?secret").await;
    get(&serving, "/trap").await;
    serving.process.signal("TERM").await;
    let Serving {
        process,
        folder: _folder,
        ..
    } = serving;
    assert_eq!(process.ended().await.code(), 0);
    let text = fs::read_to_string(&log).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|it| {
            let mut line: serde_json::Value = serde_json::from_str(it).unwrap();
            for measured in ["ts", "ms"] {
                line.as_object_mut().unwrap().remove(measured).unwrap();
            }
            line
        })
        .collect();
    let expected = |target: &str, code: u16| {
        serde_json::json!({"plugin": S::NAME, "protocol": "http", "method": "GET",
            "target": target, "source": "127.0.0.1", "decision": "answer", "code": code})
    };
    let mut trapped = expected("/trap", 503);
    trapped["failed"] = "trap".into();
    assert_eq!(lines, [expected("/hello", 200), trapped]);
}
