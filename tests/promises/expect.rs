//! enable-expect-100: a large body waits for the server's word, but not for
//! ever.

use crate::worker_with;
use rest_client_host::Instance;
use std::time::Duration;
use support::{
    config,
    server::Server,
    steps::{Step, head, ok, reply},
};

fn worker() -> Instance {
    worker_with(config!(enable_expect_100 = true))
}

fn large() -> Vec<u8> {
    vec![b'x'; 1025]
}

#[tokio::test]
async fn the_body_is_sent_when_the_server_asks_for_it() {
    let server = Server::start(|_| {
        [
            vec![head("100 Continue", &[]), Step::ReadBody],
            ok("thanks"),
        ]
        .concat()
    })
    .await;
    let worker = worker();
    for _ in 0..2 {
        let reply = worker.rest_post(&server.url("/"), large()).await.unwrap();
        assert_eq!(reply.body(), "thanks");
        assert!(
            reply.timings().total < Duration::from_millis(900),
            "it did not wait"
        );
    }
    let record = server.record();
    assert_eq!(record.accepted, 1, "the connection is kept");
    for seen in record.requests {
        assert_eq!(seen.header("expect"), ["100-continue"]);
        assert_eq!(seen.body, large());
    }
}

#[tokio::test]
async fn a_server_that_never_answers_gets_the_body_after_a_second() {
    let server = Server::start(|_| [vec![Step::ReadBody], ok("thanks")].concat()).await;
    let reply = worker().rest_post(&server.url("/"), large()).await.unwrap();
    assert_eq!(reply.body(), "thanks");
    assert!(reply.timings().total >= Duration::from_secs(1));
    assert_eq!(server.only_request().body, large());
}

#[tokio::test]
async fn a_server_that_refuses_the_question_gets_the_request_without_it() {
    let server = Server::start(|seen| match seen.header("expect").is_empty() {
        true => ok("thanks"),
        false => reply("417 Expectation Failed", &[], b"what?"),
    })
    .await;
    let reply = worker().rest_post(&server.url("/"), large()).await.unwrap();
    assert_eq!(
        (reply.status().as_u16(), &reply.body()[..]),
        (200, &b"thanks"[..])
    );
    assert!(
        reply.timings().total < Duration::from_millis(900),
        "it did not wait"
    );
    let requests = server.record().requests;
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[1].body, large());
}

#[tokio::test]
async fn an_answer_without_the_body_is_the_answer() {
    let server = Server::start(|_| reply("401 Unauthorized", &[], b"who are you?")).await;
    let worker = worker();
    let reply = worker.rest_post(&server.url("/"), large()).await.unwrap();
    assert_eq!(
        (reply.status().as_u16(), &reply.body()[..]),
        (401, &b"who are you?"[..])
    );
    assert!(
        reply.timings().total < Duration::from_millis(900),
        "it did not wait"
    );
    // The connection is of no more use: a body was announced on it, and will
    // never come.
    server
        .wait_for("the end of the connection", |record| record.open == 0)
        .await;
}

#[tokio::test]
async fn small_bodies_and_no_bodies_do_not_wait() {
    let server = Server::start(|_| ok("")).await;
    let worker = worker();
    worker
        .rest_post(&server.url("/"), vec![b'x'; 1024])
        .await
        .unwrap();
    worker.rest_get(&server.url("/")).await.unwrap();
    for seen in server.record().requests {
        assert!(seen.header("expect").is_empty());
    }
}

#[tokio::test]
async fn nothing_is_asked_unless_it_is_enabled() {
    let server = Server::start(|_| ok("")).await;
    crate::worker()
        .rest_post(&server.url("/"), large())
        .await
        .unwrap();
    assert!(server.only_request().header("expect").is_empty());
}
