//! A redirect is a reply like any other, unless a call asks to follow it; then
//! every hop is held to what the first request was held to.

use crate::{worker, worker_with};
use rest_client_host::{AtCap, ErrorKind};
use std::time::Duration;
use support::{
    config,
    pki::{Authority, Validity},
    server::Server,
    steps::{Gate, Step, ok, raw, reply},
};
use tokio::time::Instant;

fn to(status: &str, location: &str) -> Vec<Step> {
    reply(status, &[("location", location)], b"look elsewhere")
}

#[tokio::test]
async fn a_redirect_is_a_reply_unless_a_call_asks_to_follow_it() {
    let server = Server::start(|seen| match &*seen.target {
        "/from" => to("302 Found", "/to"),
        _ => ok("here"),
    })
    .await;
    let worker = worker();
    let plain = worker.rest_get(&server.url("/from")).await.unwrap();
    assert_eq!(
        (plain.status().as_u16(), &plain.body()[..]),
        (302, &b"look elsewhere"[..])
    );
    assert_eq!(server.record().requests.len(), 1);

    let followed = worker.rest_get(&server.url("/from")).max_redirects(1);
    let followed = followed.await.unwrap();
    assert_eq!(
        (followed.status().as_u16(), &followed.body()[..]),
        (200, &b"here"[..])
    );
    assert_eq!(server.record().requests.len(), 3);
}

#[tokio::test]
async fn a_body_is_sent_again_where_the_status_says_so_and_only_there() {
    let server = Server::start(|seen| match &*seen.target {
        "/303" => to("303 See Other", "/to"),
        "/307" => to("307 Temporary Redirect", "/to"),
        _ => ok("here"),
    })
    .await;
    let worker = worker();
    // Larger than what a sandbox is granted beside the bodies it holds.
    let body = vec![b'x'; 24 << 20];
    for (path, method, sent) in [("/307", "POST", &body[..]), ("/303", "GET", b"")] {
        worker
            .rest_post(&server.url(path), body.clone())
            .max_redirects(3)
            .await
            .unwrap();
        let last = server.record().requests.pop().unwrap();
        assert_eq!((&*last.target, &*last.method), ("/to", method));
        assert!(last.body == sent, "{path}");
        let described = last.header("content-type").len();
        assert_eq!(described, usize::from(method == "POST"), "{path}");
    }
}

#[tokio::test]
async fn a_location_is_encoded_as_browsers_do() {
    let latin1 = "/caf\u{e9}?q=\u{e9}";
    for (location, target) in [
        ("/a b", "/a%20b"),
        ("/a b?c d=\"e\"#f g", "/a%20b?c%20d=%22e%22"),
        ("/\ta\tb", "/ab"),
        ("b c", "/b%20c"),
        ("?x y", "/from?x%20y"),
        ("/<a>^`{b}|", "/%3Ca%3E%5E%60%7Bb%7D%7C"),
        ("/a%20b%zz", "/a%20b%zz"),
        ("/na\u{ef}ve", "/na%C3%AFve"),
        ("/no\u{a0}break", "/no%C2%A0break"),
    ] {
        let fields = format!("location: {location}\r\ncontent-length: 0\r\n\r\n");
        assert_eq!(
            redirected_to(fields.into_bytes()).await,
            target,
            "{location:?}"
        );
    }
    // ISO 8859-1, which is no UTF-8.
    let fields: Vec<u8> = format!("location: {latin1}\r\ncontent-length: 0\r\n\r\n")
        .chars()
        .map(|c| c as u8)
        .collect();
    assert_eq!(redirected_to(fields).await, "/caf%E9?q=%E9");
}

/// What is asked for after a reply with these header fields.
async fn redirected_to(fields: Vec<u8>) -> String {
    let head = [b"HTTP/1.1 302 Found\r\n", &fields[..]].concat();
    let server = Server::start(move |seen| match &*seen.target {
        "/from" => vec![raw(&head)],
        _ => ok("here"),
    })
    .await;
    let followed = worker().rest_get(&server.url("/from")).max_redirects(1);
    assert_eq!(followed.await.unwrap().body(), "here");
    server.record().requests.pop().unwrap().target
}

#[tokio::test]
async fn a_redirect_to_another_scheme_is_told_as_that() {
    for (location, scheme) in [("file:///etc/passwd", "file"), ("ftp://h/secret", "ftp")] {
        let server = Server::start(move |_| to("302 Found", location)).await;
        let followed = worker().rest_get(&server.url("/")).max_redirects(1);
        let error = followed.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
        let message = error.to_string();
        assert!(message.contains(&format!("{scheme:?}")), "{message}");
        assert!(message.contains("http and https"), "{message}");
        assert!(!message.contains("secret"), "{message}");
    }
}

#[tokio::test]
async fn redirects_are_bounded() {
    let server = Server::start(|_| to("301 Moved Permanently", "/round")).await;
    let error = worker()
        .rest_get(&server.url("/"))
        .max_redirects(4)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(error.to_string().contains("max-redirects, 4"), "{error}");
    assert_eq!(server.record().requests.len(), 5);
}

#[tokio::test]
async fn credentials_stay_with_the_origin_they_were_for() {
    let elsewhere = Server::start(|_| ok("")).await;
    let away = elsewhere.url("/");
    let server = Server::start(move |seen| match &*seen.target {
        "/here" => to("302 Found", "/to"),
        "/away" => to("302 Found", &away),
        _ => ok(""),
    })
    .await;
    let worker = worker();
    for path in ["/here", "/away"] {
        worker
            .rest_get(&server.url_on("alice:sesame@127.0.0.1", path))
            .header("cookie", "a=b")
            .header("x-other", "kept")
            .max_redirects(1)
            .await
            .unwrap();
    }
    let (here, away) = (server.record().requests, elsewhere.record().requests);
    assert_eq!(here[1].target, "/to");
    assert_eq!(here[1].header("authorization").len(), 1);
    assert_eq!(here[1].header("cookie"), ["a=b"]);
    assert!(away[0].header("authorization").is_empty());
    assert!(away[0].header("cookie").is_empty());
    assert_eq!(away[0].header("x-other"), ["kept"]);
}

#[tokio::test]
async fn no_redirect_leads_from_https_to_http() {
    let plain = Server::start(|_| ok("")).await;
    let location = plain.url("/");
    let authority = Authority::new("Test CA");
    let identity = authority.issue(&["127.0.0.1"], Validity::Good);
    let server = Server::start_tls(&identity, move |_| to("302 Found", &location)).await;
    let file = authority.file();
    let worker = worker_with(config!(ssl_capath = Some(file.path().to_owned())));
    let error = worker
        .rest_get(&server.url("/"))
        .max_redirects(3)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert!(error.to_string().contains("from https to http"), "{error}");
    assert_eq!(plain.record().accepted, 0);
}

#[tokio::test]
async fn all_hops_share_the_deadline_of_the_call() {
    let pause = Duration::from_millis(100);
    let server = Server::start(move |_| {
        vec![
            Step::Drip("H".into(), pause),
            raw("TTP/1.1 302 Found\r\nlocation: /again\r\ncontent-length: 0\r\n\r\n"),
        ]
    })
    .await;
    let worker = worker_with(config!(transfer_timeout = Duration::from_millis(450)));
    let started = Instant::now();
    let error = worker
        .rest_get(&server.url("/"))
        .max_redirects(100)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TransferTimeout);
    let elapsed = started.elapsed();
    assert!(elapsed >= Duration::from_millis(450), "{elapsed:?}");
    assert!(elapsed < Duration::from_secs(2), "{elapsed:?}");
    assert!(server.record().requests.len() > 1);
}

#[tokio::test]
async fn a_call_keeps_its_slot_from_hop_to_hop() {
    let gate = Gate::default();
    let held = gate.clone();
    let server = Server::start(move |seen| match &*seen.target {
        "/from" => to("302 Found", "/to"),
        "/to" => [vec![Step::Wait(held.clone())], ok("here")].concat(),
        _ => ok("later"),
    })
    .await;
    let worker = worker_with(config!(max_async_transfers = 1, at_cap = AtCap::Reject));
    let (from, other) = (server.url("/from"), server.url("/other"));
    let redirected = async { worker.rest_get(&from).max_redirects(1).await };
    let second = async {
        server
            .wait_for("the second hop", |record| record.requests.len() == 2)
            .await;
        let rejected = worker.rest_get(&other).await.unwrap_err();
        assert!(rejected.is_at_cap(), "{rejected}");
        gate.open();
    };
    let (redirected, ()) = tokio::join!(redirected, second);
    assert_eq!(redirected.unwrap().body(), "here");
    assert_eq!(worker.rest_get(&other).await.unwrap().body(), "later");
    assert_eq!(worker.stats().in_flight, 0);
}

#[tokio::test]
async fn each_hop_has_its_own_time_to_connect() {
    let target = Server::start(|_| ok("here")).await;
    let there = target.url("/");
    let server = Server::start(move |_| {
        let moved = reply("302 Found", &[("location", &there)], b"");
        // It takes longer for its reply than a connection may take.
        [
            vec![Step::Drip(
                "HTTP/1.1 100 Continue\r\n\r\n".into(),
                Duration::from_millis(20),
            )],
            moved,
        ]
        .concat()
    })
    .await;
    let worker = worker_with(config!(connection_timeout = Duration::from_millis(250)));
    let url = server.url("/");
    let reply = worker.rest_get(&url).max_redirects(1).await.unwrap();
    assert_eq!(reply.body(), "here");
}
