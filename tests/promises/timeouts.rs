//! Every call ends before its deadline, whatever it waits for, with the right
//! error and with what had arrived.

use crate::worker_with;
use bytes::Bytes;
use rest_client_host::{AtCap, Error, ErrorKind, Instance};
use std::time::Duration;
use support::{
    config,
    name_server::NameServer,
    server::Server,
    steps::{Step, head, ok, raw},
    unresponsive::{FullBacklog, Silent},
};
use tokio::{io::AsyncReadExt as _, net::TcpSocket, time::Instant};

const DEADLINE: Duration = Duration::from_millis(400);

/// Generous, since the machine may be busy: what counts is that a call ends.
const LATE: Duration = Duration::from_millis(1500);

fn worker() -> Instance {
    worker_with(config!(
        connection_timeout = DEADLINE,
        transfer_timeout = DEADLINE
    ))
}

/// The error of a call that ends at its deadline: not before, and not long after.
async fn ends_in_time(
    call: impl IntoFuture<Output = Result<rest_client_host::Response, Error>>,
) -> Error {
    let started = Instant::now();
    let error = call.await.expect_err("it can't succeed");
    let elapsed = started.elapsed();
    assert!(elapsed >= DEADLINE, "too early, after {elapsed:?}: {error}");
    assert!(elapsed < LATE, "too late, after {elapsed:?}: {error}");
    assert!(error.timings().total <= elapsed);
    assert!(error.is_timeout());
    error
}

fn is_connection_timeout(error: &Error, phase: &str) {
    assert_eq!(error.kind(), ErrorKind::ConnectionTimeout, "{error}");
    assert_eq!((error.code(), error.status()), (-2, 0));
    assert!(error.to_string().contains(phase), "{error}");
}

#[tokio::test]
async fn a_name_server_that_never_answers_ends_in_a_connection_timeout() {
    let names = NameServer::silent().await;
    let worker = worker_with(config!(
        connection_timeout = DEADLINE,
        dns_servers = vec![names.address()]
    ));
    let error = ends_in_time(worker.rest_get("http://service.example/")).await;
    is_connection_timeout(&error, "the host name was looked up");
    assert!(*names.queries.borrow() > 0, "the name server was asked");
}

#[tokio::test]
async fn a_syn_that_is_never_answered_ends_in_a_connection_timeout() {
    let full = FullBacklog::default();
    let error = ends_in_time(worker().rest_get(&full.url())).await;
    is_connection_timeout(&error, "TCP was connecting");
}

#[tokio::test]
async fn a_tls_handshake_that_never_ends_ends_in_a_connection_timeout() {
    let silent = Silent::start().await;
    let error = ends_in_time(worker().rest_get(&silent.https())).await;
    is_connection_timeout(&error, "the TLS handshake went on");
    let mut open = silent.open.clone();
    open.wait_for(|open| *open == 0).await.unwrap();
}

#[tokio::test]
async fn a_head_that_never_comes_ends_in_a_transfer_timeout() {
    let server = Server::start(|_| vec![Step::Stall]).await;
    let error = ends_in_time(worker().rest_get(&server.url("/"))).await;
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::TransferTimeout, -3)
    );
    assert_eq!((error.status(), error.partial()), (0, None));
    server
        .wait_for("the end of the connection", |record| record.open == 0)
        .await;
}

#[tokio::test]
async fn a_head_that_stops_ends_in_a_transfer_timeout() {
    let server = Server::start(|_| vec![raw("HTTP/1.1 200 OK\r\nx: "), Step::Stall]).await;
    let error = ends_in_time(worker().rest_get(&server.url("/"))).await;
    assert_eq!((error.code(), error.status()), (-3, 0));
}

#[tokio::test]
async fn a_body_that_stops_leaves_what_had_arrived() {
    let server = Server::start(|_| {
        vec![
            head(
                "203 Well",
                &[("content-length", "100"), ("content-type", "text/x")],
            ),
            raw("so far"),
            Step::Stall,
        ]
    })
    .await;
    let error = ends_in_time(worker().rest_get(&server.url("/"))).await;
    assert_eq!((error.code(), error.status()), (-3, 203));
    let partial = error.partial().unwrap();
    assert_eq!(partial.body(), "so far");
    assert_eq!(partial.content_type(), Some("text/x"));
    assert!(partial.headers().contains_key("content-length"));
    server
        .wait_for("the end of the connection", |record| record.open == 0)
        .await;
}

#[tokio::test]
async fn a_body_that_drips_is_ended_by_the_deadline_of_the_whole() {
    let server = Server::start(|_| {
        vec![
            head("200 OK", &[("content-length", "100")]),
            Step::Drip("x".repeat(100).into(), Duration::from_millis(50)),
        ]
    })
    .await;
    let error = ends_in_time(worker().rest_get(&server.url("/"))).await;
    assert_eq!((error.code(), error.status()), (-3, 200));
    let arrived = error.partial().unwrap().body().len();
    assert!((1..100).contains(&arrived), "{arrived}");
}

/// The server has a thread of its own, and sends faster than the client reads:
/// a chunk of one byte takes longer to read than to send. So there is always
/// more to read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_never_pauses_is_ended_too() {
    let chunks = Bytes::from("1\r\nx\r\n".repeat(8 << 10));
    let server = Server::start(move |_| {
        vec![
            head("200 OK", &[("transfer-encoding", "chunked")]),
            Step::Flood(chunks.clone()),
        ]
    })
    .await;
    let worker = worker_with(config!(transfer_timeout = DEADLINE, max_transfer_size = 0));
    let error = ends_in_time(worker.rest_get(&server.url("/"))).await;
    assert_eq!((error.code(), error.status()), (-3, 200));
    assert!(!error.partial().unwrap().body().is_empty());
    server
        .wait_for("the end of the connection", |record| record.open == 0)
        .await;
}

#[tokio::test]
async fn a_server_that_does_not_read_ends_in_a_transfer_timeout() {
    // Twice what the system takes where the receiver has so small a buffer.
    const SIZE: usize = 4_000_000;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(1).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let error = ends_in_time(worker().rest_post(&url, vec![0; SIZE])).await;
    assert_eq!((error.code(), error.status()), (-3, 0));
    let mut sent = Vec::new();
    let (mut stream, _) = listener.accept().await.unwrap();
    stream.read_to_end(&mut sent).await.unwrap();
    assert!(sent.len() < SIZE, "the system has taken the whole body");
}

#[tokio::test]
async fn the_deadline_of_a_call_shortens_and_never_lengthens() {
    let server = Server::start(|_| vec![Step::Stall]).await;
    let hour = Duration::from_secs(3600);
    let patient = worker_with(config!(transfer_timeout = hour));
    ends_in_time(
        patient
            .rest_get(&server.url("/"))
            .transfer_timeout(DEADLINE),
    )
    .await;
    ends_in_time(worker().rest_get(&server.url("/")).transfer_timeout(hour)).await;
    let silent = Silent::start().await;
    let error = ends_in_time(
        patient
            .rest_get(&silent.https())
            .connection_timeout(DEADLINE),
    )
    .await;
    is_connection_timeout(&error, "400ms");
}

#[tokio::test]
async fn connecting_counts_to_the_deadline_of_the_whole() {
    let full = FullBacklog::default();
    let worker = worker_with(config!(
        connection_timeout = Duration::from_secs(3600),
        transfer_timeout = DEADLINE
    ));
    let error = ends_in_time(worker.rest_get(&full.url())).await;
    is_connection_timeout(&error, "400ms");
}

/// A call that finds its instance at the cap waits as long as it may wait for a
/// connection.
#[tokio::test]
async fn waiting_for_a_slot_ends_in_a_connection_timeout() {
    let server = Server::start(|_| vec![Step::Stall]).await;
    for at_cap in [AtCap::Block, AtCap::Wait] {
        let instance = worker_with(config!(
            // With a cap of 0, a call that waits would never run.
            max_async_transfers = u32::from(at_cap == AtCap::Wait),
            at_cap
        ));
        let url = server.url("/");
        let held = instance.rest_get(&url).into_future();
        let waits = async {
            server
                .wait_for("the first call", |record| record.open == 1)
                .await;
            ends_in_time(instance.rest_get(&url).connection_timeout(DEADLINE)).await
        };
        tokio::select! {
            _ = held => unreachable!("it stalls"),
            error = waits => is_connection_timeout(&error, "waited"),
        }
        drop(instance);
        server
            .wait_for("the end of the first call", |record| record.open == 0)
            .await;
    }
}

#[tokio::test]
async fn a_call_after_one_that_timed_out_is_as_good_as_any() {
    let server = Server::start(|seen| match &*seen.target {
        "/stall" => vec![Step::Stall],
        _ => ok("fine"),
    })
    .await;
    let worker = worker();
    for _ in 0..3 {
        ends_in_time(worker.rest_get(&server.url("/stall"))).await;
        assert_eq!(
            worker.rest_get(&server.url("/")).await.unwrap().body(),
            "fine"
        );
    }
}

/// A program may hold up its runtime for so long that all deadlines pass at once.
#[tokio::test]
async fn the_deadline_that_passed_first_is_told_even_if_nobody_looked() {
    let full = FullBacklog::default();
    let worker = worker_with(config!(
        connection_timeout = Duration::from_millis(50),
        transfer_timeout = Duration::from_millis(100)
    ));
    let call = tokio::spawn(worker.rest_get(&full.url()).into_future());
    while worker.stats().in_flight == 0 {
        tokio::task::yield_now().await;
    }
    std::thread::sleep(Duration::from_millis(300));
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionTimeout, "{error}");
}

/// A server may answer faster than a timer goes off.
#[tokio::test]
async fn a_call_that_has_no_time_is_not_sent() {
    let server = Server::start(|_| ok("fine")).await;
    let worker = worker();
    let url = server.url("/");
    let none = worker.rest_get(&url).connection_timeout(Duration::ZERO);
    assert_eq!(none.await.unwrap_err().kind(), ErrorKind::ConnectionTimeout);
    // There is a connection to send it on.
    worker.rest_get(&url).await.unwrap();
    let none = worker.rest_get(&url).transfer_timeout(Duration::ZERO);
    assert!(none.await.unwrap_err().is_timeout());
    assert_eq!(server.record().requests.len(), 1);
    // Whoever has time finds it where it was.
    worker.rest_get(&url).await.unwrap();
    assert_eq!(server.record().accepted, 1);
}
