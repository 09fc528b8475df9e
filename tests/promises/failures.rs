//! What a server does wrong is told, with the right error and in words.

use crate::{host, worker};
use rest_client_host::{Error, ErrorKind};
use support::{
    config,
    name_server::NameServer,
    server::Server,
    steps::{Step, head, ok, raw, reply},
    unresponsive::{Blunt, Refusing},
};

async fn failure(steps: Vec<Step>) -> Error {
    let server = Server::start(move |_| steps.clone()).await;
    let error = worker()
        .rest_get(&server.url("/secret-path?secret-query"))
        .await
        .expect_err("the reply is wrong");
    let message = error.to_string();
    assert!(message.starts_with(&server.origin()), "{message}");
    assert!(!message.contains("secret"), "{message}");
    error
}

#[tokio::test]
async fn a_port_without_a_listener_refuses() {
    let error = worker()
        .rest_get(&Refusing::default().url())
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::ConnectionRefused, -1)
    );
    assert!(error.to_string().contains("nothing listens"), "{error}");
}

#[tokio::test]
async fn a_name_that_is_not_is_an_error_of_dns() {
    let names = NameServer::with(&[]).await;
    let host = host(config!(dns_servers = vec![names.address()]));
    let error = host
        .instance()
        .rest_get("http://service.example./")
        .await
        .unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Dns, -10));
    assert!(error.to_string().contains("no such name"), "{error}");
}

#[tokio::test]
async fn a_connection_that_ends_before_the_reply_is_told_apart_from_one_that_ends_in_it() {
    for ending in [Step::Close, Step::Reset] {
        let error = failure(vec![ending.clone()]).await;
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
        assert!(error.is_truncated(), "{error}");
        assert_eq!(error.timings().first_byte, None);

        let begun = head("200 OK", &[("content-length", "100")]);
        let error = failure(vec![begun, raw("abc"), ending]).await;
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
        assert!(error.is_truncated(), "{error}");
        assert!(error.timings().first_byte.is_some());
    }
}

#[tokio::test]
async fn a_body_in_chunks_that_ends_early_is_not_taken_for_a_whole_one() {
    let chunked = head("200 OK", &[("transfer-encoding", "chunked")]);
    for rest in ["5\r\nabc", "3\r\nabc\r\n", "3\r\nabc\r\n0\r\n"] {
        let error = failure(vec![chunked.clone(), raw(rest), Step::Close]).await;
        assert_eq!(error.kind(), ErrorKind::Protocol, "{rest:?}: {error}");
    }
}

/// As in the original, where 0 means that no reply arrived.
#[tokio::test]
async fn a_reply_that_had_begun_keeps_its_status() {
    let announced = head("404 Not Found", &[("content-length", "100")]);
    let chunked = head("503 Busy", &[("transfer-encoding", "chunked")]);
    let large = head("200 OK", &[("content-length", "99999999")]);
    for (steps, status, kind) in [
        (
            vec![announced.clone(), raw("abc"), Step::Reset],
            404,
            ErrorKind::Protocol,
        ),
        (
            vec![announced, raw("abc"), Step::Close],
            404,
            ErrorKind::Protocol,
        ),
        (
            vec![chunked.clone(), raw("zz\r\nabc"), Step::Close],
            503,
            ErrorKind::Protocol,
        ),
        (
            vec![chunked, raw("3\r\nabcde"), Step::Stall],
            503,
            ErrorKind::Protocol,
        ),
        (vec![large, Step::Stall], 200, ErrorKind::TooLarge),
        // No head, no status.
        (
            vec![raw("HTTP/1.1 404 No"), Step::Close],
            0,
            ErrorKind::Protocol,
        ),
    ] {
        let error = failure(steps.clone()).await;
        assert_eq!(
            (error.status(), error.code(), error.kind()),
            (status, -10, kind),
            "{steps:?}: {error}"
        );
    }
}

/// A status is that of the last hop, and 0 if that one had no reply.
#[tokio::test]
async fn a_hop_without_a_reply_has_no_status_of_the_one_before() {
    let server = Server::start(|seen| match &*seen.target {
        "/from" => reply("302 Found", &[("location", "/to")], b""),
        "/round" => reply("302 Found", &[("location", "/round")], b""),
        _ => vec![Step::Close],
    })
    .await;
    let worker = worker();
    let error = worker.rest_get(&server.url("/from")).max_redirects(3);
    let error = error.await.unwrap_err();
    assert_eq!((error.status(), error.is_truncated()), (0, true), "{error}");
    assert!(!error.is_redirect_limit());
    let error = worker.rest_get(&server.url("/round")).max_redirects(3);
    let error = error.await.unwrap_err();
    assert_eq!(error.status(), 302, "{error}");
    assert!(error.is_redirect_limit());
}

#[tokio::test]
async fn a_reply_that_is_not_http_breaks_the_protocol() {
    for bytes in [
        &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nabc",
        b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    ] {
        let error = failure(vec![raw(bytes), Step::Close]).await;
        assert_eq!(
            (error.kind(), error.code()),
            (ErrorKind::Protocol, -10),
            "{:?}: {error}",
            String::from_utf8_lossy(bytes)
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_speaks_first_and_no_http_breaks_the_protocol_each_time() {
    for words in [
        &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
        b"220 mail.example ESMTP\r\n",
        b"Asterisk Call Manager/5.0.2\r\n",
    ] {
        for server in [Blunt::start(words).await, Blunt::start_curt(words).await] {
            let worker = worker();
            for _ in 0..30 {
                let error = worker.rest_get(&server.http()).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
                assert!(!error.is_truncated(), "{error}");
                assert!(error.to_string().contains("not HTTP"), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn a_transfer_coding_that_nobody_asked_for_is_an_error() {
    for codings in [
        &["gzip"][..],
        &["gzip, chunked"],
        &["gzip", "chunked"],
        &["chunked, chunked"],
        &["chunked;level=1"],
        &["identity"],
        &[""],
    ] {
        let mut fields = vec![("content-length", "100")];
        fields.extend(codings.iter().map(|coding| ("transfer-encoding", *coding)));
        let body = raw("3\r\nabc\r\n0\r\n\r\n");
        let error = failure(vec![head("200 OK", &fields), body, Step::Close]).await;
        assert_eq!(error.kind(), ErrorKind::Protocol, "{codings:?}: {error}");
        assert!(!error.is_truncated(), "{codings:?}: {error}");
        assert!(error.to_string().contains("transfer coding"), "{error}");
    }
}

#[tokio::test]
async fn a_transfer_coding_of_a_body_that_does_not_come_is_none() {
    let server = Server::start(|seen| match &*seen.method {
        "HEAD" => vec![head("200 OK", &[("transfer-encoding", "gzip, chunked")])],
        _ => vec![
            head("200 OK", &[("Transfer-Encoding", " Chunked ")]),
            raw("3\r\nabc\r\n0\r\n\r\n"),
        ],
    })
    .await;
    let worker = worker();
    let head = worker.rest_request("HEAD", &server.url("/")).await.unwrap();
    assert_eq!(head.status().as_u16(), 200);
    let reply = worker.rest_get(&server.url("/")).await.unwrap();
    assert_eq!(reply.body(), "abc");
    assert_eq!(server.record().accepted, 1);
}

#[tokio::test]
async fn a_switch_of_protocols_that_nobody_asked_for_is_no_reply() {
    let fields = [("connection", "upgrade"), ("upgrade", "websocket")];
    let error = failure(vec![head("101 Switching Protocols", &fields), Step::Stall]).await;
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    assert!(!error.is_truncated(), "{error}");
    assert!(error.to_string().contains("101"), "{error}");
}

#[tokio::test]
async fn a_head_without_end_is_given_up() {
    let endless = raw("x-filler: ".to_owned() + &"x".repeat(1 << 20));
    let error = failure(vec![raw("HTTP/1.1 200 OK\r\n"), endless, Step::Stall]).await;
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(error.to_string().contains("too large"), "{error}");
}

#[tokio::test]
async fn bytes_after_the_announced_length_are_no_part_of_the_body() {
    let server = Server::start(|seen| match &*seen.target {
        "/long" => vec![
            head("200 OK", &[("content-length", "3")]),
            raw("abcHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"),
        ],
        _ => ok("mine"),
    })
    .await;
    let worker = worker();
    let reply = worker.rest_get(&server.url("/long")).await.unwrap();
    assert_eq!(reply.body(), "abc");
    let reply = worker.rest_get(&server.url("/")).await.unwrap();
    assert_eq!(reply.body(), "mine", "what came unasked is nobody's reply");
}

#[tokio::test]
async fn what_can_not_be_sent_is_refused_before_anything_is() {
    let server = Server::start(|_| ok("")).await;
    let worker = worker();
    let url = server.url("/");
    for (name, value) in [
        ("x", "a\r\nb: c"),
        ("x\r\ny", "a"),
        ("host", "other"),
        ("content-length", "5"),
        ("transfer-encoding", "chunked"),
        ("", "a"),
    ] {
        let error = worker.rest_get(&url).header(name, value).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidHeader, "{name}: {error}");
    }
    let huge = worker.rest_get(&url).header("x", vec![b'x'; 200_000]).await;
    assert_eq!(huge.unwrap_err().kind(), ErrorKind::InvalidHeader);
    for wrong in [
        "ftp://h/",
        "h/path",
        "http://",
        "http://a b/",
        "http://h:99999/",
        "",
    ] {
        let error = worker.rest_get(wrong).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.code()),
            (ErrorKind::InvalidUrl, -10),
            "{wrong}"
        );
    }
    assert_eq!(server.record().accepted, 0);
}
