//! Connections are kept, used again, and never used when they should not be.

use crate::{host, worker, worker_with};
use futures_util::StreamExt as _;
use rest_client_host::{Config, ErrorKind};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use support::{
    config,
    pki::Identity,
    server::Server,
    steps::{Gate, Step, head, ok, raw, reply},
    unresponsive::Silent,
};

#[tokio::test]
async fn a_connection_serves_call_after_call() {
    let server = Server::start(|_| ok("x")).await;
    let worker = worker();
    for _ in 0..10 {
        worker.rest_get(&server.url("/")).await.unwrap();
    }
    assert_eq!(server.record().accepted, 1);
}

#[tokio::test]
async fn an_instance_uses_its_own_connections_alone() {
    let server = Server::start(|_| ok("x")).await;
    let host = host(Config::default());
    let (one, other) = (host.instance(), host.instance());
    for _ in 0..3 {
        one.rest_get(&server.url("/")).await.unwrap();
        other.rest_get(&server.url("/")).await.unwrap();
    }
    assert_eq!(server.record().accepted, 2);
}

#[tokio::test]
async fn instances_share_connections_only_when_they_are_told_to() {
    let server = Server::start(|_| ok("x")).await;
    let host = host(config!(share_connections = true));
    for _ in 0..3 {
        host.instance().rest_get(&server.url("/")).await.unwrap();
    }
    assert_eq!(server.record().accepted, 1);
}

#[tokio::test]
async fn a_connection_without_use_is_closed_after_the_idle_timeout() {
    let server = Server::start(|_| ok("x")).await;
    let worker = worker_with(config!(idle_timeout = Duration::from_millis(50)));
    worker.rest_get(&server.url("/")).await.unwrap();
    server
        .wait_for("the end of the connection", |record| record.open == 0)
        .await;
    worker.rest_get(&server.url("/")).await.unwrap();
    assert_eq!(server.record().accepted, 2);
}

/// A program may use an instance in one runtime after the other.
#[test]
fn a_connection_is_closed_after_the_idle_timeout_in_whatever_runtime_it_was_used() {
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    let of_server = runtime();
    let server = of_server.block_on(Server::start(|_| ok("x")));
    let host = host(config!(idle_timeout = Duration::from_millis(50)));
    let instance = host.instance();
    let first = runtime();
    first.block_on(async { instance.rest_get(&server.url("/")).await.unwrap() });
    drop(first);
    let second = runtime();
    second.block_on(async { instance.rest_get(&server.url("/")).await.unwrap() });
    of_server.block_on(server.wait_for("the end of the connections", |record| record.open == 0));
}

#[tokio::test]
async fn without_an_idle_timeout_no_connection_is_kept() {
    let server = Server::start(|_| ok("x")).await;
    let worker = worker_with(config!(idle_timeout = Duration::ZERO));
    for _ in 0..3 {
        worker.rest_get(&server.url("/")).await.unwrap();
    }
    assert_eq!(server.record().accepted, 3);
}

/// Calls three servers, the first of them twice, and says which of them still has
/// its connection when that of the second has ended.
async fn kept_of_three(callers: &[rest_client_host::Instance]) -> Vec<bool> {
    let mut servers = Vec::new();
    for _ in 0..3 {
        servers.push(Server::start(|_| ok("x")).await);
    }
    for (number, order) in [0, 1, 0, 2].into_iter().enumerate() {
        let caller = &callers[order % callers.len()];
        caller
            .rest_get(&servers[order].url("/"))
            .await
            .unwrap_or_else(|error| panic!("call {number}: {error}"));
    }
    servers[1]
        .wait_for("the end of the connection", |record| record.open == 0)
        .await;
    servers.iter().map(|it| it.record().open == 1).collect()
}

#[tokio::test]
async fn of_too_many_connections_without_use_the_one_used_longest_ago_is_closed() {
    let of_an_instance = config!(max_idle_connections = 2);
    let kept = kept_of_three(&[worker_with(of_an_instance)]).await;
    assert_eq!(kept, [true, false, true], "of an instance");

    let host = host(config!(max_total_idle_connections = Some(2)));
    let instances = [(); 3].map(|()| host.instance());
    let kept = kept_of_three(&instances).await;
    assert_eq!(kept, [true, false, true], "of a host");
}

#[tokio::test]
async fn one_instance_leaves_half_of_the_connections_to_the_others() {
    let host = host(config!(max_total_idle_connections = Some(4)));
    let mut servers = Vec::new();
    for _ in 0..8 {
        servers.push(Server::start(|_| ok("x")).await);
    }
    let (modest, noisy) = (host.instance(), host.instance());
    for server in &servers[..2] {
        modest.rest_get(&server.url("/")).await.unwrap();
    }
    for server in &servers[2..] {
        noisy.rest_get(&server.url("/")).await.unwrap();
    }
    for server in &servers[2..6] {
        server
            .wait_for("the end of the connection", |record| record.open == 0)
            .await;
    }
    let open = servers
        .iter()
        .map(|it| it.record().open)
        .collect::<Vec<_>>();
    assert_eq!(open, [1, 1, 0, 0, 0, 0, 1, 1]);
}

#[tokio::test]
async fn connections_end_with_their_instance() {
    let server = Server::start(|_| ok("x")).await;
    let worker = worker();
    worker.rest_get(&server.url("/")).await.unwrap();
    drop(worker);
    server
        .wait_for("the end of the connection", |record| record.open == 0)
        .await;
}

#[tokio::test]
async fn a_server_that_says_close_gets_a_new_connection_next_time() {
    let server = Server::start(|_| reply("200 OK", &[("connection", "close")], b"x")).await;
    let worker = worker();
    for _ in 0..3 {
        worker.rest_get(&server.url("/")).await.unwrap();
    }
    assert_eq!(server.record().accepted, 3);
}

/// Serves one request on each connection, and hangs up on the next. Every kept
/// connection has this race; here it happens every time.
fn hangs_up(ending: Step) -> impl Fn(&support::server::Seen) -> Vec<Step> + Send + Sync {
    let served = Arc::new(AtomicUsize::new(usize::MAX));
    move |seen| {
        if served.swap(seen.connection, Ordering::SeqCst) == seen.connection {
            vec![ending.clone()]
        } else {
            ok("x")
        }
    }
}

#[tokio::test]
async fn a_get_on_a_connection_that_was_just_closed_is_sent_again() {
    for ending in [Step::Close, Step::Reset] {
        let server = Server::start(hangs_up(ending)).await;
        let worker = worker();
        worker.rest_get(&server.url("/")).await.unwrap();
        worker.rest_get(&server.url("/")).await.unwrap();
        let record = server.record();
        assert_eq!((record.accepted, record.requests.len()), (2, 3));
    }
}

#[tokio::test]
async fn a_post_that_the_server_may_have_seen_is_not_sent_again() {
    let server = Server::start(hangs_up(Step::Close)).await;
    let worker = worker();
    worker.rest_post(&server.url("/"), "a").await.unwrap();
    let error = worker.rest_post(&server.url("/"), "b").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert_eq!(server.record().requests.len(), 2);
}

#[tokio::test]
async fn a_get_is_not_sent_again_once_a_reply_has_begun() {
    let served = AtomicUsize::new(0);
    let server = Server::start(move |_| match served.fetch_add(1, Ordering::SeqCst) {
        0 => ok("x"),
        _ => vec![
            head("200 OK", &[("content-length", "9")]),
            raw("x"),
            Step::Close,
        ],
    })
    .await;
    let worker = worker();
    worker.rest_get(&server.url("/")).await.unwrap();
    let error = worker.rest_get(&server.url("/")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert_eq!(server.record().requests.len(), 2);
}

#[tokio::test]
async fn a_first_request_that_fails_is_not_sent_again() {
    let server = Server::start(|_| vec![Step::Close]).await;
    worker().rest_get(&server.url("/")).await.unwrap_err();
    assert_eq!(server.record().requests.len(), 1);
}

#[tokio::test]
async fn with_no_concurrent_connects_a_loser_is_told_at_once() {
    let silent = Silent::start().await;
    let host = host(config!(no_concurrent_connects = true));
    let (winner, loser) = (host.instance(), host.instance());
    let url = silent.https();
    tokio::select! {
        _ = winner.rest_get(&url).into_future() => unreachable!("nobody answers"),
        error = async {
            let mut open = silent.open.clone();
            open.wait_for(|open| *open == 1).await.unwrap();
            loser.rest_get(&url).await.unwrap_err()
        } => {
            assert_eq!((error.kind(), error.code()), (ErrorKind::AlreadyConnecting, -4));
        }
    }
    // The winner was dropped, and its lock with it.
    let mut open = silent.open.clone();
    open.wait_for(|open| *open == 0).await.unwrap();
    let error = loser
        .rest_get(&url)
        .connection_timeout(Duration::from_millis(50))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionTimeout);
}

#[tokio::test]
async fn with_no_concurrent_connects_a_kept_connection_needs_no_lock() {
    let gate = Gate::default();
    let wait = gate.clone();
    let server = Server::start(move |seen| match &*seen.target {
        "/wait" => [vec![Step::Wait(wait.clone())], ok("x")].concat(),
        _ => ok("x"),
    })
    .await;
    let host = host(config!(no_concurrent_connects = true));
    let (one, other) = (host.instance(), host.instance());
    one.rest_get(&server.url("/")).await.unwrap();
    other.rest_get(&server.url("/")).await.unwrap();
    let (first, second) = tokio::join!(one.rest_get(&server.url("/wait")).into_future(), async {
        server
            .wait_for("the first", |record| record.requests.len() == 3)
            .await;
        let reply = other.rest_get(&server.url("/")).await;
        gate.open();
        reply
    });
    first.unwrap();
    second.unwrap();
}

/// One instance has a connection that is in use. It makes a further call while
/// another instance connects to the same server. Returns what becomes of it.
async fn beside_one_that_connects(conn_lifetime: Duration) -> Result<(), ErrorKind> {
    let identity = Identity::self_signed(&["localhost"]);
    let (handshake, held) = (Gate::default(), Gate::default());
    let hold = held.clone();
    let server =
        Server::start_tls_with_gate(&identity, handshake.clone(), move |seen| {
            match &*seen.target {
                "/hold" => [vec![Step::Wait(hold.clone())], ok("x")].concat(),
                _ => ok("x"),
            }
        })
        .await;
    let host = host(config!(
        no_concurrent_connects = true,
        conn_lifetime,
        ssl_verifypeer = false
    ));
    let (one, other) = (host.instance(), host.instance());
    let url = |name: &str, path: &str| server.url_on(name, path);
    one.rest_get(&url("localhost", "/")).await.unwrap();
    let (hold, plain) = (url("localhost", "/hold"), url("localhost", "/"));
    // The same server: upper and lower case make no difference.
    let elsewhere = url("LocalHost", "/");
    let third = async {
        server
            .wait_for("the held call", |record| record.requests.len() == 2)
            .await;
        let connecting = other.rest_get(&elsewhere).into_future();
        let further = async {
            server
                .wait_for("the other's connection", |record| record.accepted == 2)
                .await;
            let further = one.rest_get(&plain).into_future();
            let open_gates = async {
                if !conn_lifetime.is_zero() {
                    server
                        .wait_for("a further connection", |record| record.accepted == 3)
                        .await;
                    handshake.open();
                    handshake.open();
                }
            };
            let (further, ()) = tokio::join!(further, open_gates);
            // Harmless where it was opened already.
            handshake.open();
            held.open();
            further.map(drop).map_err(|error| error.kind())
        };
        let (connected, further) = tokio::join!(connecting, further);
        connected.unwrap();
        further
    };
    let (first, further) = tokio::join!(one.rest_get(&hold).into_future(), third);
    first.unwrap();
    further
}

#[tokio::test]
async fn with_conn_lifetime_an_instance_with_a_young_connection_needs_no_lock() {
    let none = beside_one_that_connects(Duration::ZERO).await;
    assert_eq!(none, Err(ErrorKind::AlreadyConnecting));
    let hour = beside_one_that_connects(Duration::from_secs(3600)).await;
    assert_eq!(hour, Ok(()));
}

#[tokio::test]
async fn a_post_finds_no_connection_that_the_server_has_closed() {
    // It says nothing of it, and closes after each reply.
    let server = Server::start(|_| [ok("x"), vec![Step::Close]].concat()).await;
    let worker = worker();
    for _ in 0..50 {
        worker.rest_post(&server.url("/"), "x").await.unwrap();
        server
            .wait_for("the end of the connection", |record| record.open == 0)
            .await;
    }
}

/// The end of a connection comes a moment after the reply, when others wait to send
/// theirs. It may take longer than anybody waits for it; so much is learned then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_closes_behind_its_replies_loses_none_but_the_first_posts() {
    const AT_A_TIME: usize = 8;
    let pause = Step::Pause(Duration::from_millis(1));
    let server = Server::start(move |_| [ok("x"), vec![pause.clone(), Step::Close]].concat()).await;
    let worker = worker();
    let url = server.url("/");
    let calls = (0..400).map(|_| worker.rest_post(&url, "x").into_future());
    let replies = futures_util::stream::iter(calls).buffer_unordered(AT_A_TIME);
    let lost = replies.filter(|reply| std::future::ready(reply.is_err()));
    assert!(lost.count().await <= AT_A_TIME);
    assert!(server.record().requests.len() <= 400);
}

/// A caller that gave up before its POST was sent takes no connection with it.
#[tokio::test]
async fn a_post_that_was_never_sent_closes_no_connection() {
    loop {
        let server = Server::start(|_| ok("x")).await;
        let worker = worker();
        let url = server.url("/");
        worker.rest_get(&url).await.unwrap();
        let before = server.record();
        let post = worker.rest_post(&url, "x");
        let _ = post.transfer_timeout(Duration::from_millis(3)).await;
        worker.rest_get(&url).await.unwrap();
        let after = server.record();
        // Where it took long to get here, the connection had shown by then that it
        // lasts.
        if after.requests.len() == before.requests.len() + 1 {
            assert_eq!(after.accepted, before.accepted);
            return;
        }
    }
}

/// And one that does keep them has no more connections than it needs.
#[tokio::test]
async fn posts_to_a_server_that_keeps_its_connections_share_them() {
    let server = Server::start(|_| ok("x")).await;
    let worker = worker();
    for _ in 0..50 {
        worker.rest_post(&server.url("/"), "x").await.unwrap();
    }
    assert_eq!(server.record().accepted, 1);
}

/// Of a server of which nothing is known a connection has to last a moment before it
/// takes a POST. One whose time is over by then is not waited for.
#[tokio::test]
async fn a_post_waits_for_no_connection_beyond_its_time() {
    let server = Server::start(|_| ok("x")).await;
    let worker = worker_with(config!(idle_timeout = Duration::from_millis(2)));
    for _ in 0..3 {
        worker.rest_post(&server.url("/"), "x").await.unwrap();
    }
    assert_eq!(server.record().accepted, 3);
}

#[tokio::test]
async fn a_connection_is_not_used_for_longer_than_the_server_keeps_it() {
    let server = Server::start(|_| reply("200 OK", &[("keep-alive", "timeout=0")], b"x")).await;
    let worker = worker();
    for _ in 0..3 {
        worker.rest_get(&server.url("/")).await.unwrap();
    }
    assert_eq!(server.record().accepted, 3);
}
