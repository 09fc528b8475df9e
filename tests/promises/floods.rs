//! A server that sends without end holds nobody past a deadline, and its
//! instance goes on.

use crate::{command_line::rest_client, worker, worker_with};
use rest_client_host::{ErrorKind, Instance};
use std::time::Duration;
use support::{
    config,
    pki::{Authority, Validity},
    server::Server,
    steps::{Step, head, ok},
};
use tokio::time::Instant;

/// What a server may send for ever where a client waits for something else.
fn floods() -> [(&'static str, Vec<Step>); 5] {
    let chunked = head("200 OK", &[("transfer-encoding", "chunked")]);
    let flood = |bytes: &[u8]| Step::Flood(bytes.repeat(4096).into());
    [
        (
            "interim replies",
            vec![flood(b"HTTP/1.1 103 Early Hints\r\n\r\n")],
        ),
        ("zeros", vec![chunked.clone(), flood(b"0000000000000000")]),
        (
            "blanks",
            vec![
                chunked.clone(),
                Step::Send("5".into()),
                flood(b"                "),
            ],
        ),
        (
            "an extension",
            vec![chunked, Step::Send("5;".into()), flood(b"xxxxxxxxxxxxxxxx")],
        ),
        (
            "trailers",
            vec![
                head("200 OK", &[("transfer-encoding", "chunked")]),
                Step::Send("0\r\n".into()),
                flood(b"x: yyyyyyyyyyy\r\n"),
            ],
        ),
    ]
}

async fn flooding(steps: Vec<Step>) -> Server {
    Server::start(move |_| steps.clone()).await
}

/// Makes a call to `server`, which floods, and others to an honest one beside it
/// on the same instance.
async fn honest_calls_beside(what: &str, server: &Server, instance: &Instance) {
    let flooded = instance
        .rest_get(&server.url("/"))
        .transfer_timeout(Duration::from_secs(1));
    let flooded = tokio::spawn(async move {
        let started = Instant::now();
        (flooded.await, started.elapsed())
    });
    server
        .wait_for("the request", |record| record.requests.len() == 1)
        .await;
    let honest = Server::start(|_| ok("fine")).await;
    for _ in 0..10 {
        let reply = instance.rest_get(&honest.url("/")).await.unwrap();
        assert_eq!(reply.body(), "fine");
    }
    let (outcome, elapsed) = flooded.await.unwrap();
    outcome.expect_err(what);
    assert!(elapsed < Duration::from_secs(4), "{what}: {elapsed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_ends_at_its_deadline_and_its_instance_goes_on() {
    for (what, steps) in floods() {
        let server = flooding(steps).await;
        honest_calls_beside(what, &server, &worker()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_over_tls_ends_at_its_deadline_and_its_instance_goes_on() {
    let authority = Authority::new("floods");
    let identity = authority.issue(&["127.0.0.1"], Validity::Good);
    let file = authority.file();
    for (what, steps) in floods() {
        let server = Server::start_tls(&identity, move |_| steps.clone()).await;
        let instance = worker_with(config!(ssl_capath = Some(file.path().to_owned())));
        honest_calls_beside(what, &server, &instance).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interim_replies_are_counted() {
    let few = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(50);
    let server =
        Server::start(move |_| [vec![Step::Send(few.clone().into())], ok("x")].concat()).await;
    let instance = worker();
    assert_eq!(
        instance.rest_get(&server.url("/")).await.unwrap().body(),
        "x"
    );

    let server = flooding(floods()[0].1.clone()).await;
    let error = instance.rest_get(&server.url("/")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(error.to_string().contains("interim"), "{error}");
}

/// One thread alone, as a program of one call has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_ends_in_time_under_a_flood() {
    let zeros = floods()[1].1.clone();
    let server = flooding(zeros).await;
    // What is measured is the program, and not how it is built.
    rest_client(&["--version"]).await;
    let started = Instant::now();
    let ended = rest_client(&["get", &server.url("/"), "--transfer-timeout=500ms"]).await;
    assert_eq!(ended.code(), 28, "{}", ended.stderr);
    let elapsed = started.elapsed();
    assert!(elapsed < Duration::from_secs(3), "{elapsed:?}");
}
