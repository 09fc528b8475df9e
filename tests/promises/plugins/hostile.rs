//! Plugins that ask for more than their share get it from nobody else.

use super::{BUSY, CONNECTION_TIMEOUT, capped, worker, worker_with};
use crate::{
    foreign_host::{Foreign, ForeignHost as _},
    puppets::{Plain, Puppet},
};
use proptest::test_runner::{Config, TestRunner};
use rest_client_host::{AtCap, ErrorKind, Instance, plugin::PluginCtx};
use std::time::Duration;
use support::{
    config,
    counting_server::CountingServer,
    plugin::{Plugin, Program},
    server::Server,
    steps::{Gate, Step, head, ok, raw, reply},
};
use tokio::time::{Instant, timeout};

const INVALID_URL: i32 = -10;
const TRANSFER_TIMEOUT: i32 = -3;

const MIB: usize = 1 << 20;

/// How long a test waits for something that must come.
const PATIENCE: Duration = Duration::from_secs(20);

async fn hostile<P: Puppet>(context: PluginCtx) -> Plugin {
    Program::hostile(P::WASI).start(context).await
}

async fn hostile_to<P: Puppet>(instance: &Instance) -> Plugin {
    hostile::<P>(PluginCtx::new(instance.clone())).await
}

/// A server that holds back its reply to `/held`, and answers all else.
async fn holding_back(gate: &Gate) -> Server {
    let held = gate.clone();
    Server::start(move |seen| match &*seen.target {
        "/held" => [vec![Step::Wait(held.clone())], ok("held")].concat(),
        _ => ok(""),
    })
    .await
}

/// Bytes of a body that arrive.
const ON_THE_WAY: usize = 8 * MIB;

/// A server whose bodies lack a byte, for ever.
async fn sending_all_but_the_end() -> Server {
    let part = vec![b'x'; ON_THE_WAY];
    Server::start(move |_| {
        let length = (ON_THE_WAY + 1).to_string();
        vec![
            head("200 OK", &[("content-length", &length)]),
            raw(&part),
            Step::Stall,
        ]
    })
    .await
}

/// Has `attack` done while another call of the instance is in flight, which is
/// answered all the same.
async fn beside_a_call(instance: &Instance, attack: impl AsyncFnOnce()) {
    let gate = Gate::default();
    let server = holding_back(&gate).await;
    let url = server.url("/held");
    let attacked = async {
        server
            .wait_for("the call beside", |record| record.requests.len() == 1)
            .await;
        attack().await;
        gate.open();
    };
    let (beside, ()) = tokio::join!(instance.rest_get(&url).into_future(), attacked);
    assert_eq!(beside.unwrap().body(), "held");
    assert_eq!(instance.stats().replaced, 0);
}

for_each_wasi! {
    crate::puppets::Plain, crate::puppets::Async:
    a_url_of_20_mb_ends_its_own_call_and_no_other,
    a_text_of_40_mb_to_escape_ends_its_own_plugin_and_no_call,
    percent_coding_is_what_the_component_does,
    bodies_on_their_way_count,
    bodies_of_requests_that_wait_at_the_cap_count,
    what_is_dropped_while_its_instance_is_blocked_is_released_after_that,
    a_noisy_plugin_leaves_room_at_the_cap_for_others,
    a_wait_at_ones_own_share_ends_at_the_deadline,
    where_the_cap_rejects_a_share_does_so_too,
}

async fn a_url_of_20_mb_ends_its_own_call_and_no_other<P: Puppet>() {
    let instance = worker();
    beside_a_call(&instance, async || {
        let mut plugin = hostile_to::<P>(&instance).await;
        let long = ("http://127.0.0.1:1/".to_owned(), 20_000_000_u32);
        assert_eq!(plugin.call::<_, i32>("get-long", long).await, INVALID_URL);
    })
    .await;
}

async fn a_text_of_40_mb_to_escape_ends_its_own_plugin_and_no_call<P: Puppet>() {
    let instance = worker();
    beside_a_call(&instance, async || {
        let mut plugin = hostile_to::<P>(&instance).await;
        let length: u32 = plugin.call("escape-zeroes", (MIB as u32,)).await;
        assert_eq!(length as usize, 3 * MIB);
        let trap = plugin
            .try_call::<_, (u32,)>("escape-zeroes", (40_000_000_u32,))
            .await
            .unwrap_err();
        assert!(format!("{trap:#}").contains("budget"), "{trap:#}");
        assert_eq!(plugin.context().memory_taken(), 0);
    })
    .await;
}

/// No text of any length reaches a guest that others share.
#[tokio::test]
async fn over_long_texts_of_the_program_itself_are_refused_too() {
    const LONG: usize = 20_000_000;
    let instance = worker();
    beside_a_call(&instance, async || {
        let text = "a".repeat(LONG);
        let url = "http://127.0.0.1:1/";
        let requests = [
            (
                ErrorKind::InvalidUrl,
                instance.rest_get(&format!("{url}{text}")),
            ),
            (ErrorKind::InvalidHeader, instance.rest_request(&text, url)),
            (
                ErrorKind::InvalidHeader,
                instance.rest_post(url, "").content_type(&*text),
            ),
            (
                ErrorKind::InvalidHeader,
                instance.rest_get(url).header(&*text, ""),
            ),
            (
                ErrorKind::InvalidHeader,
                instance.rest_get(url).header("x", &*text),
            ),
        ];
        for (kind, request) in requests {
            let error = request.await.unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().len() < 200, "{error}");
        }
        let many = (0..100_000).fold(instance.rest_get(url), |it, _| it.header("x", ""));
        let error = many.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidHeader, "{error}");
    })
    .await;
}

/// The host codes texts by itself. Nobody can tell it from the component.
async fn percent_coding_is_what_the_component_does<P: Puppet>() {
    let mut runner = TestRunner::new(Config::with_cases(64));
    let any = proptest::prelude::any::<String>();
    let coded = proptest::prelude::prop_oneof![any, "[%0-9a-fA-F+ é]{0,40}"];
    let texts: Vec<String> = (0..64)
        .map(|_| {
            use proptest::strategy::{Strategy as _, ValueTree as _};
            coded.new_tree(&mut runner).unwrap().current()
        })
        .collect();
    let mut plugin = hostile_to::<P>(&worker()).await;
    let Foreign {
        mut store,
        component,
    } = Foreign::new().await;
    let rest = component.rest_client_rest();
    for text in texts {
        let escaped = rest.call_rest_escape(&mut store, &text).await.unwrap();
        let unescaped = rest.call_rest_unescape(&mut store, &text).await.unwrap();
        assert_eq!(
            plugin.call::<_, String>("escape", (text.clone(),)).await,
            escaped
        );
        assert_eq!(
            plugin
                .call::<_, Result<String, String>>("unescape", (text.clone(),))
                .await,
            unescaped
        );
        assert_eq!(
            plugin
                .call::<_, Result<String, String>>("unescape", (escaped,))
                .await,
            Ok(text)
        );
    }
}

/// There is nothing that a plugin could send it with.
#[tokio::test]
async fn a_request_that_one_builds_by_itself_takes_no_memory_of_the_host() {
    let mut plugin = hostile_to::<Plain>(&worker()).await;
    let trap = plugin
        .try_call::<_, ()>("write-zeroes", (64 * MIB as u64,))
        .await
        .unwrap_err();
    assert!(format!("{trap:#}").contains("rest:client"), "{trap:#}");
    let mut plugin = hostile_to::<Plain>(&worker()).await;
    let trap = plugin.try_call::<_, ()>("make-fields", ()).await;
    assert!(trap.is_err());
}

async fn bodies_on_their_way_count<P: Puppet>() {
    // So many have no room beside the others, of which none ends by itself.
    const REFUSED: usize = 5;
    let server = sending_all_but_the_end().await;
    let instance = worker_with(config!(transfer_timeout = Duration::from_secs(600)));
    let mut plugin = Program::asker(P::WASI)
        .start(PluginCtx::new(instance))
        .await;
    let mut transfers = Vec::new();
    for _ in 0..12 {
        transfers.push(plugin.start_get(&server.url("/")).await);
    }
    let refused = async {
        let mut refused = 0;
        while refused < REFUSED {
            let mut left = Vec::new();
            for transfer in std::mem::take(&mut transfers) {
                if plugin.call("ready", (transfer,)).await {
                    assert_eq!(plugin.finish(transfer).await, BUSY);
                    refused += 1;
                } else {
                    left.push(transfer);
                }
            }
            transfers = left;
            let taken = plugin.context().memory_taken();
            assert!(taken <= 64 * MIB, "{taken}");
        }
    };
    timeout(PATIENCE, refused).await.expect("there is no room");
    assert!(plugin.context().memory_taken() >= ON_THE_WAY);
    assert_eq!(transfers.len(), 12 - REFUSED);
    for transfer in transfers {
        plugin.run("discard", transfer).await;
    }
    nothing_is_taken(&mut plugin).await;
}

/// In WASI 0.3 it is in the memory of the plugin, which has asked for it.
#[tokio::test]
async fn what_a_timeout_leaves_of_a_body_counts_until_it_is_taken() {
    let server = sending_all_but_the_end().await;
    let instance = worker_with(config!(transfer_timeout = Duration::from_secs(1)));
    let mut plugin = hostile_to::<Plain>(&instance).await;
    let transfer = plugin.start_get(&server.url("/")).await;
    plugin.run("block", transfer).await;
    assert!(plugin.context().memory_taken() >= ON_THE_WAY);
    assert_eq!(plugin.finish(transfer).await, TRANSFER_TIMEOUT);
    assert_eq!(plugin.context().memory_taken(), 0);
}

#[tokio::test]
async fn header_fields_that_one_keeps_count() {
    let value = "x".repeat(4000);
    let server = Server::start(move |_| {
        let names: Vec<String> = (0..8).map(|number| format!("x-{number}")).collect();
        let fields: Vec<_> = names.iter().map(|name| (&**name, &*value)).collect();
        reply("200 OK", &fields, b"")
    })
    .await;
    let context = PluginCtx::new(worker()).memory_budget(MIB);
    let mut plugin = hostile::<Plain>(context).await;
    let mut kept = 0;
    loop {
        let transfer = plugin.start_get(&server.url("/")).await;
        match plugin.call("keep-fields", (transfer,)).await {
            200 => kept += 1,
            BUSY => break,
            outcome => panic!("{outcome}"),
        }
        assert!(kept < 40, "none was refused");
    }
    assert!(kept > 20, "{kept}");
}

async fn bodies_of_requests_that_wait_at_the_cap_count<P: Puppet>() {
    let server = Server::start(|_| vec![Step::Stall]).await;
    let instance = capped(1, AtCap::Wait);
    let mut plugin = hostile_to::<P>(&instance).await;
    let url = server.url("/");
    let mut transfers = Vec::new();
    for _ in 0..7 {
        let post = (url.clone(), 8 * MIB as u32);
        transfers.push(plugin.call("start-post", post).await);
    }
    let post = (url.clone(), 8 * MIB as u32);
    let refused: u32 = plugin.call("start-post", post).await;
    assert_eq!(plugin.finish(refused).await, BUSY);
    for transfer in transfers {
        plugin.run("discard", transfer).await;
    }
    nothing_is_taken(&mut plugin).await;
}

/// What the driver of a blocked instance still holds is charged for until it
/// lets go of it.
async fn what_is_dropped_while_its_instance_is_blocked_is_released_after_that<P: Puppet>() {
    const SIZE: usize = 4 * MIB;
    let gate = Gate::default();
    let held = gate.clone();
    let server = Server::start(move |seen| match &*seen.method {
        "GET" => [vec![Step::Wait(held.clone())], ok("held")].concat(),
        _ => vec![Step::Stall],
    })
    .await;
    let instance = capped(1, AtCap::Block);
    let mut plugin = hostile_to::<P>(&instance).await;
    let url = server.url("/");
    let post = (url.clone(), SIZE as u32);
    let dropped: u32 = plugin.call("start-post", post).await;
    let meanwhile = async {
        server
            .wait_for("both requests", |record| record.requests.len() == 2)
            .await;
        assert!(instance.is_blocked() && plugin.context().memory_taken() >= SIZE);
        plugin.run("discard", dropped).await;
        gate.open();
    };
    let (blocking, ()) = tokio::join!(instance.rest_get(&url).into_future(), meanwhile);
    assert_eq!(blocking.unwrap().body(), "held");
    nothing_is_taken(&mut plugin).await;
}

/// Each would take a little of the host, too.
#[tokio::test]
async fn one_that_asks_for_handles_without_end_is_ended() {
    let server = Server::start(|_| vec![Step::Stall]).await;
    let mut plugin = hostile_to::<Plain>(&worker()).await;
    let transfer = plugin.start_get(&server.url("/")).await;
    let often = |times: u32| (transfer, times);
    plugin
        .try_call::<_, ()>("wait-often", often(1000))
        .await
        .unwrap();
    let endless = plugin.try_call::<_, ()>("wait-often", often(u32::MAX));
    assert!(endless.await.is_err());
}

/// At its share a plugin waits for itself; it does not block the instance.
async fn a_noisy_plugin_leaves_room_at_the_cap_for_others<P: Puppet>() {
    let server = CountingServer::start().await;
    let instance = capped(3, AtCap::Block);
    let context = PluginCtx::new(instance.clone()).max_async_transfers(2);
    let mut noisy = hostile::<P>(context).await;
    let mut transfers = Vec::new();
    for number in 1..=6 {
        let url = server.url(&format!("/gate/{number}"));
        transfers.push(noisy.start_get(&url).await);
    }
    server.wait_for_open(2).await;
    let mut neighbour = hostile_to::<P>(&instance).await;
    for _ in 0..10 {
        let reply = instance.rest_get(&server.url("/echo")).await.unwrap();
        assert_eq!(reply.status(), 200);
        let transfer = neighbour.start_get(&server.url("/echo")).await;
        assert_eq!(neighbour.finish(transfer).await, 200);
    }
    assert!(!instance.is_blocked());
    let stats = instance.stats();
    assert_eq!((stats.in_flight, stats.blocked), (2, 0));
    server.open_gate(6);
    for transfer in transfers {
        assert_eq!(noisy.finish(transfer).await, 200);
    }
    assert_eq!(instance.stats().blocked, 0);
}

async fn a_wait_at_ones_own_share_ends_at_the_deadline<P: Puppet>() {
    let server = Server::start(|_| vec![Step::Stall]).await;
    let instance = worker_with(config!(
        connection_timeout = Duration::from_millis(300),
        transfer_timeout = Duration::from_secs(60)
    ));
    let context = PluginCtx::new(instance).max_async_transfers(1);
    let mut plugin = hostile::<P>(context).await;
    let started = Instant::now();
    let first = plugin.start_get(&server.url("/")).await;
    let second = plugin.start_get(&server.url("/")).await;
    assert_eq!(plugin.finish(second).await, CONNECTION_TIMEOUT);
    assert!(started.elapsed() >= Duration::from_millis(300));
    assert!(started.elapsed() < Duration::from_secs(10));
    plugin.run("discard", first).await;
    nothing_is_taken(&mut plugin).await;
}

async fn where_the_cap_rejects_a_share_does_so_too<P: Puppet>() {
    let server = CountingServer::start().await;
    let instance = capped(100, AtCap::Reject);
    let context = PluginCtx::new(instance.clone()).max_async_transfers(1);
    let mut plugin = hostile::<P>(context).await;
    let gated = plugin.start_get(&server.url("/gate/1")).await;
    server.wait_for_open(1).await;
    let refused = plugin.start_get(&server.url("/echo")).await;
    assert_eq!(plugin.finish(refused).await, BUSY);
    server.open_gate(1);
    assert_eq!(plugin.finish(gated).await, 200);
    // Whoever hears of the end finds its place free.
    for _ in 0..20 {
        let transfer = plugin.start_get(&server.url("/echo")).await;
        assert_eq!(plugin.finish(transfer).await, 200);
    }
    let mut none = hostile::<P>(PluginCtx::new(instance).max_async_transfers(0)).await;
    let refused = none.start_get(&server.url("/echo")).await;
    assert_eq!(none.finish(refused).await, BUSY);
}

/// Waits for it: what was dropped is released by the tasks that held it.
async fn nothing_is_taken(plugin: &mut Plugin) {
    let released = async {
        while plugin.context().memory_taken() > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, released).await.expect("all is released");
}
