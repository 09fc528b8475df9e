//! What an end of a stream or of a connection of HTTP/2 means.

use crate::worker_with;
use rest_client_host::{ErrorKind, HttpVersion, Instance};
use std::time::{Duration, Instant};
use support::{
    config,
    http2_frames::{Frame, FramesServer, Met},
    relay::Relay,
};

const NO_ERROR: u32 = 0;
const INTERNAL_ERROR: u32 = 2;
const REFUSED_STREAM: u32 = 7;
const ENHANCE_YOUR_CALM: u32 = 11;
const HTTP_1_1_REQUIRED: u32 = 13;

/// A reply without a body.
const EMPTY: Frame = Frame::WholeHead(b"");

fn worker() -> Instance {
    worker_with(config!(
        http_version = HttpVersion::Http2PriorKnowledge,
        transfer_timeout = Duration::from_secs(5),
    ))
}

#[tokio::test]
async fn what_the_server_has_not_come_to_is_sent_again_whatever_its_method() {
    let server = FramesServer::start(|met| match met.connection {
        0 => vec![Frame::GoAway(0, NO_ERROR), Frame::Close],
        _ => vec![EMPTY],
    })
    .await;
    worker().rest_post(&server.url(), "x").await.unwrap();
    assert_eq!(server.met().len(), 2);
}

#[tokio::test]
async fn a_stream_that_was_refused_is_sent_again_whatever_its_method() {
    let server = FramesServer::start(|met| match met.request {
        0 => vec![Frame::Reset(REFUSED_STREAM)],
        _ => vec![EMPTY],
    })
    .await;
    worker().rest_post(&server.url(), "x").await.unwrap();
    let same_connection = |met: &Met| met.connection == 0;
    assert!(server.met().iter().all(same_connection));
}

#[tokio::test]
async fn a_server_that_refuses_without_end_is_asked_a_few_times() {
    let server = FramesServer::start(|_| vec![Frame::Reset(REFUSED_STREAM)]).await;
    let error = worker().rest_get(&server.url()).await.unwrap_err();
    assert!(error.to_string().contains("REFUSED_STREAM"), "{error}");
    assert_eq!(server.met().len(), 4);
}

#[tokio::test]
async fn a_get_on_a_connection_that_was_just_closed_is_sent_again() {
    let server = FramesServer::start(|met| match (met.connection, met.request) {
        (0, 1) => vec![Frame::Close],
        _ => vec![EMPTY],
    })
    .await;
    let worker = worker();
    worker.rest_get(&server.url()).await.unwrap();
    worker.rest_get(&server.url()).await.unwrap();
    assert_eq!(server.met().len(), 3);
}

#[tokio::test]
async fn a_post_that_the_server_may_have_seen_is_not_sent_again() {
    for ending in [Frame::Close, Frame::Reset(INTERNAL_ERROR)] {
        let server = FramesServer::start(move |met| match met.request {
            0 => vec![EMPTY],
            _ => vec![ending.clone()],
        })
        .await;
        let worker = worker();
        worker.rest_post(&server.url(), "a").await.unwrap();
        worker.rest_post(&server.url(), "b").await.unwrap_err();
        assert_eq!(server.met().len(), 2);
    }
}

#[tokio::test]
async fn a_first_request_that_fails_is_not_sent_again() {
    let server = FramesServer::start(|_| vec![Frame::Close]).await;
    let error = worker().rest_get(&server.url()).await.unwrap_err();
    assert!(error.is_truncated(), "{error}");
    assert_eq!(error.timings().first_byte, None);
    assert_eq!(server.met().len(), 1);
}

/// It may answer before it has read the request, and never grant room for the rest of it.
#[tokio::test]
async fn a_body_that_the_server_does_not_read_ends_with_its_exchange() {
    let server = FramesServer::start(|_| vec![EMPTY]).await;
    let worker = worker();
    for _ in 0..3 {
        let reply = worker.rest_post(&server.url(), vec![0; 1 << 20]).await;
        assert_eq!(reply.unwrap().status(), 200);
    }
    // Each on a connection of its own, which ends soon.
    let connections: Vec<_> = server.met().iter().map(|met| met.connection).collect();
    assert_eq!(connections, [0, 1, 2]);
    server.wait_for_ends(3).await;
}

#[tokio::test]
async fn a_reset_is_never_the_end_of_a_body() {
    // Code 0 is what a server sends that wants no more of the request.
    for ending in [
        Frame::Reset(NO_ERROR),
        Frame::Reset(INTERNAL_ERROR),
        Frame::Close,
    ] {
        let end = ending.clone();
        let server =
            FramesServer::start(move |_| vec![Frame::Head(b""), Frame::Data(b"half"), end.clone()])
                .await;
        let error = worker().rest_get(&server.url()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{ending:?}");
        assert!(error.is_truncated(), "{ending:?}: {error}");
        assert!(error.timings().first_byte.is_some(), "{ending:?}");
    }
    let server =
        FramesServer::start(|_| vec![Frame::Head(b""), Frame::Data(b"whole"), Frame::End]).await;
    assert_eq!(
        worker().rest_get(&server.url()).await.unwrap().body(),
        "whole"
    );
}

#[tokio::test]
async fn a_reply_without_a_body_may_announce_any_length() {
    // content-length: 99999999
    let announced = b"\x0f\x0d\x0899999999";
    let server = FramesServer::start(|_| vec![Frame::WholeHead(announced)]).await;
    let head = worker().rest_request("HEAD", &server.url()).await.unwrap();
    assert_eq!(head.header("content-length"), Some("99999999"));
    assert!(head.body().is_empty());
}

#[tokio::test]
async fn why_the_server_gave_up_is_told() {
    for (code, words) in [
        (ENHANCE_YOUR_CALM, "ENHANCE_YOUR_CALM"),
        (HTTP_1_1_REQUIRED, "requires HTTP/1.1"),
    ] {
        let server = FramesServer::start(move |_| vec![Frame::Reset(code)]).await;
        let error = worker().rest_get(&server.url()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert!(error.to_string().contains(words), "{error}");
    }
    // As the end of the whole connection, too.
    let server = FramesServer::start(|_| vec![Frame::GoAway(1, ENHANCE_YOUR_CALM), Frame::Close]);
    let error = worker().rest_get(&server.await.url()).await.unwrap_err();
    assert!(error.to_string().contains("ENHANCE_YOUR_CALM"), "{error}");
    // It is not the server who says so here.
    let empty = Frame::Flood(vec![Frame::Data(b"")]);
    let server = FramesServer::start(move |_| vec![Frame::Head(b""), empty.clone()]).await;
    let error = worker().rest_get(&server.url()).await.unwrap_err();
    assert!(error.to_string().contains("more frames"), "{error}");
    let http1 = support::server::Server::start(|_| support::steps::ok("x")).await;
    let error = worker().rest_get(&http1.url("/")).await.unwrap_err();
    assert!(error.to_string().contains("speak HTTP/2"), "{error}");
}

#[tokio::test]
async fn a_connection_that_let_a_call_time_out_is_not_used_again() {
    let server = FramesServer::start(|_| vec![EMPTY]).await;
    let relay = Relay::start(server.address()).await;
    let url = format!("http://{}/", relay.address());
    let worker = worker_with(config!(
        http_version = HttpVersion::Http2PriorKnowledge,
        transfer_timeout = Duration::from_millis(500),
    ));
    worker.rest_get(&url).await.unwrap();
    relay.silence();
    let error = worker.rest_get(&url).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TransferTimeout);
    worker.rest_get(&url).await.unwrap();
}

/// A plugin could close one to all others otherwise, as often as it likes.
#[tokio::test]
async fn a_caller_in_a_hurry_closes_no_connection_to_others() {
    loop {
        let server = FramesServer::start(|met| match met.request {
            1 => vec![],
            _ => vec![EMPTY],
        })
        .await;
        let worker = worker();
        worker.rest_get(&server.url()).await.unwrap();
        let began = Instant::now();
        let call = worker.rest_get(&server.url());
        let call = call.transfer_timeout(Duration::from_millis(20));
        assert!(call.await.unwrap_err().is_timeout());
        // Else it was over before it was sent, or took so long that the connection
        // might be dead.
        let is_hurried = began.elapsed() < Duration::from_millis(200);
        if server.met().len() == 2 && is_hurried {
            worker.rest_get(&server.url()).await.unwrap();
            assert!(server.met().iter().all(|met| met.connection == 0));
            return;
        }
    }
}

/// A call that has an hour does not wait for an hour: the server is asked by a ping
/// whether it is there.
#[tokio::test]
async fn a_server_that_is_gone_ends_a_call_long_before_its_deadline() {
    let server = FramesServer::start(|_| vec![]).await;
    let relay = Relay::start(server.address()).await;
    let worker = worker_with(config!(
        http_version = HttpVersion::Http2PriorKnowledge,
        transfer_timeout = Duration::from_secs(3600),
    ));
    let url = format!("http://{}/", relay.address());
    let call = tokio::spawn(worker.rest_get(&url).into_future());
    server.wait_for_requests(1).await;
    relay.silence();
    let error = tokio::time::timeout(Duration::from_secs(60), call)
        .await
        .expect("it ends")
        .unwrap()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    assert!(error.to_string().contains("ping"), "{error}");
}

#[tokio::test]
async fn a_body_comes_through_however_many_reads_it_takes() {
    static PART: [u8; 16_000] = [b'x'; 16_000];
    let server = FramesServer::start(|_| {
        let mut frames = vec![Frame::Head(b"")];
        frames.extend((0..40).map(|_| Frame::Data(&PART)));
        frames.push(Frame::End);
        frames
    })
    .await;
    let worker = worker();
    for _ in 0..3 {
        let reply = worker.rest_get(&server.url()).await.unwrap();
        assert_eq!(reply.body().len(), 640_000);
    }
}
