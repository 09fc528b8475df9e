//! To connect, nobody waits for another call longer than it could be of use.

use crate::worker_with;
use futures_util::{StreamExt as _, future::join_all, stream::FuturesUnordered};
use hyper::Version;
use rest_client_host::{Config, ErrorKind};
use std::time::Duration;
use support::{
    config,
    h2::Together,
    pki::Identity,
    server::Server,
    steps::{Gate, Step, ok},
};
use tokio::time::Instant;

const MANY: usize = 40;

fn trusting() -> Config {
    config!(
        ssl_verifypeer = false,
        max_async_transfers = 2 * MANY as u32
    )
}

fn localhost() -> Identity {
    Identity::self_signed(&["127.0.0.1"])
}

fn every_handshake(_: usize) -> bool {
    true
}

#[tokio::test]
async fn once_a_server_is_known_to_speak_http_1_all_connect_at_the_same_time() {
    let (handshake, asked) = (Gate::default(), Gate::default());
    let wait = asked.clone();
    let server = Server::start_tls_with_gate(&localhost(), handshake.clone(), move |_| {
        [vec![Step::Wait(wait.clone())], ok("x")].concat()
    })
    .await;
    let worker = worker_with(trusting());
    let url = server.url("/");
    // The first handshake is done at once. The others are held until the server
    // has seen all.
    let held = async {
        server
            .wait_for("all connections", |record| record.accepted == MANY)
            .await;
        (0..MANY).for_each(|_| {
            handshake.open();
            asked.open();
        });
    };
    let calls = (0..MANY).map(|_| worker.rest_get(&url).into_future());
    let (replies, ()) = tokio::join!(join_all(calls), held);
    for reply in replies {
        assert_eq!(reply.unwrap().body(), "x");
    }
}

#[tokio::test]
async fn a_handshake_that_hangs_holds_nobody_else() {
    let gate = Gate::default();
    let first = |connection| connection == 0;
    let server = Server::start_tls_holding(&localhost(), gate.clone(), first, |_| ok("x")).await;
    let worker = worker_with(trusting());
    let url = server.url("/");
    let mut calls: FuturesUnordered<_> = (0..10)
        .map(|_| worker.rest_get(&url).into_future())
        .collect();
    for _ in 0..9 {
        let reply = calls.next().await.expect("ten calls");
        assert_eq!(reply.unwrap().body(), "x");
    }
    gate.open();
    let last = calls.next().await.expect("ten calls");
    assert_eq!(last.unwrap().body(), "x");
}

#[tokio::test]
async fn while_nothing_is_known_of_a_server_one_more_goes_ahead_at_a_time() {
    let server =
        Server::start_tls_holding(&localhost(), Gate::default(), every_handshake, |_| ok("x"))
            .await;
    let worker = worker_with(trusting());
    let url = server.url("/");
    let started = Instant::now();
    let calls = join_all((0..MANY).map(|_| worker.rest_get(&url).into_future()));
    tokio::select! {
        _ = calls => unreachable!("no handshake is ever done"),
        () = server.wait_for("a third connection", |record| record.accepted >= 3) => {}
    }
    let elapsed = started.elapsed();
    assert!(elapsed >= Duration::from_millis(450), "after {elapsed:?}");
}

#[tokio::test]
async fn handshakes_that_fail_do_not_make_the_others_wait_for_their_turn() {
    const SLOW: Duration = Duration::from_millis(200);
    let gate = Gate::default();
    let server =
        Server::start_tls_holding(&localhost(), gate.clone(), every_handshake, |_| ok("x")).await;
    // The certificate is nobody's, so that each handshake fails when it is let go.
    let worker = worker_with(config!(
        connection_timeout = Duration::from_secs(5),
        ssl_verifypeer = true,
        ..trusting()
    ));
    let url = server.url("/");
    let calls = join_all((0..MANY).map(|_| worker.rest_get(&url).into_future()));
    let let_go = async {
        let mut let_go = 0;
        loop {
            tokio::time::sleep(SLOW).await;
            let accepted = server.record().accepted;
            (let_go..accepted).for_each(|_| gate.open());
            let_go = accepted;
        }
    };
    tokio::select! {
        results = calls => for result in results {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::Tls);
        },
        () = let_go => unreachable!("it has no end"),
    }
}

#[tokio::test]
async fn what_a_server_speaks_is_known_longer_than_its_connections_are_kept() {
    let gate = Gate::default();
    let server = Server::start_tls_with_gate(&localhost(), gate.clone(), |_| ok("x")).await;
    let worker = worker_with(config!(
        idle_timeout = Duration::from_millis(50),
        ..trusting()
    ));
    let url = server.url("/");
    worker.rest_get(&url).await.unwrap();
    server
        .wait_for("the end of the connection", |record| record.open == 0)
        .await;
    let held = async {
        server
            .wait_for("the others", |record| record.accepted == 1 + 5)
            .await;
        (0..5).for_each(|_| gate.open());
    };
    let calls = (0..5).map(|_| {
        // All at once, or not within this time.
        let call = worker.rest_get(&url);
        call.connection_timeout(Duration::from_secs(10))
            .into_future()
    });
    let started = Instant::now();
    let (replies, ()) = tokio::join!(join_all(calls), held);
    for reply in replies {
        reply.unwrap();
    }
    // One more every 250 ms would take a second.
    let elapsed = started.elapsed();
    assert!(elapsed < Duration::from_millis(900), "after {elapsed:?}");
}

#[tokio::test]
async fn a_connection_of_http_2_is_shared_with_those_whose_own_handshake_hangs() {
    let server = Together::start_tls_hanging_once(&localhost(), MANY).await;
    let worker = worker_with(trusting());
    let url = server.url();
    let calls = (0..MANY).map(|_| worker.rest_get(&url).into_future());
    for reply in join_all(calls).await {
        let reply = reply.unwrap();
        assert_eq!(
            (reply.version(), &reply.body()[..]),
            (Version::HTTP_2, &b"together"[..])
        );
    }
    // The one that hung, the one that did not, and no crowd beside them.
    let accepted = server.accepted();
    assert!((2..=8).contains(&accepted), "{accepted} connections");
}
