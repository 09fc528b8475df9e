//! A plugin's calls are calls of an instance, like those of the program that
//! runs the plugin. The plugin reaches nothing else.

mod arguments;
mod hostile;
mod misdeeds;

use crate::puppets::{Plain, Puppet};
use rest_client_host::{AtCap, Config, Host, Instance, Wasi, plugin::PluginCtx};
use std::{
    ops::{Deref, DerefMut},
    time::Duration,
};
use support::{
    config,
    config::loopback,
    counting_server::CountingServer,
    plugin::{Plugin, Program},
    server::Server,
    steps::{Step, ok, reply},
    unresponsive::Refusing,
};
use tokio::time::Instant;

/// A host whose plugins may ask any server on this machine.
fn host(config: Config) -> Host {
    crate::host(config!(egress = loopback(), ..config))
}

fn worker_with(config: Config) -> Instance {
    host(config).instance()
}

fn worker() -> Instance {
    worker_with(Config::default())
}

/// The plugin that asks as an ordinary one does.
struct Asker(Plugin);

impl Deref for Asker {
    type Target = Plugin;

    fn deref(&self) -> &Plugin {
        &self.0
    }
}

impl DerefMut for Asker {
    fn deref_mut(&mut self) -> &mut Plugin {
        &mut self.0
    }
}

impl Asker {
    async fn of<P: Puppet>(instance: &Instance) -> Self {
        Self::with::<P>(PluginCtx::new(instance.clone())).await
    }

    async fn with<P: Puppet>(context: PluginCtx) -> Self {
        Self(Program::asker(P::WASI).start(context).await)
    }

    async fn get(&mut self, url: &str) -> i32 {
        self.call("get", (url.to_owned(),)).await
    }

    async fn ready(&mut self, transfer: u32) -> bool {
        self.call("ready", (transfer,)).await
    }
}

/// What the plugin returns for an error.
const REFUSED: i32 = -1;
const CONNECTION_TIMEOUT: i32 = -2;
const BUSY: i32 = -9;

fn capped(cap: u32, at_cap: AtCap) -> Instance {
    worker_with(config!(max_async_transfers = cap, at_cap))
}

for_each_wasi! {
    crate::puppets::Plain, crate::puppets::Async:
    one_asks_and_is_answered,
    one_has_many_transfers_in_flight_and_waits_for_each,
    its_calls_and_those_of_the_host_count_to_one_cap,
    a_start_at_a_blocked_instance_ends_at_its_deadline,
    a_transfer_that_one_drops_is_ended_and_frees_its_slot,
    a_store_that_is_dropped_ends_the_calls_of_its_plugin,
    a_body_that_one_keeps_counts_as_a_reply_that_waits,
}

async fn one_asks_and_is_answered<P: Puppet>() {
    let server = Server::start(|_| ok("12.50 EUR")).await;
    let instance = capped(100, AtCap::Block);
    let mut asker = Asker::of::<P>(&instance).await;
    assert_eq!(asker.get(&server.url("/")).await, 200);
    assert_eq!(asker.get(&Refusing::default().url()).await, REFUSED);
    let length: u32 = asker.call("escaped-length", ("a&b".to_owned(),)).await;
    assert_eq!(length, 5);
    let status: i32 = asker.call("open", (server.url("/"),)).await;
    assert_eq!(status, 200);
    assert_eq!(instance.stats().started, 3);
}

async fn one_has_many_transfers_in_flight_and_waits_for_each<P: Puppet>() {
    let server = CountingServer::start().await;
    let instance = capped(100, AtCap::Block);
    let mut asker = Asker::of::<P>(&instance).await;
    let mut transfers = Vec::new();
    for number in 1..=20 {
        let url = server.url(&format!("/gate/{number}"));
        transfers.push(asker.start_get(&url).await);
    }
    server.wait_for_open(20).await;
    assert_eq!(instance.stats().in_flight, 20);
    for transfer in &transfers {
        assert!(!asker.ready(*transfer).await);
    }
    server.open_gate(20);
    for transfer in transfers {
        asker.run("block", transfer).await;
        assert!(asker.ready(transfer).await);
        assert_eq!(asker.finish(transfer).await, 200);
    }
    assert_eq!(instance.stats().in_flight, 0);
}

async fn its_calls_and_those_of_the_host_count_to_one_cap<P: Puppet>() {
    let server = CountingServer::start().await;
    let instance = capped(2, AtCap::Reject);
    let mut asker = Asker::of::<P>(&instance).await;
    let (one, two, echo) = (
        server.url("/gate/1"),
        server.url("/gate/2"),
        server.url("/echo"),
    );
    let plugins = asker.start_get(&one).await;
    let hosts = async {
        server.wait_for_open(2).await;
        // Neither the host nor the plugin has room for a third.
        let rejected = instance.rest_get(&echo).await.unwrap_err();
        assert!(rejected.is_at_cap(), "{rejected}");
        assert_eq!(asker.get(&echo).await, BUSY);
        let rejected = asker.start_get(&echo).await;
        assert_eq!(asker.finish(rejected).await, BUSY);
        server.open_gate(2);
    };
    let (reply, ()) = tokio::join!(instance.rest_get(&two).into_future(), hosts);
    assert_eq!(reply.unwrap().status(), 200);
    assert_eq!(asker.finish(plugins).await, 200);
    let stats = instance.stats();
    assert_eq!((stats.rejected, stats.in_flight), (3, 0));
    assert_eq!(server.asked("/echo"), 0);
}

/// The call beyond the cap is over when its start returns.
#[tokio::test]
async fn at_its_cap_an_instance_blocks_its_plugin_and_no_other() {
    let server = CountingServer::start().await;
    let host = host(config!(max_async_transfers = 1));
    let (blocked, free) = (host.instance(), host.instance());
    let (mut asker, mut neighbour) = (
        Asker::of::<Plain>(&blocked).await,
        Asker::of::<Plain>(&free).await,
    );
    let first = asker.start_get(&server.url("/gate/1")).await;
    let beyond = server.url("/gate/2");
    let second = {
        let start = asker.start_get(&beyond);
        let meanwhile = async {
            server.wait_for_open(2).await;
            assert!(blocked.is_blocked());
            assert_eq!(neighbour.get(&server.url("/echo")).await, 200);
        };
        tokio::pin!(start);
        tokio::select! {
            _ = &mut start => unreachable!("its transfer is not over"),
            () = meanwhile => {}
        }
        server.open_gate(2);
        start.await
    };
    assert!(asker.ready(second).await);
    assert_eq!(asker.finish(second).await, 200);
    assert_eq!(asker.finish(first).await, 200);
    assert_eq!(blocked.stats().blocked, 1);
}

async fn a_start_at_a_blocked_instance_ends_at_its_deadline<P: Puppet>() {
    let server = CountingServer::start().await;
    let instance = worker_with(config!(
        max_async_transfers = 0,
        connection_timeout = Duration::from_millis(300)
    ));
    let mut asker = Asker::of::<P>(&instance).await;
    let url = server.url("/gate/1");
    let plugins = async {
        server.wait_for_open(1).await;
        let started = Instant::now();
        let transfer = asker.start_get(&server.url("/echo")).await;
        assert_eq!(asker.finish(transfer).await, CONNECTION_TIMEOUT);
        assert!(started.elapsed() >= Duration::from_millis(300));
        assert!(started.elapsed() < Duration::from_secs(2));
        server.open_gate(1);
    };
    let (blocking, ()) = tokio::join!(instance.rest_get(&url).into_future(), plugins);
    blocking.unwrap();
}

async fn a_transfer_that_one_drops_is_ended_and_frees_its_slot<P: Puppet>() {
    let server = Server::start(|seen| match &*seen.target {
        "/stall" => vec![Step::Stall],
        _ => ok(""),
    })
    .await;
    let instance = capped(1, AtCap::Reject);
    let mut asker = Asker::of::<P>(&instance).await;
    for round in 1..=3 {
        let transfer = asker.start_get(&server.url("/stall")).await;
        server
            .wait_for("the request", |record| record.requests.len() == round)
            .await;
        asker.run("discard", transfer).await;
        server
            .wait_for("the end of the transfer", |record| record.open == 0)
            .await;
        while instance.stats().in_flight > 0 {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(asker.get(&server.url("/")).await, 200);
}

async fn a_store_that_is_dropped_ends_the_calls_of_its_plugin<P: Puppet>() {
    let server = Server::start(|_| vec![Step::Stall]).await;
    let instance = capped(100, AtCap::Block);
    let mut asker = Asker::of::<P>(&instance).await;
    for _ in 0..5 {
        asker.start_get(&server.url("/")).await;
    }
    server
        .wait_for("the requests", |record| record.requests.len() == 5)
        .await;
    drop(asker);
    server
        .wait_for("the end of the transfers", |record| record.open == 0)
        .await;
}

#[tokio::test]
async fn one_that_never_finishes_what_it_starts_is_refused_before_it_fills_the_memory() {
    const SIZE: usize = 8 << 20;
    let body = vec![b'x'; SIZE];
    let server = Server::start(move |_| reply("200 OK", &[], &body)).await;
    let instance = capped(100, AtCap::Block);
    let mut asker = Asker::of::<Plain>(&instance).await;
    let mut transfers = Vec::new();
    // Replies of 64 MiB may wait, with what is around them.
    for _ in 1..(64 << 20) / SIZE {
        let transfer = asker.start_get(&server.url("/")).await;
        asker.run("block", transfer).await;
        transfers.push(transfer);
    }
    let one_more = asker.start_get(&server.url("/")).await;
    assert_eq!(asker.finish(one_more).await, BUSY);
    assert!(asker.context().memory_taken() > 7 * SIZE);
    for transfer in transfers {
        asker.run("discard", transfer).await;
    }
    assert_eq!(asker.context().memory_taken(), 0);
    let status: i32 = asker.call("open", (server.url("/"),)).await;
    assert_eq!(status, 200);
}

async fn a_body_that_one_keeps_counts_as_a_reply_that_waits<P: Puppet>() {
    const SIZE: usize = 1 << 20;
    let body = vec![b'x'; SIZE];
    let server = Server::start(move |_| reply("200 OK", &[], &body)).await;
    let context = PluginCtx::new(capped(100, AtCap::Block)).memory_budget(8 * SIZE);
    let mut asker = Asker::with::<P>(context).await;
    let url = server.url("/");
    for _ in 1..8 {
        let status: i32 = asker.call("open-and-keep", (url.clone(),)).await;
        assert_eq!(status, 200);
    }
    let one_more = asker.start_get(&url).await;
    assert_eq!(asker.finish(one_more).await, BUSY);
}

/// Our own component sends requests by itself, as such a plugin would.
#[tokio::test]
async fn one_that_wants_to_send_requests_by_itself_is_not_linked() {
    let error = Program::compile(Wasi::P2.component())
        .map(|_| ())
        .unwrap_err();
    assert!(
        format!("{error:#}").contains("wasi:http/outgoing-handler")
            || format!("{error:#}").contains("wasi:clocks"),
        "{error:#}"
    );
}
