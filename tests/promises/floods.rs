//! A server that sends without end holds nobody past a deadline, and its
//! instance goes on.

use crate::{command_line::rest_client, worker, worker_with};
use rest_client_host::{Error, ErrorKind, HttpVersion, Instance};
use std::{sync::Arc, time::Duration};
use support::{
    config,
    floods::floods,
    h2,
    http2_frames::{Frame, FramesServer},
    pki::{Authority, Validity},
    server::Server,
    steps::{Step, ok},
};
use tokio::time::Instant;

fn flood(named: &str) -> Vec<Step> {
    let flood = floods().into_iter().find(|(name, _)| *name == named);
    flood.unwrap().1
}

async fn flooding(steps: Vec<Step>) -> Server {
    Server::start(move |_| steps.clone()).await
}

/// Makes a call to `server`, which floods, and others to an honest one beside it
/// on the same instance.
async fn honest_calls_beside(what: &str, server: &Server, instance: &Instance) {
    let honest = Server::start(|_| ok("fine")).await;
    let is_asked = server.wait_for("the request", |record| record.requests.len() == 1);
    calls_beside(what, &server.url("/"), is_asked, &honest.url("/"), instance).await;
}

/// Makes a call to `flooding`, and when it `is_asked` others to `honest`.
async fn calls_beside(
    what: &str,
    flooding: &str,
    is_asked: impl Future<Output = ()>,
    honest: &str,
    instance: &Instance,
) -> Error {
    let flooded = instance
        .rest_get(flooding)
        .transfer_timeout(Duration::from_secs(1));
    let flooded = tokio::spawn(async move {
        let started = Instant::now();
        (flooded.await, started.elapsed())
    });
    is_asked.await;
    for _ in 0..10 {
        let reply = instance.rest_get(honest).await.unwrap();
        assert_eq!(reply.status(), 200);
    }
    let (outcome, elapsed) = flooded.await.unwrap();
    assert!(elapsed < Duration::from_secs(4), "{what}: {elapsed:?}");
    outcome.expect_err(what)
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

/// They come behind the handshake, whatever is asked then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_session_tickets_ends_at_its_deadline_and_its_instance_goes_on() {
    let authority = Authority::new("floods");
    let identity = authority.issue(&["127.0.0.1"], Validity::Good);
    let mut config = (*identity.server_config()).clone();
    config.send_tls13_tickets = 100_000;
    let server = Server::start_tls_as(Arc::new(config), |_| vec![Step::Stall]).await;
    let file = authority.file();
    let instance = worker_with(config!(ssl_capath = Some(file.path().to_owned())));
    // The request is behind the tickets.
    let is_met = server.wait_for("the client", |record| record.accepted == 1);
    let honest = Server::start(|_| ok("fine")).await;
    let (flooding, honest) = (server.url("/"), honest.url("/"));
    let error = calls_beside("tickets", &flooding, is_met, &honest, &instance).await;
    // It is no matter of HTTP.
    assert_ne!(error.kind(), ErrorKind::Protocol, "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_over_http_2_ends_at_its_deadline_and_its_instance_goes_on() {
    for (what, steps) in [
        ("interim replies", vec![Frame::Flood(vec![Frame::Interim])]),
        (
            "empty parts of a body",
            vec![Frame::Head(b""), Frame::Flood(vec![Frame::Data(b"")])],
        ),
    ] {
        let honest = h2::Fields::start(&[]).await;
        let server = FramesServer::start(move |_| steps.clone()).await;
        let instance = worker_with(config!(http_version = HttpVersion::Http2PriorKnowledge));
        let is_asked = server.wait_for_requests(1);
        calls_beside(what, &server.url(), is_asked, &honest.url(), &instance).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interim_replies_are_bounded() {
    let few = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(50);
    let server =
        Server::start(move |_| [vec![Step::Send(few.clone().into())], ok("x")].concat()).await;
    let instance = worker();
    assert_eq!(
        instance.rest_get(&server.url("/")).await.unwrap().body(),
        "x"
    );

    let server = flooding(flood("interim replies")).await;
    let error = instance.rest_get(&server.url("/")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(error.to_string().contains("interim"), "{error}");
}

/// One thread alone, as a program of one call has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_ends_in_time_under_a_flood() {
    let server = flooding(flood("zeros")).await;
    // What is measured is the program, and not how it is built.
    rest_client(&["--version"]).await;
    let started = Instant::now();
    let ended = rest_client(&["get", &server.url("/"), "--transfer-timeout=500ms"]).await;
    assert_eq!(ended.code(), 28, "{}", ended.stderr);
    let elapsed = started.elapsed();
    assert!(elapsed < Duration::from_secs(3), "{elapsed:?}");
}
