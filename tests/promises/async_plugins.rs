//! What holds for plugins of WASI 0.3 beside what holds for all: they have many things going
//! on at a time, and each of them is bounded.

use crate::{
    puppets::{Async, Puppet as _},
    worker, worker_with,
};
use rest_client_host::{
    AtCap, Instance, Service,
    plugin::{FailureKind, PluginPool, PoolOptions},
    routing::{Decision, Request},
};
use std::{num::NonZeroU32, time::Duration};
use support::{
    config,
    puppet::to_do,
    server::Server,
    steps::{Gate, Step, ok},
};
use tokio::{task::JoinSet, time::Instant};

const BASE: &str = "http://billing.service.internal";

/// With a service `billing`, and a cap.
fn instance(server: &Server, cap: u32, at_cap: AtCap) -> Instance {
    let billing = Service::new(server.origin().parse().unwrap());
    worker_with(config!(
        services = [("billing".to_owned(), billing)].into(),
        max_async_transfers = cap,
        at_cap = at_cap,
    ))
}

fn pool(instance: Instance, set: impl FnOnce(&mut PoolOptions)) -> PluginPool {
    let mut options = PoolOptions::default();
    options.decision_timeout = Duration::from_secs(60);
    options.max_async_transfers = 10_000;
    set(&mut options);
    PluginPool::new(Async::plugin(), instance, options).unwrap()
}

/// What the puppet says of the last of these things.
async fn said(pool: &PluginPool, things: &[&str]) -> String {
    match pool.route(to_do(things)).await {
        Ok(Decision::Continue(mut changes)) => changes.attributes.pop().unwrap().1,
        other => panic!("{things:?}: {other:?}"),
    }
}

/// Lets so many through.
fn open(gate: &Gate, many: usize) {
    for _ in 0..many {
        gate.open();
    }
}

/// Answers when so many have asked.
async fn answering_together(many: usize) -> Server {
    let gate = Gate::default();
    let count = std::sync::atomic::AtomicUsize::new(0);
    Server::start(move |_| {
        let asked = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        if asked == many {
            open(&gate, many);
        }
        [vec![Step::Wait(gate.clone())], ok("together")].concat()
    })
    .await
}

#[tokio::test]
async fn one_has_two_thousand_questions_in_flight_at_once() {
    let server = answering_together(2000).await;
    let pool = pool(instance(&server, 2000, AtCap::Block), |_| {});
    let many = format!("many 2000 {BASE}/");
    assert_eq!(said(&pool, &[&many]).await, "2000 x 200");
    assert_eq!(pool.instance().stats().in_flight, 0);
}

#[tokio::test]
async fn they_count_to_the_cap_of_the_instance() {
    let gate = Gate::default();
    let waiting = gate.clone();
    let server = Server::start(move |_| [vec![Step::Wait(waiting.clone())], ok("")].concat()).await;
    let rejecting = pool(instance(&server, 3, AtCap::Reject), |_| {});
    let many = format!("many 5 {BASE}/");
    let asked = tokio::spawn(async move { said(&rejecting, &[&many]).await });
    server
        .wait_for("three of them", |record| record.requests.len() == 3)
        .await;
    open(&gate, 103);
    let said_of_them = asked.await.unwrap();
    assert!(said_of_them.starts_with("3 x 200, 2 x "), "{said_of_them}");
    for at_cap in [AtCap::Block, AtCap::Wait] {
        let pool = pool(instance(&server, 3, at_cap), |_| {});
        let many = format!("many 50 {BASE}/");
        assert_eq!(said(&pool, &[&many]).await, "50 x 200");
    }
}

#[tokio::test]
async fn they_count_to_its_share_and_its_budget() {
    let server = answering_together(2).await;
    let instance = instance(&server, 100, AtCap::Reject);
    let sharing = pool(instance.clone(), |it| it.max_async_transfers = 2);
    let outcome = said(&sharing, &[&format!("many 3 {BASE}/")]).await;
    assert!(outcome.starts_with("2 x 200, 1 x "), "{outcome}");
    let server = Server::start(|_| ok("")).await;
    let instance = self::instance(&server, 100, AtCap::Reject);
    let frugal = pool(instance, |it| it.memory_budget = 64 << 10);
    let outcome = said(&frugal, &[&format!("many 30 {BASE}/")]).await;
    assert!(outcome.contains("200, "), "{outcome}");
    assert!(outcome.contains("Busy"), "{outcome}");
    assert_eq!(
        said(&frugal, &[&format!("many 1 {BASE}/")]).await,
        "1 x 200"
    );
}

#[tokio::test]
async fn one_that_is_given_up_ends_its_transfer_and_frees_its_slot() {
    let server = Server::start(|seen| match &*seen.target {
        "/stall" => vec![Step::Stall],
        _ => ok(""),
    })
    .await;
    let pool = pool(instance(&server, 1, AtCap::Reject), |_| {});
    let (within, ask) = (format!("within 100 {BASE}/stall"), format!("ask {BASE}/"));
    assert_eq!(said(&pool, &[&within, &ask]).await, "200");
    server
        .wait_for("the end of the first", |record| {
            record.requests.len() == 2 && record.open <= 1
        })
        .await;
}

#[tokio::test]
async fn what_one_leaves_open_ends_with_the_decision() {
    let server = Server::start(|_| vec![Step::Stall]).await;
    let instance = instance(&server, 10, AtCap::Reject);
    let pool = pool(instance.clone(), |_| {});
    for word in ["keep", "abandon"] {
        let thing = format!("{word} {BASE}/");
        pool.route(to_do(&[&thing])).await.unwrap();
        server.wait_for("its end", |record| record.open == 0).await;
        assert_eq!(instance.stats().in_flight, 0, "{word}");
    }
    // It was not used for another decision, and one that leaves nothing is.
    assert_eq!(said(&pool, &["show asked"]).await, "1");
    assert_eq!(said(&pool, &["show asked"]).await, "2");
}

#[tokio::test]
async fn a_body_can_be_read_as_it_arrives() {
    let server = Server::start(|seen| match &*seen.target {
        "/stall" => vec![Step::Stall],
        _ => ok(&"x".repeat(100_000)),
    })
    .await;
    let pool = pool(instance(&server, 10, AtCap::Reject), |_| {});
    let open = format!("open {BASE}/");
    assert_eq!(said(&pool, &[&open]).await, "200 100000 bytes");
    let refused = said(&pool, &["open http://nobody.example/"]).await;
    assert!(refused.contains("policy"), "{refused}");
}

#[tokio::test]
async fn bodies_that_it_does_not_read_are_on_its_account() {
    let server = Server::start(|_| ok(&"x".repeat(100_000))).await;
    let pool = pool(instance(&server, 10, AtCap::Reject), |it| {
        it.memory_budget = 1 << 20;
    });
    let outcome = said(&pool, &[&format!("open-many 100 {BASE}/")]).await;
    let (open, refused) = outcome.split_once(" and then ").expect(&outcome);
    assert!((2..11).contains(&open.parse().unwrap()), "{outcome}");
    assert!(refused.contains("Busy"), "{outcome}");
    // They are gone with the decision.
    let outcome = said(&pool, &[&format!("open-many 5 {BASE}/")]).await;
    assert_eq!(outcome, "5");
}

#[tokio::test]
async fn deadlines_hold_for_all_that_it_waits_for() {
    let server = Server::start(|_| vec![Step::Stall]).await;
    let billing = Service::new(server.origin().parse().unwrap());
    let instance = worker_with(config!(
        services = [("billing".to_owned(), billing)].into(),
        transfer_timeout = Duration::from_millis(300),
    ));
    let pool = pool(instance, |it| it.decision_timeout = Duration::from_secs(2));
    let many = format!("many 50 {BASE}/");
    let begun = Instant::now();
    let outcome = said(&pool, &[&many]).await;
    assert!(outcome.starts_with("50 x "), "{outcome}");
    assert!(outcome.contains("TransferTimeout"), "{outcome}");
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(300) && took < Duration::from_secs(2));
    let failed = pool.route(to_do(&["wait 60000"])).await.unwrap_err();
    assert_eq!(failed.kind(), FailureKind::Deadline);
}

#[tokio::test]
async fn a_trap_ends_all_that_it_had_begun_and_nothing_of_others() {
    let gate = Gate::default();
    let waiting = gate.clone();
    let server = Server::start(move |seen| match &*seen.target {
        "/held" => [vec![Step::Wait(waiting.clone())], ok("")].concat(),
        _ => vec![Step::Stall],
    })
    .await;
    let instance = instance(&server, 100, AtCap::Reject);
    let pool = pool(instance.clone(), |_| {});
    let others = instance.rest_get(&format!("{BASE}/held"));
    let others = tokio::spawn(others.into_future());
    let keep = format!("keep {BASE}/");
    let failed = pool.route(to_do(&[&keep, &keep, "wait 50", "trap"]));
    let failed = failed.await.unwrap_err();
    assert_eq!(failed.kind(), FailureKind::Trap);
    server
        .wait_for("the end of two", |record| {
            record.requests.len() == 3 && record.open == 1
        })
        .await;
    gate.open();
    assert_eq!(others.await.unwrap().unwrap().status(), 200);
}

/// On one thread, which it would have to itself otherwise.
#[tokio::test]
async fn one_that_gives_way_without_end_takes_no_time_of_others() {
    const GIVING_WAY: usize = 5;
    let pool = pool(worker(), |it| it.instances = 20);
    let mut giving_way = JoinSet::new();
    for _ in 0..GIVING_WAY {
        let pool = pool.clone();
        giving_way.spawn(async move { pool.route(to_do(&["give-way"])).await });
    }
    while pool.stats().in_flight < GIVING_WAY {
        tokio::task::yield_now().await;
    }
    for _ in 0..50 {
        said(&pool, &["show asked"]).await;
    }
    assert_eq!(pool.stats().in_flight, GIVING_WAY);
    // Whoever gives up a decision ends it.
    giving_way.shutdown().await;
    while pool.stats().in_flight > 0 {
        tokio::task::yield_now().await;
    }
    let request = Request {
        time_left: 100,
        ..to_do(&["give-way"])
    };
    let failed = pool.route(request).await.unwrap_err();
    assert_eq!(failed.kind(), FailureKind::Deadline);
}

/// The canonical ABI calls it backpressure.
#[tokio::test]
async fn one_that_lets_nobody_in_is_replaced_at_the_deadline() {
    let pool = pool(worker(), |it| {
        it.instances = 1;
        it.decision_timeout = Duration::from_secs(1);
    });
    assert_eq!(said(&pool, &["let-nobody-in"]).await, "closed");
    let failed = pool.route(to_do(&[])).await.unwrap_err();
    assert_eq!(failed.kind(), FailureKind::Deadline);
    assert_eq!(said(&pool, &["show asked"]).await, "1");
}

/// They are in the memory of the host.
#[tokio::test]
async fn streams_without_end_are_its_own_end() {
    let server = Server::start(|_| ok("")).await;
    let pool = pool(instance(&server, 1, AtCap::Block), |_| {});
    assert_eq!(said(&pool, &["streams 1000"]).await, "1000");
    let failed = pool.route(to_do(&["streams 1000000"])).await.unwrap_err();
    assert_eq!(failed.kind(), FailureKind::Trap, "{failed}");
}

#[tokio::test]
async fn an_instance_is_used_again_as_often_as_the_operator_says() {
    let server = Server::start(|_| ok("")).await;
    let pool = pool(instance(&server, 1, AtCap::Block), |it| {
        it.decisions_per_instance = NonZeroU32::new(2).unwrap();
    });
    let ask = format!("ask {BASE}/");
    for asked in ["1", "2", "1"] {
        assert_eq!(said(&pool, &[&ask, "show asked"]).await, asked);
    }
}
