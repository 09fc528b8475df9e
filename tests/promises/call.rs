//! A call sends what it was told, and gives back what came.

use crate::{host, worker, worker_with};
use hyper::HeaderMap;
use std::time::Duration;
use support::{
    config,
    server::Server,
    steps::{Step, head, ok, raw, reply},
    unresponsive::Blunt,
};

#[tokio::test]
async fn a_get_asks_for_the_path_and_query_as_they_stand_in_the_url() {
    let server = Server::start(|_| ok("12.50 EUR")).await;
    let reply = worker()
        .rest_get(&server.url("/credit?caller=al%40ice&x=a+b#part"))
        .await
        .unwrap();
    assert_eq!((reply.code(), reply.status().as_u16()), (1, 200));
    assert_eq!(reply.body(), "12.50 EUR");
    let seen = server.only_request();
    assert_eq!((&*seen.method, &*seen.version), ("GET", "HTTP/1.1"));
    assert_eq!(seen.target, "/credit?caller=al%40ice&x=a+b");
    assert_eq!(
        seen.header("host"),
        [format!("127.0.0.1:{}", server.port())]
    );
    assert!(seen.header("content-type").is_empty());
    assert!(seen.header("content-length").is_empty());
}

#[tokio::test]
async fn a_post_is_a_form_unless_it_is_said_to_be_something_else() {
    let server = Server::start(|_| ok("")).await;
    let worker = worker();
    worker.rest_post(&server.url("/"), "a=b").await.unwrap();
    worker
        .rest_post(&server.url("/"), "{}")
        .content_type("application/json")
        .await
        .unwrap();
    worker
        .rest_put(&server.url("/"), "")
        .header("Content-Type", "text/x")
        .await
        .unwrap();
    let requests = server.record().requests;
    let types: Vec<_> = requests
        .iter()
        .map(|seen| seen.header("content-type"))
        .collect();
    assert_eq!(
        types,
        [
            ["application/x-www-form-urlencoded"],
            ["application/json"],
            ["text/x"]
        ]
    );
    assert_eq!(requests[0].body, &b"a=b"[..]);
    assert_eq!(requests[2].method, "PUT");
    assert_eq!(requests[2].header("content-length"), ["0"]);
}

#[tokio::test]
async fn a_body_of_any_size_arrives_whole() {
    let server = Server::start(|_| ok("")).await;
    let worker = worker();
    for size in [0, 1, 4096, 1 << 20, (1 << 20) + 1, 5_000_000] {
        let body: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
        worker
            .rest_post(&server.url("/"), body.clone())
            .await
            .unwrap();
        let seen = server.record().requests.pop().unwrap();
        assert!(seen.body == body, "{size}");
        assert_eq!(seen.header("content-length"), [size.to_string()]);
        assert!(seen.header("transfer-encoding").is_empty());
    }
}

#[tokio::test]
async fn any_method_but_connect_is_sent_as_it_is_written() {
    let server = Server::start(|_| ok("")).await;
    let worker = worker();
    for method in ["DELETE", "PATCH", "OPTIONS", "PURGE", "M-SEARCH", "get"] {
        worker.rest_request(method, &server.url("/")).await.unwrap();
        assert_eq!(server.record().requests.last().unwrap().method, method);
    }
    let error = worker
        .rest_request("CONNECT", &server.url("/"))
        .await
        .unwrap_err();
    assert_eq!(error.kind().name(), "invalid-header");
}

#[tokio::test]
async fn a_reply_of_any_status_is_a_reply() {
    let server = Server::start(|seen| reply(&format!("{} X", &seen.target[1..]), &[], b"b")).await;
    let worker = worker();
    for status in [200, 201, 301, 400, 404, 500, 599] {
        let reply = worker
            .rest_get(&server.url(&format!("/{status}")))
            .await
            .unwrap();
        assert_eq!((reply.code(), reply.status().as_u16()), (1, status));
        assert_eq!(reply.body(), "b");
    }
}

#[tokio::test]
async fn replies_without_a_body_are_empty_and_keep_the_connection() {
    let server = Server::start(|seen| match &*seen.method {
        "HEAD" => vec![head("200 OK", &[("content-length", "5000000000")])],
        "DELETE" => vec![head("204 No Content", &[])],
        _ => vec![head(
            "304 Not Modified",
            &[("content-length", "99"), ("etag", "x")],
        )],
    })
    .await;
    let worker = worker();
    for (method, status) in [("HEAD", 200), ("DELETE", 204), ("GET", 304)] {
        let reply = worker.rest_request(method, &server.url("/")).await.unwrap();
        assert_eq!(
            (reply.status().as_u16(), reply.body().len()),
            (status, 0),
            "{method}"
        );
    }
    assert_eq!(server.record().accepted, 1);
}

#[tokio::test]
async fn a_body_is_whole_however_it_is_framed() {
    let server = Server::start(|seen| match &*seen.target {
        "/chunked" => vec![
            head("200 OK", &[("transfer-encoding", "chunked")]),
            raw("3\r\nabc\r\n"),
            raw(b"4;ext=1\r\n\0\r\n\xff\r\n"),
            raw("0\r\nx-trailer: y\r\n\r\n"),
        ],
        "/until-close" => vec![
            head("200 OK", &[("connection", "close")]),
            raw(" white space \n"),
            support::steps::Step::Close,
        ],
        "/informational" => [
            vec![
                head("100 Continue", &[]),
                head("103 Early Hints", &[("link", "</a>")]),
            ],
            ok("at last"),
        ]
        .concat(),
        _ => vec![
            raw("HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\nold"),
            support::steps::Step::Close,
        ],
    })
    .await;
    let worker = worker();
    for (path, body) in [
        ("/chunked", &b"abc\0\r\n\xff"[..]),
        ("/until-close", b" white space \n"),
        ("/informational", b"at last"),
        ("/old", b"old"),
    ] {
        let reply = worker.rest_get(&server.url(path)).await.unwrap();
        assert_eq!(reply.status().as_u16(), 200, "{path}");
        assert_eq!(reply.body(), body, "{path}");
    }
}

#[tokio::test]
async fn header_fields_come_as_they_were_sent() {
    let long = "x".repeat(20_000);
    let sent = long.clone();
    let server = Server::start(move |_| {
        reply(
            "200 OK",
            &[
                ("CONTENT-type", "text/html; charset=utf-8"),
                ("x-long", &sent),
                ("x-Twice", "1"),
                ("x-twice", "2"),
                ("x-empty", ""),
            ],
            b"",
        )
    })
    .await;
    let reply = worker().rest_get(&server.url("/")).await.unwrap();
    assert_eq!(reply.content_type(), Some("text/html; charset=utf-8"));
    assert_eq!(reply.header("X-Long"), Some(&*long));
    assert_eq!(reply.header("x-empty"), Some(""));
    let twice = Vec::from_iter(reply.headers().get_all("x-twice"));
    assert_eq!(twice, ["1", "2"]);
}

/// The names of fields, in the order in which they come.
fn names(headers: &HeaderMap) -> Vec<&str> {
    headers.keys().map(|name| name.as_str()).collect()
}

#[tokio::test]
async fn header_fields_keep_the_order_in_which_they_were_sent() {
    let fields = [
        ("x-1", "a"),
        ("connection", "keep-alive"),
        ("keep-alive", "timeout=5"),
        ("x-2", "b"),
        ("x-3", "c"),
        ("upgrade", "h2c"),
        ("x-1", "d"),
        ("x-4", "e"),
        ("content-length", "3"),
        ("x-5", "f"),
    ];
    let server = Server::start(move |seen| {
        let mut steps = vec![head("200 OK", &fields)];
        steps.extend(match &*seen.target {
            "/whole" => [raw("abc")],
            _ => [Step::Stall],
        });
        steps
    })
    .await;
    let expected = ["x-1", "x-2", "x-3", "x-4", "content-length", "x-5"];
    let worker = worker_with(config!(transfer_timeout = Duration::from_secs(1)));
    let whole = worker.rest_get(&server.url("/whole")).await.unwrap();
    assert_eq!(names(whole.headers()), expected);
    let values = Vec::from_iter(whole.headers().get_all("x-1"));
    assert_eq!(values, ["a", "d"]);
    let cut = worker.rest_get(&server.url("/cut")).await.unwrap_err();
    let partial = cut.partial().expect("a reply that had begun");
    assert_eq!(names(partial.headers()), expected);
}

#[tokio::test]
async fn a_folded_header_field_is_one_line() {
    let server = Server::start(|_| {
        vec![raw(b"HTTP/1.1 200 OK\r\n\
            x-folded: one\r\n two;\r\n\t \tthree  \r\n four\r\n\
            x-at-once:\r\n five\r\n\
            x-blank: six\r\n \t\r\n\
            x-bytes: \xc3\xbc  \"a  b\"\r\n \xff\r\n\
            content-length: 2\r\n\r\nok")]
    })
    .await;
    let reply = worker().rest_get(&server.url("/")).await.unwrap();
    assert_eq!(reply.body(), "ok");
    let bytes = |name| reply.headers()[name].as_bytes();
    assert_eq!(bytes("x-folded"), b"one two; three four");
    assert_eq!(bytes("x-at-once"), b"five");
    assert_eq!(bytes("x-blank"), b"six");
    assert_eq!(bytes("x-bytes"), b"\xc3\xbc  \"a  b\" \xff");
}

/// Whether it arrives before the request or just after it is a race that no
/// client can see the end of. On a new connection it can be meant for no other
/// request, so that it is the reply either way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_that_comes_before_its_request_is_the_reply() {
    let words = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nearly";
    for early in [Blunt::start(words).await, Blunt::start_curt(words).await] {
        let worker = worker();
        for _ in 0..50 {
            let reply = worker.rest_get(&early.http()).await.unwrap();
            assert_eq!(reply.body(), "early");
        }
    }
}

#[tokio::test]
async fn user_information_becomes_credentials_and_is_not_sent_otherwise() {
    let server = Server::start(|_| ok("")).await;
    let url = server.url_on("Aladdin:open%20sesame@127.0.0.1", "/");
    worker().rest_get(&url).await.unwrap();
    let seen = server.only_request();
    // The example of RFC 7617, section 2.
    assert_eq!(
        seen.header("authorization"),
        ["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="]
    );
    assert_eq!(
        seen.header("host"),
        [format!("127.0.0.1:{}", server.port())]
    );
    assert_eq!(seen.target, "/");
}

#[tokio::test]
async fn names_and_addresses_of_every_kind_are_reached() {
    let names =
        support::name_server::NameServer::with(&[("xn--bcher-kva.example", "127.0.0.1")]).await;
    let host = host(config!(dns_servers = vec![names.address()]));
    let worker = host.instance();
    let v4 = Server::start(|_| ok("")).await;
    for name in ["127.0.0.1", "LocalHost", "bücher.example", "BÜCHER.example"] {
        worker.rest_get(&v4.url_on(name, "/")).await.unwrap();
    }
    let hosts: Vec<String> = v4
        .record()
        .requests
        .iter()
        .map(|seen| seen.header("host")[0].split(':').next().unwrap().to_owned())
        .collect();
    assert_eq!(
        hosts,
        [
            "127.0.0.1",
            "localhost",
            "xn--bcher-kva.example",
            "xn--bcher-kva.example"
        ]
    );
    let v6 = Server::start_on("[::1]:0", |_| ok("")).await;
    worker.rest_get(&v6.url_on("[0:0::1]", "/")).await.unwrap();
    assert_eq!(
        v6.only_request().header("host"),
        [format!("[::1]:{}", v6.port())]
    );
}

#[tokio::test]
async fn cookies_are_not_kept() {
    let server = Server::start(|_| reply("200 OK", &[("set-cookie", "a=b")], b"")).await;
    let worker = worker();
    for _ in 0..2 {
        worker.rest_get(&server.url("/")).await.unwrap();
    }
    for seen in server.record().requests {
        assert!(seen.header("cookie").is_empty());
    }
}

#[tokio::test]
async fn timings_tell_where_the_time_went() {
    let server = Server::start(|_| ok("")).await;
    let worker = worker();
    let first = worker
        .rest_get(&server.url("/"))
        .await
        .unwrap()
        .timings()
        .to_owned();
    assert!(first.name_lookup <= first.connect && first.connect <= first.first_byte);
    assert!(first.first_byte.unwrap() <= first.total);
    assert_eq!(first.tls, None);
    let second = worker
        .rest_get(&server.url("/"))
        .await
        .unwrap()
        .timings()
        .to_owned();
    assert_eq!(
        (second.name_lookup, second.connect),
        (None, None),
        "a kept connection"
    );
}
