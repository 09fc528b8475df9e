//! Limits of a reply are reached and never passed: max-transfer-size,
//! max-header-fields and max-header-size.

use crate::worker_with;
use rest_client_host::{Config, ErrorKind, HttpVersion};
use support::{
    config, h2,
    server::Server,
    steps::{Step, head, raw, reply},
};

const LIMIT: u64 = 1000;

async fn status(
    steps: impl Fn(usize) -> Vec<Step> + Send + Sync + 'static,
    limit: u64,
    size: usize,
) -> Result<usize, ErrorKind> {
    let server = Server::start(move |_| steps(size)).await;
    let worker = worker_with(config!(max_transfer_size = limit));
    let outcome = worker.rest_get(&server.url("/")).await;
    let outcome = outcome.map(|reply| reply.body().len()).map_err(|error| {
        assert!(
            error.to_string().contains(&format!("{limit} bytes")),
            "{error}"
        );
        error.kind()
    });
    if outcome.is_err() {
        server
            .wait_for("the end of the connection", |record| record.open == 0)
            .await;
    }
    outcome
}

fn announced(size: usize) -> Vec<Step> {
    reply("200 OK", &[], &vec![b'x'; size])
}

fn chunked(size: usize) -> Vec<Step> {
    vec![
        head("200 OK", &[("transfer-encoding", "chunked")]),
        raw(format!("{:x}\r\n{}\r\n", size - 1, "x".repeat(size - 1))),
        raw("1\r\nx\r\n0\r\n\r\n"),
    ]
}

#[tokio::test]
async fn a_body_up_to_the_limit_comes_whole() {
    assert_eq!(status(announced, LIMIT, 1000).await, Ok(1000));
    assert_eq!(status(chunked, LIMIT, 1000).await, Ok(1000));
}

#[tokio::test]
async fn a_body_over_the_limit_is_stopped() {
    assert_eq!(
        status(announced, LIMIT, 1001).await,
        Err(ErrorKind::TooLarge)
    );
    assert_eq!(status(chunked, LIMIT, 1001).await, Err(ErrorKind::TooLarge));
}

#[tokio::test]
async fn a_body_that_is_announced_too_large_is_not_waited_for() {
    let steps = |_| vec![head("200 OK", &[("content-length", "1001")]), Step::Stall];
    assert_eq!(status(steps, LIMIT, 0).await, Err(ErrorKind::TooLarge));
}

#[tokio::test]
async fn without_a_limit_a_large_body_comes_whole() {
    assert_eq!(status(announced, 0, 30_000_000).await, Ok(30_000_000));
}

#[tokio::test]
async fn the_default_limit_is_10_mib() {
    let limit = Config::default().max_transfer_size;
    assert_eq!(limit, 10 * 1024 * 1024);
    assert_eq!(status(announced, limit, 10 << 20).await, Ok(10 << 20));
    assert_eq!(status(chunked, limit, 10 << 20).await, Ok(10 << 20));
    assert_eq!(
        status(announced, limit, (10 << 20) + 1).await,
        Err(ErrorKind::TooLarge)
    );
}

/// Names, values, and 32 for each (RFC 9113, section 6.5.2).
fn size(fields: &[(String, String)]) -> usize {
    fields
        .iter()
        .map(|(name, value)| name.len() + value.len() + 32)
        .sum()
}

/// A reply with `fields` comes under `config`, or is an error that says this; over
/// HTTP/1.1 and HTTP/2 alike.
async fn assert_head(fields: &[(String, String)], config: Config, expected: Result<(), &str>) {
    let sent: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (&**n, &**v)).collect();
    let http1 = reply_without_body(&sent);
    let http1 = Server::start(move |_| vec![http1.clone()]).await;
    let http2 = h2::Fields::start(fields).await;
    for (version, url) in [
        (HttpVersion::Http11, http1.url("/")),
        (HttpVersion::Http2PriorKnowledge, http2.url()),
    ] {
        let worker = worker_with(config!(http_version = version, ..config.clone()));
        let reply = worker.rest_get(&url).await;
        match (reply, expected) {
            (Ok(reply), Ok(())) => assert!(reply.headers().len() >= fields.len()),
            (Err(error), Err(sentence)) => {
                assert_eq!(error.kind(), ErrorKind::Protocol, "{version:?}: {error}");
                assert!(error.to_string().contains(sentence), "{version:?}: {error}");
                assert!(error.to_string().contains("lets it through"), "{error}");
            }
            (reply, _) => panic!("{version:?}: {reply:?}"),
        }
    }
}

/// The fields are all that it has.
fn reply_without_body(fields: &[(&str, &str)]) -> Step {
    head("204 No Content", fields)
}

fn many(count: usize) -> Vec<(String, String)> {
    (0..count)
        .map(|at| (format!("x-{at}"), "v".into()))
        .collect()
}

#[tokio::test]
async fn header_fields_up_to_the_limit_come_and_one_more_is_an_error() {
    // hyper's server adds a date.
    let dated = |count: usize| {
        let mut fields = many(count - 1);
        fields.push(("date".into(), "today".into()));
        fields
    };
    let limited = || config!(max_header_fields = 20);
    let expected = Err("max-header-fields, 20");
    assert_head(&dated(20), limited(), Ok(())).await;
    assert_head(&dated(21), limited(), expected).await;
    assert_head(&dated(500), limited(), expected).await;
    assert_head(&dated(100), Config::default(), Ok(())).await;
    assert_head(
        &dated(101),
        Config::default(),
        Err("max-header-fields, 100"),
    )
    .await;
    assert_head(&dated(300), config!(max_header_fields = 300), Ok(())).await;
}

#[tokio::test]
async fn a_head_up_to_the_limit_comes_and_one_byte_more_is_an_error() {
    let of_size = |wanted: usize| {
        let mut fields = vec![
            ("date".to_owned(), "today".to_owned()),
            ("x-long".to_owned(), String::new()),
        ];
        fields[1].1 = "x".repeat(wanted - size(&fields));
        fields
    };
    let limited = || config!(max_header_size = 10_000);
    let expected = Err("max-header-size, 10000 bytes");
    assert_head(&of_size(10_000), limited(), Ok(())).await;
    assert_head(&of_size(10_001), limited(), expected).await;
    assert_head(&of_size(30_000), limited(), expected).await;
    assert_head(&of_size(65_536), Config::default(), Ok(())).await;
    assert_head(
        &of_size(65_537),
        Config::default(),
        Err("max-header-size, 65536 bytes"),
    )
    .await;
    assert_head(
        &of_size(500_000),
        config!(max_header_size = 600_000),
        Ok(()),
    )
    .await;
}
