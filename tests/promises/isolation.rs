//! Nothing of one call reaches another, whatever became of it.

use crate::{host, worker, worker_with};
use bytes::Bytes;
use rest_client_host::{Config, ErrorKind};
use std::{sync::Arc, time::Duration};
use support::{
    config,
    server::Server,
    steps::{Gate, Step, head, ok},
    unresponsive::Silent,
};

#[tokio::test]
async fn header_fields_belong_to_one_call() {
    let server = Server::start(|_| ok("")).await;
    let worker = worker();
    worker
        .rest_get(&server.url("/"))
        .header("x-secret", "1")
        .await
        .unwrap();
    worker
        .rest_get(&server.url_on("u:p@127.0.0.1", "/"))
        .await
        .unwrap();
    worker.rest_get(&server.url("/")).await.unwrap();
    let last = server.record().requests.pop().unwrap();
    assert!(last.header("x-secret").is_empty());
    assert!(last.header("authorization").is_empty());
}

#[tokio::test]
async fn a_call_that_is_dropped_ends_its_transfer_and_leaves_the_instance_usable() {
    let server = Server::start(|seen| match &*seen.target {
        "/stall" => vec![Step::Stall],
        _ => ok("fine"),
    })
    .await;
    let worker = worker();
    let url = server.url("/stall");
    for round in 1..=3 {
        tokio::select! {
            _ = worker.rest_get(&url).into_future() => unreachable!("it stalls"),
            () = server.wait_for("the request", |record| record.requests.len() == round) => {}
        }
        server
            .wait_for("the end of the transfer", |record| record.open == 0)
            .await;
    }
    assert_eq!(
        worker.rest_get(&server.url("/")).await.unwrap().body(),
        "fine"
    );
}

#[tokio::test]
async fn instances_work_beside_each_other() {
    let silent = Silent::start().await;
    let server = Server::start(|_| ok("fine")).await;
    let host = host(Config::default());
    let (stuck, free) = (host.instance(), host.instance());
    let url = silent.https();
    tokio::select! {
        _ = stuck.rest_get(&url).into_future() => unreachable!("nobody answers"),
        reply = free.rest_get(&server.url("/")).into_future() => {
            assert_eq!(reply.unwrap().body(), "fine");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_of_many_tasks_on_one_instance_each_get_their_own_reply() {
    let server = Server::start(|seen| ok(&seen.target)).await;
    let worker = Arc::new(worker());
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..100 {
        let worker = worker.clone();
        let url = server.url(&format!("/{number}"));
        calls.spawn(async move { (number, worker.rest_get(&url).await) });
    }
    while let Some(call) = calls.join_next().await {
        let (number, reply) = call.unwrap();
        assert_eq!(reply.unwrap().body(), format!("/{number}").as_bytes());
    }
    assert_eq!(server.record().requests.len(), 100);
}

/// The sandbox is granted 16 MiB. The host keeps the bodies of replies, so that
/// max-transfer-size is the only limit, and a call beside does not notice.
#[tokio::test]
async fn a_body_larger_than_the_memory_of_the_sandbox_is_an_error_and_no_more() {
    const MIB: usize = 1 << 20;
    let chunk = Bytes::from(vec![b'x'; MIB]);
    let body = move |chunks| {
        let mut steps = vec![head("200 OK", &[("connection", "close")])];
        steps.extend(vec![Step::Send(chunk.clone()); chunks]);
        steps.push(Step::Close);
        steps
    };
    let gate = Gate::default();
    let held = gate.clone();
    let server = Server::start(move |seen| match &*seen.target {
        "/held" => [vec![Step::Wait(held.clone())], ok("held")].concat(),
        "/huge" => body(64),
        "/large" => body(24),
        _ => ok("fine"),
    })
    .await;
    let worker = worker_with(config!(
        max_transfer_size = 32 << 20,
        transfer_timeout = Duration::from_secs(60)
    ));
    let (held, huge, large) = (
        server.url("/held"),
        server.url("/huge"),
        server.url("/large"),
    );
    let others = async {
        server
            .wait_for("the call beside", |record| record.requests.len() == 1)
            .await;
        let error = worker.rest_get(&huge).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
        let reply = worker.rest_get(&large).await.unwrap();
        assert_eq!(reply.body().len(), 24 * MIB);
        gate.open();
    };
    let (beside, ()) = tokio::join!(worker.rest_get(&held).into_future(), others);
    assert_eq!(beside.unwrap().body(), "held");
    assert_eq!(
        worker.rest_get(&server.url("/")).await.unwrap().body(),
        "fine"
    );
    assert_eq!(worker.stats().replaced, 0);
}

/// The bodies of requests go through the guest, whose memory never shrinks. A
/// sandbox that has grown is replaced, but not while a call is open in it.
#[tokio::test]
async fn calls_that_end_together_are_all_answered_by_a_sandbox_that_has_grown() {
    let gate = Gate::default();
    let held = gate.clone();
    let server =
        Server::start(move |_| [vec![Step::Wait(held.clone())], ok("thanks")].concat()).await;
    let worker = worker();
    let url = server.url("/");
    let open = async {
        server
            .wait_for("both requests", |record| record.requests.len() == 2)
            .await;
        gate.open();
        gate.open();
    };
    let (large, small, ()) = tokio::join!(
        worker.rest_post(&url, vec![b'x'; 70 << 20]).into_future(),
        worker.rest_get(&url).into_future(),
        open,
    );
    assert_eq!(large.unwrap().body(), "thanks");
    assert_eq!(small.unwrap().body(), "thanks");
}
