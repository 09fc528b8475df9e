//! max-transfer-size is reached and never passed.

use crate::worker_with;
use rest_client_host::{Config, ErrorKind};
use support::{
    config,
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
