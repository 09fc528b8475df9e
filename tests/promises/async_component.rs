//! What the component for WASI 0.3 keeps by itself, in any host, beside what that for 0.2
//! does: many calls go on in one instance, and the cap is counted by the component.

use crate::foreign_host::{
    ForeignHost as _,
    bindings::exports::rest::client::{
        configuration::{AtCap, Config},
        types::{Response, RestError},
    },
    nothing,
    p3::AsyncForeign,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use support::{
    server::Server,
    steps::{Gate, Step, head, ok, raw, reply},
};
use tokio::time::Instant;

/// One that keeps a cap.
async fn capped(cap: u32, at_cap: AtCap) -> AsyncForeign {
    let mut foreign = AsyncForeign::new().await;
    let config = Config {
        max_async_transfers: Some(cap),
        at_cap: Some(at_cap),
        ..nothing()
    };
    foreign.configure(config).await.unwrap();
    foreign
}

/// How many were answered, and how many were told that it is busy.
fn counts(outcomes: &[Result<Response, RestError>]) -> (usize, usize) {
    let answered = outcomes.iter().filter(|it| it.is_ok()).count();
    let is_busy = |it: &&Result<_, _>| matches!(it, Err(RestError::Busy(_)));
    (answered, outcomes.iter().filter(is_busy).count())
}

/// Answers each when so many have asked.
async fn answering_together(many: usize) -> Server {
    let gate = Gate::default();
    let count = AtomicUsize::new(0);
    Server::start(move |_| {
        let asked = count.fetch_add(1, SeqCst) + 1;
        if asked == many {
            (0..many).for_each(|_| gate.open());
        }
        [vec![Step::Wait(gate.clone())], ok("together")].concat()
    })
    .await
}

#[tokio::test]
async fn two_thousand_calls_are_in_flight_at_once() {
    let server = answering_together(2000).await;
    let mut foreign = capped(2000, AtCap::Reject).await;
    let outcomes = foreign.get_all(&vec![server.url("/"); 2000]).await;
    assert_eq!(counts(&outcomes), (2000, 0));
}

#[tokio::test]
async fn one_more_than_the_cap_is_rejected_where_it_rejects() {
    let server = answering_together(3).await;
    let mut foreign = capped(3, AtCap::Reject).await;
    let outcomes = foreign.get_all(&vec![server.url("/"); 5]).await;
    assert_eq!(counts(&outcomes), (3, 2));
    // The places are free again.
    let server = Server::start(|_| ok("")).await;
    let outcomes = foreign.get_all(&vec![server.url("/"); 3]).await;
    assert_eq!(counts(&outcomes), (3, 0));
}

#[tokio::test]
async fn no_more_than_the_cap_are_in_flight_where_the_rest_waits() {
    const ALL: usize = 20;
    let gate = Gate::default();
    let answered = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let server = {
        let (gate, answered, most) = (gate.clone(), answered.clone(), most.clone());
        let asked = AtomicUsize::new(0);
        Server::start(move |_| {
            let asked = asked.fetch_add(1, SeqCst) + 1;
            most.fetch_max(asked - answered.load(SeqCst), SeqCst);
            [vec![Step::Wait(gate.clone())], ok("")].concat()
        })
        .await
    };
    let mut foreign = capped(3, AtCap::Wait).await;
    let urls = vec![server.url("/"); ALL];
    let answer = async {
        for number in 1..=ALL {
            server
                .wait_for("the next one", |record| record.requests.len() >= number)
                .await;
            answered.fetch_add(1, SeqCst);
            gate.open();
        }
    };
    let (outcomes, ()) = tokio::join!(foreign.get_all(&urls), answer);
    assert_eq!(counts(&outcomes), (ALL, 0));
    assert!(most.load(SeqCst) <= 3, "{most:?}");
}

#[tokio::test]
async fn waiting_for_a_place_is_a_part_of_the_time() {
    let server = Server::start(|_| vec![Step::Stall]).await;
    let mut foreign = AsyncForeign::new().await;
    let config = Config {
        max_async_transfers: Some(1),
        at_cap: Some(AtCap::Wait),
        transfer_timeout: Some(300),
        ..nothing()
    };
    foreign.configure(config).await.unwrap();
    let begun = Instant::now();
    let outcomes = foreign.get_all(&vec![server.url("/"); 10]).await;
    assert!(begun.elapsed() < Duration::from_secs(2));
    let timed_out = |it: &Result<_, _>| matches!(it, Err(RestError::TransferTimeout(_)));
    assert!(outcomes.iter().all(timed_out), "{outcomes:?}");
}

/// The first one is answered, and waits for the second to end.
#[tokio::test]
async fn one_beyond_the_cap_runs_in_a_blocking_manner_where_it_blocks() {
    let (first, second) = (Gate::default(), Gate::default());
    let server = {
        let (first, second) = (first.clone(), second.clone());
        Server::start(move |seen| {
            let gate = match &*seen.target {
                "/first" => first.clone(),
                _ => second.clone(),
            };
            let reply = reply("200 OK", &[("connection", "close")], b"");
            [vec![Step::Wait(gate)], reply, vec![Step::Close]].concat()
        })
        .await
    };
    let mut foreign = capped(1, AtCap::Block).await;
    let urls = ["/first", "/second"].map(|it| server.url(it));
    let answer = async {
        server
            .wait_for("both", |record| record.requests.len() == 2)
            .await;
        first.open();
        server
            .wait_for("the first to be answered", |record| record.open == 1)
            .await;
        second.open();
    };
    let (order, ()) = tokio::join!(foreign.order_of(&urls), answer);
    assert_eq!(order, [1, 0]);
}

/// The first ones are held up by the others one by one, and not until their time is over.
#[tokio::test]
async fn many_beyond_the_cap_starve_nobody() {
    let server = Server::start(|_| [vec![Step::Pause(Duration::from_millis(50))], ok("")].concat());
    let server = server.await;
    let mut foreign = AsyncForeign::new().await;
    let config = Config {
        max_async_transfers: Some(20),
        transfer_timeout: Some(3000),
        ..nothing()
    };
    foreign.configure(config).await.unwrap();
    let outcomes = foreign.get_all(&vec![server.url("/"); 200]).await;
    assert_eq!(counts(&outcomes), (200, 0));
}

#[tokio::test]
async fn at_a_cap_of_0_each_call_runs_alone_and_all_are_answered() {
    let server = Server::start(|_| ok("")).await;
    let mut foreign = capped(0, AtCap::Block).await;
    let outcomes = foreign.get_all(&vec![server.url("/"); 50]).await;
    assert_eq!(counts(&outcomes), (50, 0));
}

#[tokio::test]
async fn an_open_body_comes_as_it_arrives_and_says_how_it_ended() {
    let gate = Gate::default();
    let waiting = gate.clone();
    let server = Server::start(move |seen| match &*seen.target {
        "/slow" => vec![
            head("200 OK", &[("content-length", "6")]),
            raw("abc"),
            Step::Wait(waiting.clone()),
            raw("def"),
        ],
        "/cut" => vec![
            head("200 OK", &[("content-length", "9")]),
            raw("abc"),
            Step::Close,
        ],
        "/stall" => vec![
            head("200 OK", &[("content-length", "9")]),
            raw("abc"),
            Step::Stall,
        ],
        _ => ok(&"x".repeat(3_000_000)),
    })
    .await;
    let mut foreign = AsyncForeign::new().await;
    let config = Config {
        transfer_timeout: Some(500),
        max_transfer_size: Some(1_000_000),
        ..nothing()
    };
    foreign.configure(config).await.unwrap();
    // The rest comes when the first part was seen.
    let (bytes, end) = foreign
        .open(&server.url("/slow"), move || gate.open())
        .await
        .unwrap();
    assert_eq!(bytes, b"abcdef");
    assert!(end.is_ok(), "{end:?}");
    let (bytes, end) = foreign.open(&server.url("/cut"), || {}).await.unwrap();
    assert_eq!(bytes, b"abc");
    assert!(matches!(end, Err(RestError::Protocol(_))), "{end:?}");
    let begun = Instant::now();
    let (bytes, end) = foreign.open(&server.url("/stall"), || {}).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(bytes, b"abc");
    assert!(matches!(end, Err(RestError::TransferTimeout(_))), "{end:?}");
    let error = foreign
        .open(&server.url("/large"), || {})
        .await
        .unwrap_err();
    assert!(matches!(error, RestError::TooLarge(_)), "{error:?}");
}
