//! At most max-async-transfers of an instance are in flight at a time, and no
//! other instance pays for that.

use crate::{host, worker_with};
use rest_client_host::{AtCap, Config, ErrorKind, Host, Instance, WorkerPool};
use std::time::Duration;
use support::{
    config,
    counting_server::{CountingServer, INSTANCE},
    process::run,
    unresponsive::FullBacklog,
};
use tokio::{task::JoinSet, time::Instant};

fn capped(cap: u32, at_cap: AtCap) -> Config {
    config!(max_async_transfers = cap, at_cap)
}

fn worker(cap: u32, at_cap: AtCap) -> Instance {
    worker_with(capped(cap, at_cap))
}

/// Calls that run at the same time. Their bodies come in the order of their ends.
type Calls = JoinSet<Result<Vec<u8>, rest_client_host::Error>>;

fn call(calls: &mut Calls, worker: &Instance, url: String) {
    let worker = worker.clone();
    calls.spawn(async move {
        let reply = worker.rest_get(&url).header(INSTANCE, "it").await?;
        Ok(reply.into_body().into())
    });
}

/// Waits until `is_so`, for what only the driver knows. It has no event to wait
/// for.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < deadline, "never {what}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn below_the_cap_calls_run_beside_each_other() {
    let server = CountingServer::start().await;
    let worker = worker(100, AtCap::Block);
    let mut calls = Calls::new();
    for number in 0..100 {
        call(&mut calls, &worker, server.url(&format!("/gate/{number}")));
    }
    server.wait_for_open(100).await;
    assert!(!worker.is_blocked());
    assert_eq!(worker.stats().in_flight, 100);
    server.open_gate(100);
    while let Some(call) = calls.join_next().await {
        call.unwrap().unwrap();
    }
    let stats = worker.stats();
    assert_eq!((stats.in_flight, stats.started, stats.blocked), (0, 100, 0));
}

#[tokio::test]
async fn one_beyond_the_cap_runs_and_the_instance_does_nothing_else_until_it_has_ended() {
    let server = CountingServer::start().await;
    let worker = worker(2, AtCap::Block);
    let mut calls = Calls::new();
    // One ends soon, while the instance is blocked. The other lasts.
    call(&mut calls, &worker, server.url("/slow/50/early"));
    call(&mut calls, &worker, server.url("/gate/lasting"));
    server.wait_for_open(2).await;
    call(&mut calls, &worker, server.url("/slow/400/blocking"));
    until("blocked", || worker.is_blocked()).await;
    call(&mut calls, &worker, server.url("/echo/next"));

    // The call that blocks ends first, though another was complete long before.
    // The next one is not even sent until then.
    let first = calls.join_next().await.unwrap().unwrap().unwrap();
    assert_eq!(first, b"/slow/400/blocking");
    server.open_gate(1);
    let mut rest = Vec::new();
    while let Some(call) = calls.join_next().await {
        rest.push(call.unwrap().unwrap());
    }
    rest.sort();
    assert_eq!(
        rest,
        [
            &b"/echo/next"[..],
            &b"/gate/lasting"[..],
            &b"/slow/50/early"[..]
        ]
    );
    assert_eq!(server.peaks()["it"], 3, "cap + 1");
    assert_eq!(worker.stats().in_flight, 0);
    assert!(worker.stats().blocked >= 1);
}

#[tokio::test]
async fn with_a_cap_of_0_every_call_runs_alone() {
    let server = CountingServer::start().await;
    let worker = worker(0, AtCap::Block);
    let mut calls = Calls::new();
    for number in 0..20 {
        call(
            &mut calls,
            &worker,
            server.url(&format!("/slow/2/{number}")),
        );
    }
    while let Some(call) = calls.join_next().await {
        call.unwrap().unwrap();
    }
    assert_eq!(server.peaks()["it"], 1);
    assert_eq!(worker.stats().blocked, 20);
}

#[tokio::test]
async fn a_blocked_instance_does_not_hold_back_the_end_of_a_call() {
    let server = CountingServer::start().await;
    let worker = worker_with(config!(
        connection_timeout = Duration::from_millis(300),
        ..capped(1, AtCap::Block)
    ));
    let mut calls = Calls::new();
    call(&mut calls, &worker, server.url("/gate/1"));
    server.wait_for_open(1).await;
    call(&mut calls, &worker, server.url("/gate/2"));
    until("blocked", || worker.is_blocked()).await;
    // It waits for its instance as long as it may wait for a connection.
    let started = Instant::now();
    let error = worker.rest_get(&server.url("/echo")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionTimeout, "{error}");
    assert!(error.to_string().contains("waited for its instance"));
    assert!(started.elapsed() >= Duration::from_millis(300));
    assert!(started.elapsed() < Duration::from_secs(2));
    server.open_gate(2);
    while let Some(call) = calls.join_next().await {
        call.unwrap().unwrap();
    }
    assert_eq!(server.asked("/echo"), 0);
    assert_eq!(worker.stats().cancelled, 0);
}

/// Its deadline as a whole has passed as well when the caller is told.
#[tokio::test]
async fn what_was_not_connected_before_its_instance_was_blocked_is_told_so() {
    let (full, server) = (FullBacklog::default(), CountingServer::start().await);
    let worker = worker(1, AtCap::Block);
    let mut unconnected = worker
        .rest_get(&full.url())
        .connection_timeout(Duration::from_millis(100))
        .transfer_timeout(Duration::from_millis(400))
        .into_future();
    let mut calls = Calls::new();
    call(&mut calls, &worker, server.url("/gate/blocking"));
    tokio::select! {
        biased;
        _ = &mut unconnected => unreachable!("nobody accepts it"),
        () = server.wait_for_open(1) => {}
    }
    let error = unconnected.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionTimeout, "{error}");
    server.open_gate(1);
    calls.join_next().await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn what_had_arrived_while_the_instance_was_blocked_is_not_lost() {
    let server = CountingServer::start().await;
    let worker = worker(1, AtCap::Block);
    let url = server.url("/slow/20/complete");
    let complete = worker
        .rest_get(&url)
        .transfer_timeout(Duration::from_millis(500));
    let mut complete = complete.into_future();
    let mut calls = Calls::new();
    tokio::select! {
        _ = &mut complete => unreachable!("it has only begun"),
        () = server.wait_for_open(1) => {}
    }
    call(&mut calls, &worker, server.url("/gate/blocking"));
    let error = complete.await.unwrap_err();
    assert_eq!((error.code(), error.status()), (-3, 200), "{error}");
    assert_eq!(error.partial().unwrap().body(), "/slow/20/complete");
    server.open_gate(1);
    calls.join_next().await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_large_body_can_be_sent_at_the_cap() {
    let server = CountingServer::start().await;
    let worker = worker(0, AtCap::Block);
    for _ in 0..2 {
        let body = vec![b'x'; 5 << 20];
        let reply = worker.rest_post(&server.url("/echo"), body).await.unwrap();
        assert_eq!(reply.body(), "/echo");
    }
}

#[tokio::test]
async fn where_calls_wait_at_the_cap_they_are_served_in_their_order() {
    let server = CountingServer::start().await;
    let worker = worker(1, AtCap::Wait);
    let mut calls = Calls::new();
    for number in 0..20 {
        call(&mut calls, &worker, server.url(&format!("/gate/{number}")));
        until("at the driver", || {
            let stats = worker.stats();
            stats.waited + stats.started > number
        })
        .await;
    }
    for number in 0..20 {
        server.open_gate(1);
        let reply = calls.join_next().await.unwrap().unwrap().unwrap();
        assert_eq!(reply, format!("/gate/{number}").as_bytes());
    }
    assert_eq!(server.peaks()["it"], 1);
    assert!(!worker.is_blocked());
    assert_eq!(worker.stats().waited, 19);
}

#[tokio::test]
async fn where_calls_wait_at_the_cap_their_deadline_goes_on() {
    let server = CountingServer::start().await;
    let worker = worker(1, AtCap::Wait);
    let mut calls = Calls::new();
    call(&mut calls, &worker, server.url("/gate/1"));
    server.wait_for_open(1).await;
    let error = worker
        .rest_get(&server.url("/echo"))
        .connection_timeout(Duration::from_millis(200))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionTimeout, "{error}");
    server.open_gate(1);
    calls.join_next().await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn where_calls_are_rejected_at_the_cap_they_are_told_at_once() {
    let server = CountingServer::start().await;
    let worker = worker(1, AtCap::Reject);
    let mut calls = Calls::new();
    call(&mut calls, &worker, server.url("/gate/1"));
    server.wait_for_open(1).await;
    let error = worker.rest_get(&server.url("/echo")).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::AtCap, -10));
    assert!(error.is_at_cap(), "{error}");
    server.open_gate(1);
    calls.join_next().await.unwrap().unwrap().unwrap();
    worker.rest_get(&server.url("/echo")).await.unwrap();
    assert_eq!(worker.stats().rejected, 1);
}

#[tokio::test]
async fn a_cap_can_be_changed_while_calls_run() {
    let server = CountingServer::start().await;
    let worker = worker(1, AtCap::Wait);
    let mut calls = Calls::new();
    for number in 0..6 {
        call(&mut calls, &worker, server.url(&format!("/gate/{number}")));
    }
    server.wait_for_open(1).await;
    worker.set_max_async_transfers(4).unwrap();
    server.wait_for_open(4).await;
    worker.set_max_async_transfers(2).unwrap();
    server.open_gate(3);
    for _ in 0..3 {
        calls.join_next().await.unwrap().unwrap().unwrap();
    }
    server.wait_for_open(2).await;
    server.open_gate(3);
    while let Some(call) = calls.join_next().await {
        call.unwrap().unwrap();
    }
    assert_eq!(server.peaks()["it"], 4);
    worker.set_max_async_transfers(0).unwrap_err();
}

#[tokio::test]
async fn a_caller_that_goes_away_ends_its_transfer_and_frees_its_slot() {
    let server = CountingServer::start().await;
    let worker = worker(1, AtCap::Reject);
    for round in 1..=20 {
        let url = server.url("/stall");
        tokio::select! {
            _ = worker.rest_get(&url).into_future() => unreachable!("it stalls"),
            () = server.wait_for_open(1) => {}
        }
        server.wait_for_open(0).await;
        until("free", || worker.stats().in_flight == 0).await;
        worker.rest_get(&server.url("/echo")).await.unwrap();
        assert_eq!(worker.stats().cancelled, round);
    }
}

#[tokio::test]
async fn a_caller_that_is_not_polled_holds_up_nobody() {
    let server = CountingServer::start().await;
    let worker = worker(1, AtCap::Block);
    let url = server.url("/slow/20/forgotten");
    let mut forgotten = worker.rest_get(&url).into_future();
    tokio::select! {
        _ = &mut forgotten => unreachable!("it has only begun"),
        () = server.wait_for_open(1) => {}
    }
    for _ in 0..3 {
        worker.rest_get(&server.url("/echo")).await.unwrap();
    }
    assert_eq!(forgotten.await.unwrap().body(), "/slow/20/forgotten");
}

#[tokio::test]
async fn a_server_that_dies_ends_every_call() {
    let server = CountingServer::start().await;
    let worker = worker(50, AtCap::Block);
    let mut calls = Calls::new();
    for number in 0..50 {
        call(&mut calls, &worker, server.url(&format!("/gate/{number}")));
    }
    server.wait_for_open(50).await;
    drop(server);
    while let Some(call) = calls.join_next().await {
        let error = call.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    }
    assert_eq!(worker.stats().in_flight, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_keeps_two_thousand_transfers_in_flight() {
    let server = CountingServer::start().await;
    let worker = worker(2000, AtCap::Block);
    let mut calls = Calls::new();
    for number in 0..2000 {
        call(&mut calls, &worker, server.url(&format!("/gate/{number}")));
    }
    server.wait_for_open(2000).await;
    server.open_gate(2000);
    let mut replies = std::collections::HashSet::new();
    while let Some(call) = calls.join_next().await {
        replies.insert(call.unwrap().unwrap());
    }
    assert_eq!(replies.len(), 2000, "each call has its own reply");
    assert!(!worker.is_blocked());
}

/// Makes calls one after the other, until there are `enough`. Returns the median
/// of their times.
async fn median(worker: &Instance, url: &str, mut enough: impl FnMut(usize) -> bool) -> Duration {
    let mut times = Vec::new();
    while !enough(times.len()) {
        let started = Instant::now();
        worker.rest_get(url).await.unwrap();
        times.push(started.elapsed());
    }
    times.sort();
    times[times.len() / 2]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_instance_does_not_block_its_neighbour() {
    let server = CountingServer::start().await;
    let pool = WorkerPool::new(&Host::new(capped(1, AtCap::Block)).unwrap(), 2);
    let [blocked, neighbour] = pool.workers() else {
        panic!("two workers");
    };
    let url = server.url("/echo");
    // Other work on the machine hardly moves a median, unless there is a lot of
    // it during just one of the two measurements. So there are three tries.
    let mut seen = Vec::new();
    for _ in 0..3 {
        let idle = median(neighbour, &url, |calls| calls == 300).await;
        let slow = server.url("/slow/1000/x");
        let both = async {
            tokio::join!(
                blocked.rest_get(&slow).into_future(),
                blocked.rest_get(&slow).into_future()
            )
        };
        let mut both = std::pin::pin!(both);
        let busy = tokio::select! {
            _ = &mut both => unreachable!("it takes a second"),
            busy = async {
                until("blocked", || blocked.is_blocked()).await;
                let busy = median(neighbour, &url, |calls| calls == 300).await;
                assert!(blocked.is_blocked(), "too slow to tell");
                busy
            } => busy,
        };
        let (one, other) = both.await;
        one.unwrap();
        other.unwrap();
        if busy <= idle * 2 {
            return;
        }
        seen.push((idle, busy));
    }
    panic!("idle and beside a blocked instance: {seen:?}");
}

#[tokio::test]
async fn a_pool_gives_calls_to_workers_that_are_not_blocked() {
    let server = CountingServer::start().await;
    let pool = WorkerPool::new(&host(capped(0, AtCap::Block)), 3);
    let gate = server.url("/gate/x");
    let both = async {
        tokio::join!(
            pool.rest_get(&gate).into_future(),
            pool.rest_get(&gate).into_future()
        )
    };
    let mut both = std::pin::pin!(both);
    tokio::select! {
        _ = &mut both => unreachable!("the gate is closed"),
        () = async {
            server.wait_for_open(2).await;
            for _ in 0..20 {
                pool.rest_get(&server.url("/echo")).await.unwrap();
            }
            let blocked = pool.states().iter().filter(|state| state.is_blocked).count();
            assert_eq!(blocked, 2);
        } => {}
    }
    server.open_gate(2);
    let (one, other) = both.await;
    one.unwrap();
    other.unwrap();
    assert_eq!(pool.stats().started, 22);
}

/// Also when calls come at once, before any of them has begun.
#[tokio::test]
async fn a_pool_gives_each_worker_its_share() {
    let server = CountingServer::start().await;
    let pool = WorkerPool::new(&host(Config::default()), 3);
    let gate = server.url("/gate/x");
    let get = || pool.rest_get(&gate).into_future();
    let mut first = get();
    tokio::select! {
        _ = &mut first => unreachable!("the gate is closed"),
        () = server.wait_for_open(1) => {}
    }
    let mut all = futures_util::future::join_all((0..5).map(|_| get()).chain([first]));
    tokio::select! {
        _ = &mut all => unreachable!("the gate is closed"),
        () = server.wait_for_open(6) => {}
    }
    for state in pool.states() {
        assert_eq!(state.stats.in_flight, 2, "{:?}", pool.states());
    }
    server.open_gate(6);
    for reply in all.await {
        reply.unwrap();
    }
}

#[tokio::test]
async fn a_pool_that_drains_ends_what_is_under_way_and_takes_no_more() {
    let server = CountingServer::start().await;
    let pool = WorkerPool::new(&host(Config::default()), 2);
    let (url, draining) = (server.url("/gate/x"), pool.clone());
    let under_way = tokio::spawn({
        let pool = pool.clone();
        async move { pool.rest_get(&url).await }
    });
    server.wait_for_open(1).await;
    let drained = tokio::spawn(async move { draining.drain().await });
    until("draining", || {
        let refused = pool.rest_get("http://h/").into_future();
        futures_util::FutureExt::now_or_never(refused).is_some()
    })
    .await;
    let error = pool.rest_get(&server.url("/echo")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Draining, "{error}");
    assert!(!drained.is_finished());
    server.open_gate(1);
    under_way.await.unwrap().unwrap();
    drained.await.unwrap();
    assert_eq!(pool.stats().in_flight, 0);
}

#[tokio::test]
async fn under_random_load_with_faults_every_invariant_holds() {
    let ended = run(
        support::process::soak(),
        ["--cases", "6", "--calls", "400"],
        b"",
    )
    .await;
    assert_eq!(ended.code(), 0, "{}{}", ended.text(), ended.stderr);
}
