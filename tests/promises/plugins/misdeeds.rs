//! Plugins that compute without end, take without end, or leave in disorder. Each is a
//! small text in `tests/support/plugin/misdeeds/`, or in `misdeeds-async/` for WASI 0.3, in
//! a store whose embedder has it give way and bounds its memory.

use super::{host, worker, worker_with};
use crate::puppets::{Plain, Puppet};
use rest_client_host::{AtCap, Instance, Wasi, plugin::PluginCtx};
use std::{sync::Arc, time::Duration};
use support::{
    config,
    plugin::{MEMORY, Program, TABLE, of_a_crowd},
    server::Server,
    steps::{Step, ok},
};
use tokio::{
    runtime::Builder,
    task::{JoinSet, yield_now},
    time::timeout,
};

/// How long a plugin goes on that does not end by itself.
const SOME_TIME: Duration = Duration::from_millis(100);

/// How long a test waits for something that must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// How a plugin ended: with a number, a trap, or not by itself, and then it was ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Number(u32),
    Trap(String),
    None,
}

/// Has a plugin do what it does, for so long at most, and drops all that is left of it.
async fn commit<P: Puppet>(misdeed: &str, time: Duration, instance: &Instance, url: &str) -> End {
    commit_with(&Program::misdeed(P::WASI, misdeed), time, instance, url).await
}

async fn commit_with(program: &Program, time: Duration, instance: &Instance, url: &str) -> End {
    let context = PluginCtx::new(instance.clone());
    let run = async {
        let mut plugin = program.start(context).await;
        plugin.try_call::<_, (u32,)>("run", (url.to_owned(),)).await
    };
    match timeout(time, run).await {
        Ok(Ok((number,))) => End::Number(number),
        Ok(Err(trap)) => End::Trap(format!("{trap:#}")),
        Err(_) => End::None,
    }
}

/// The instance answers, and nothing of what a plugin has started goes on.
async fn all_is_well(instance: &Instance) {
    let ended = async {
        while instance.stats().in_flight > 0 {
            yield_now().await;
        }
    };
    timeout(PATIENCE, ended).await.expect("transfers end");
    let server = Server::start(|_| ok("fine")).await;
    let reply = instance.rest_get(&server.url("/")).await.unwrap();
    assert_eq!(reply.body(), "fine");
    assert_eq!(instance.stats().replaced, 0);
}

for_each_wasi! {
    crate::puppets::Plain, crate::puppets::Async:
    one_that_computes_without_end_holds_up_no_call_beside_it,
    one_that_gives_the_host_room_that_it_has_not_ends_itself,
    transfers_that_nobody_finishes_end_with_their_plugin,
    one_that_starts_transfers_without_end_has_no_more_than_its_part,
    a_hundred_at_once_take_nothing_from_another_instance,
}

async fn one_that_computes_without_end_holds_up_no_call_beside_it<P: Puppet>() {
    let instance = worker();
    let server = Server::start(|_| ok("fine")).await;
    let misdeeds: &[&str] = match P::WASI {
        Wasi::P2 => &["loop-in-a-call", "loop-at-the-start", "loop-in-realloc"],
        Wasi::P3 => &[
            "loop-in-a-call",
            "loop-at-the-start",
            "loop-in-realloc",
            "cancel-without-end",
            "yield-without-end",
        ],
    };
    for misdeed in misdeeds {
        let beside = async {
            let mut answered = 0;
            for _ in 0..5 {
                instance.rest_get(&server.url("/")).await.unwrap();
                answered += 1;
            }
            answered
        };
        let url = server.url("/");
        let (end, answered) =
            tokio::join!(commit::<P>(misdeed, SOME_TIME, &instance, &url), beside);
        assert_eq!(end, End::None, "{misdeed}");
        assert_eq!(answered, 5);
    }
    all_is_well(&instance).await;
}

async fn one_that_gives_the_host_room_that_it_has_not_ends_itself<P: Puppet>() {
    let instance = worker();
    let server = Server::start(|_| ok("fine")).await;
    let end = commit::<P>("realloc-elsewhere", PATIENCE, &instance, &server.url("/")).await;
    assert!(matches!(&end, End::Trap(_)), "{end:?}");
    all_is_well(&instance).await;
}

#[tokio::test]
async fn one_that_grows_gets_what_its_store_may_have() {
    let instance = worker();
    match commit::<Plain>("grow-memory", SOME_TIME, &instance, "http://h/").await {
        End::Number(pages) => assert!(pages as usize <= MEMORY >> 16, "{pages} pages"),
        // It takes longer than that where others compute, too.
        end => assert_eq!(end, End::None),
    }
    match commit::<Plain>("grow-a-table", SOME_TIME, &instance, "http://h/").await {
        End::Number(places) => assert!((1024..=TABLE).contains(&(places as usize)), "{places}"),
        end => assert_eq!(end, End::None),
    }
    all_is_well(&instance).await;
}

async fn transfers_that_nobody_finishes_end_with_their_plugin<P: Puppet>() {
    /// How many are started, and the end of what the plugin does, if it has one.
    type Course = (&'static str, u64, Option<&'static str>);
    let courses: &[Course] = match P::WASI {
        Wasi::P2 => &[
            ("leave-transfers", 8, Some("8")),
            ("trap-with-transfers", 8, Some("unreachable")),
            ("block", 1, None),
            ("ask-whether-it-is-ready", 1, None),
            ("poll-one-a-thousand-times", 1, None),
            ("drop-the-parent-first", 1, Some("resource has children")),
            ("drop-twice", 1, Some("unknown handle")),
            (
                "finish-while-it-is-waited-for",
                1,
                Some("resource has children"),
            ),
        ],
        Wasi::P3 => &[
            ("leave-transfers", 9, Some("9")),
            ("trap-with-transfers", 9, Some("unreachable")),
            ("wait-for-nothing", 0, Some("deadlock")),
            ("drop-in-flight", 9, Some("not yet resolved")),
            ("cancel-twice", 9, Some("after terminal status")),
            ("return-twice", 9, Some("more than once")),
            ("return-nothing", 9, Some("failed to produce a result")),
        ],
    };
    for &(misdeed, started, ending) in courses {
        let server = Server::answering_one_in(9).await;
        let instance = worker();
        let time = ending.map_or(SOME_TIME, |_| PATIENCE);
        let end = commit::<P>(misdeed, time, &instance, &server.url("/")).await;
        let is_so = match (&end, ending) {
            (End::Number(number), Some(ending)) => number.to_string() == ending,
            (End::Trap(trap), Some(ending)) => trap.contains(ending),
            (End::None, ending) => ending.is_none(),
            _ => false,
        };
        assert!(is_so, "{misdeed}: {end:?}");
        assert_eq!(instance.stats().started, started, "{misdeed}");
        server
            .wait_for("the end of its connections", |record| record.open == 0)
            .await;
        all_is_well(&instance).await;
    }
}

async fn one_that_starts_transfers_without_end_has_no_more_than_its_part<P: Puppet>() {
    for at_cap in [AtCap::Wait, AtCap::Reject] {
        let server = Server::start(|_| vec![Step::Stall]).await;
        let instance = worker_with(config!(max_async_transfers = 4, at_cap));
        let end = commit::<P>("hoard-transfers", SOME_TIME, &instance, &server.url("/")).await;
        assert!(matches!(end, End::Trap(_) | End::None), "{end:?}");
        server
            .wait_for("the end of its connections", |record| record.open == 0)
            .await;
        assert!((1..=4).contains(&server.record().accepted));
        all_is_well(&instance).await;
    }
}

/// They have a thread of their own, as a program gives them that has calls of its own to
/// make.
async fn a_hundred_at_once_take_nothing_from_another_instance<P: Puppet>() {
    // What those of WASI 0.3 do begins when one of their transfers has ended.
    let hardly_answering = Server::answering_one_in(3).await;
    let server = Server::start(|_| ok("fine")).await;
    let host = host(config!(max_async_transfers = 16, at_cap = AtCap::Wait));
    let (attacked, neighbour) = (host.instance(), host.instance());
    let url = hardly_answering.url("/");
    let programs = of_a_crowd(P::WASI)
        .iter()
        .map(|name| Arc::new(Program::misdeed(P::WASI, name)));
    let programs: Vec<_> = programs.collect();
    let plugins = std::thread::spawn({
        let attacked = attacked.clone();
        move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut running = JoinSet::new();
                for program in programs.iter().cycle().take(100) {
                    let (program, attacked) = (program.clone(), attacked.clone());
                    let url = url.clone();
                    running.spawn(async move {
                        commit_with(&program, SOME_TIME, &attacked, &url).await
                    });
                }
                running.join_all().await.len()
            })
        }
    });
    while !plugins.is_finished() {
        let reply = neighbour.rest_get(&server.url("/")).await.unwrap();
        assert_eq!(reply.body(), "fine");
    }
    assert_eq!(plugins.join().unwrap(), 100);
    hardly_answering
        .wait_for("the end of their connections", |record| record.open == 0)
        .await;
    all_is_well(&attacked).await;
    all_is_well(&neighbour).await;
}
