//! A plugin of the routing contract decides before a deadline, and what it does wrong
//! harms nobody but those who asked it.

use crate::{puppets::Puppet, worker, worker_with};
use rest_client_host::{
    Instance, Service,
    plugin::{
        DecisionError, FailureKind, Limits, PluginPool, PluginRuntime, PoolOptions, Questions,
    },
    routing::{Decision, Endpoint, Request},
};
use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use support::{
    config, plugin,
    puppet::to_do,
    server::Server,
    steps::{Gate, Step, ok, reply},
};
use tokio::{task::JoinSet, time::timeout};

/// Long enough for whatever happens, where it is not the time that is tested.
const LONG: Duration = Duration::from_secs(60);

fn options(set: impl FnOnce(&mut PoolOptions)) -> PoolOptions {
    let mut options = PoolOptions::default();
    options.decision_timeout = LONG;
    set(&mut options);
    options
}

fn pool_of<P: Puppet>(instance: Instance, set: impl FnOnce(&mut PoolOptions)) -> PluginPool {
    PluginPool::new(P::plugin(), instance, options(set)).unwrap()
}

fn pool<P: Puppet>(set: impl FnOnce(&mut PoolOptions)) -> PluginPool {
    pool_of::<P>(worker(), set)
}

/// With a service `billing`.
fn asking<P: Puppet>(server: &Server, set: impl FnOnce(&mut PoolOptions)) -> PluginPool {
    let billing = Service::new(server.origin().parse().unwrap());
    let config = config!(services = [("billing".to_owned(), billing)].into());
    pool_of::<P>(worker_with(config), set)
}

/// The attributes of a request that goes on.
async fn attributes(pool: &PluginPool, things: &[&str]) -> Vec<(String, String)> {
    match pool.route(to_do(things)).await {
        Ok(Decision::Continue(changes)) => changes.attributes,
        other => panic!("{things:?}: {other:?}"),
    }
}

async fn shown(pool: &PluginPool, what: &str) -> String {
    let mut attributes = attributes(pool, &[&format!("show {what}")]).await;
    attributes.pop().unwrap().1
}

async fn failure(pool: &PluginPool, things: &[&str]) -> DecisionError {
    match pool.route(to_do(things)).await {
        Ok(decision) => panic!("{things:?}: {decision:?}"),
        Err(error) => error,
    }
}

fn failed(pool: &PluginPool, kind: FailureKind) -> u64 {
    let failed = pool.stats().failed;
    failed.iter().find(|(it, _)| *it == kind).unwrap().1
}

for_each_wasi! {
    crate::puppets::Plain, crate::puppets::Async:
    what_the_plugin_says_is_what_is_decided,
    whichever_of_hundreds_of_transfers_is_first_wakes_it,
    it_has_its_settings_in_their_order,
    its_questions_go_to_services_by_name_and_can_be_seen,
    its_questions_belong_to_the_trace_of_the_request,
    a_decision_ends_at_its_deadline_whatever_the_plugin_does,
    time_without_end_is_no_fault,
    a_request_may_have_less_time_than_the_operator_gives,
    a_plugin_that_spins_takes_no_time_of_others,
    one_that_waits_for_a_service_for_long_goes_on_where_it_began,
    one_that_computes_for_long_decides_nevertheless,
    one_that_traps_is_replaced_and_the_next_decision_is_made,
    one_that_spins_is_gone_when_its_time_is_over,
    however_often_one_traps_when_it_is_asked_the_next_decision_is_made,
    one_that_traps_at_its_start_again_and_again_is_set_aside_until_it_starts,
    one_that_spins_at_its_start_is_set_aside_too,
    calls_of_others_go_on_when_a_plugin_and_its_threads_are_gone,
    one_that_waits_for_a_service_at_its_start_is_not_set_aside,
    one_that_says_that_it_cannot_decide_is_kept,
    what_breaks_the_contract_is_not_decided,
    nobody_is_asked_about_what_is_no_request,
    an_instance_serves_as_many_decisions_as_the_operator_says,
    a_new_instance_has_nothing_of_those_before,
    where_each_decides_once_one_that_spins_or_traps_harms_no_other,
    so_many_decide_at_a_time_so_many_wait_and_the_rest_fails_at_once,
    waiting_for_an_instance_is_a_part_of_the_time,
    a_plugin_that_cannot_work_here_says_so_before_its_first_decision,
}

async fn what_the_plugin_says_is_what_is_decided<P: Puppet>() {
    let pool = pool::<P>(|_| {});
    let things = [
        "remove x-old",
        "set x-new 1",
        "add x-more 2",
        "reply set-cookie a=b",
        "attribute reason because",
        "to /other",
    ];
    let Ok(Decision::Continue(changes)) = pool.route(to_do(&things)).await else {
        panic!("it goes on");
    };
    let field = |name: &str, value: &str| vec![(name.to_owned(), value.as_bytes().to_vec())];
    assert_eq!(changes.remove_fields, ["x-old"]);
    assert_eq!(changes.set_fields, field("x-new", "1"));
    assert_eq!(changes.add_fields, field("x-more", "2"));
    assert_eq!(changes.reply_fields, field("set-cookie", "a=b"));
    assert_eq!(changes.destinations[0].uri, "/other");
    let reason = ("reason".to_owned(), "because".to_owned());
    assert_eq!(changes.attributes, [reason]);
    let answer = pool.route(to_do(&["answer 403 Not Here"])).await.unwrap();
    assert!(matches!(answer, Decision::Answer(it) if it.code == 403));
    let redirect = pool.route(to_do(&["redirect 307 /there"])).await.unwrap();
    assert!(matches!(redirect, Decision::Redirect(it) if it.code == Some(307)));
    let drop = pool.route(to_do(&["drop"])).await.unwrap();
    assert_eq!(drop, Decision::Drop(vec![]));
    assert_eq!((pool.stats().decided, pool.stats().in_flight), (4, 0));
}

async fn whichever_of_hundreds_of_transfers_is_first_wakes_it<P: Puppet>() {
    let server = Server::start(|seen| match &*seen.target {
        "/quick" => ok(""),
        _ => vec![Step::Stall],
    })
    .await;
    let billing = Service::new(server.origin().parse().unwrap());
    let config = config!(
        services = [("billing".to_owned(), billing)].into(),
        max_async_transfers = 500,
    );
    let pool = pool_of::<P>(worker_with(config), |it| it.max_async_transfers = 500);
    let url = |path| format!("http://billing.service.internal/{path}");
    let mut urls = vec![url("stall"); 300];
    urls.push(url("quick"));
    for word in ["first", "first-by-polling"] {
        let first = format!("{word} {}", urls.join(" "));
        let attributes = timeout(LONG, attributes(&pool, &[&first])).await.unwrap();
        assert_eq!(attributes[0].1, format!("{}: 200 ", url("quick")));
    }
}

async fn it_has_its_settings_in_their_order<P: Puppet>() {
    let pool = pool::<P>(|it| {
        it.settings.insert("b".into(), "2".into());
        it.settings.insert("a".into(), "1".into());
    });
    let settings = shown(&pool, "settings").await;
    assert_eq!(settings, r#"Ok([("a", "1"), ("b", "2")])"#);
}

async fn its_questions_go_to_services_by_name_and_can_be_seen<P: Puppet>() {
    let server = Server::start(|_| ok("12.50 EUR")).await;
    let pool = asking::<P>(&server, |_| {});
    let questions = Questions::default();
    let things = [
        "ask http://billing.service.internal/credit?caller=alice",
        "ask http://user:secret@127.0.0.1:1/",
    ];
    let decided = pool.explain(to_do(&things), &questions).await.unwrap();
    let Decision::Continue(changes) = decided else {
        panic!("it goes on");
    };
    assert_eq!(changes.attributes[0].1, "200");
    assert!(changes.attributes[1].1.contains("policy"), "{changes:?}");
    let lines: Vec<String> = questions.ended().iter().map(ToString::to_string).collect();
    let begin = "GET http://billing.service.internal/credit?caller=alice: 200 after ";
    assert!(lines[0].starts_with(begin), "{lines:?}");
    assert!(
        lines[1].starts_with("GET http://127.0.0.1:1/: Denied after "),
        "{lines:?}"
    );
    // Those of others are not among them.
    attributes(&pool, &things).await;
    assert_eq!(questions.ended().len(), 2);
}

async fn its_questions_belong_to_the_trace_of_the_request<P: Puppet>() {
    let server = Server::start(|_| ok("")).await;
    let pool = asking::<P>(&server, |_| {});
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let ask = ["ask http://billing.service.internal/"];
    let mut request = to_do(&ask);
    request.fields.push(("traceparent".into(), parent.into()));
    pool.route(request).await.unwrap();
    // Those of the next one don't.
    pool.route(to_do(&ask)).await.unwrap();
    let seen = server.record().requests;
    assert_eq!(seen[0].header("traceparent"), [parent]);
    assert_eq!(seen[1].header("traceparent"), [""; 0]);
}

async fn a_decision_ends_at_its_deadline_whatever_the_plugin_does<P: Puppet>() {
    let server = Server::start(|_| vec![Step::Stall]).await;
    let pool = asking::<P>(&server, |it| {
        it.decision_timeout = Duration::from_millis(200)
    });
    let ask = "ask http://billing.service.internal/";
    for things in [&["spin"][..], &[ask], &[ask, "spin"]] {
        let error = failure(&pool, things).await;
        assert_eq!(error.kind(), FailureKind::Deadline, "{things:?}: {error}");
    }
    assert_eq!(failed(&pool, FailureKind::Deadline), 3);
    // What it asked ends with it.
    server
        .wait_for("the end of the questions", |record| record.open == 0)
        .await;
    assert_eq!(shown(&pool, "asked").await, "1");
}

async fn time_without_end_is_no_fault<P: Puppet>() {
    let pool = pool::<P>(|it| it.decision_timeout = Duration::MAX);
    pool.check().await.unwrap();
    attributes(&pool, &[]).await;
}

async fn a_request_may_have_less_time_than_the_operator_gives<P: Puppet>() {
    let pool = pool::<P>(|_| {});
    let left: u64 = shown(&pool, "time-left").await.parse().unwrap();
    assert!((1..=60_000).contains(&left), "{left}");
    let request = Request {
        time_left: 50,
        ..to_do(&["spin"])
    };
    let error = pool.route(request).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Deadline);
}

/// On one thread, which it would have to itself otherwise.
async fn a_plugin_that_spins_takes_no_time_of_others<P: Puppet>() {
    let pool = pool::<P>(|it| it.instances = 20);
    let mut spinning = JoinSet::new();
    for _ in 0..10 {
        let pool = pool.clone();
        spinning.spawn(async move { failure(&pool, &["spin"]).await });
    }
    while pool.stats().moved < 10 {
        tokio::task::yield_now().await;
    }
    for _ in 0..100 {
        attributes(&pool, &[]).await;
    }
    assert_eq!(pool.stats().in_flight, 10);
    // Whoever gives up a decision ends it.
    spinning.shutdown().await;
    while pool.stats().in_flight > 0 {
        tokio::task::yield_now().await;
    }
}

/// Else decisions would change threads for nothing.
async fn one_that_waits_for_a_service_for_long_goes_on_where_it_began<P: Puppet>() {
    let gate = Gate::default();
    let waiting = gate.clone();
    let server = Server::start(move |_| [vec![Step::Wait(waiting.clone())], ok("")].concat()).await;
    let pool = asking::<P>(&server, |_| {});
    let asking = {
        let pool = pool.clone();
        let ask = "ask http://billing.service.internal/";
        tokio::spawn(async move { attributes(&pool, &[ask]).await })
    };
    server
        .wait_for("the question", |record| record.requests.len() == 1)
        .await;
    // Ticks of the clock pass meanwhile.
    tokio::time::sleep(Duration::from_millis(50)).await;
    gate.open();
    assert_eq!(asking.await.unwrap()[0].1, "200");
    assert_eq!(pool.stats().moved, 0);
}

async fn one_that_computes_for_long_decides_nevertheless<P: Puppet>() {
    let pool = pool::<P>(|_| {});
    let things = ["spin-for 200000000", "attribute reason slow"];
    assert_eq!(attributes(&pool, &things).await[0].1, "slow");
    assert_eq!(pool.stats().moved, 1);
}

async fn one_that_traps_is_replaced_and_the_next_decision_is_made<P: Puppet>() {
    let pool = pool::<P>(|_| {});
    assert_eq!(shown(&pool, "asked").await, "1");
    let error = failure(&pool, &["trap"]).await;
    assert_eq!(error.kind(), FailureKind::Trap);
    assert!(!error.to_string().contains('\n'), "{error}");
    assert_eq!(shown(&pool, "asked").await, "1");
    assert_eq!((pool.stats().started, pool.is_set_aside()), (2, false));
}

/// At its deadline, and not when somebody else is decided about.
async fn one_that_spins_is_gone_when_its_time_is_over<P: Puppet>() {
    let server = Server::start(|_| vec![Step::Stall]).await;
    let pool = asking::<P>(&server, |it| it.decision_timeout = Duration::from_secs(1));
    let things = ["keep http://billing.service.internal/", "spin"];
    let error = failure(&pool, &things).await;
    assert_eq!(error.kind(), FailureKind::Deadline);
    // What it has begun ends with it.
    server
        .wait_for("the end of its transfer", |record| {
            record.requests.len() == 1 && record.open == 0
        })
        .await;
}

/// Who asks may make a plugin trap. That is no reason to refuse others.
async fn however_often_one_traps_when_it_is_asked_the_next_decision_is_made<P: Puppet>() {
    let pool = pool::<P>(|_| {});
    for _ in 0..50 {
        failure(&pool, &["trap"]).await;
    }
    assert!(!pool.is_set_aside());
    assert_eq!(shown(&pool, "asked").await, "1");
}

async fn one_that_traps_at_its_start_again_and_again_is_set_aside_until_it_starts<P: Puppet>() {
    let is_well = Arc::new(AtomicBool::new(false));
    let well = is_well.clone();
    let server = Server::start(move |_| match well.load(Relaxed) {
        true => ok(""),
        false => reply("503 Busy", &[], b""),
    })
    .await;
    let pool = asking::<P>(&server, |it| {
        let rule = "trap-unless http://billing.service.internal/";
        it.settings.insert("check".into(), rule.into());
        it.decisions_per_instance = NonZeroU32::MIN;
    });
    for _ in 0..3 {
        failure(&pool, &[]).await;
    }
    assert!(pool.is_set_aside());
    let error = failure(&pool, &[]).await;
    assert!(error.to_string().contains("repeatedly"), "{error}");
    assert_eq!((error.kind(), pool.stats().started), (FailureKind::Trap, 3));
    is_well.store(true, Relaxed);
    while pool.is_set_aside() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    attributes(&pool, &[]).await;
    // That is forgotten then.
    is_well.store(false, Relaxed);
    failure(&pool, &[]).await;
    assert!(!pool.is_set_aside());
}

async fn one_that_spins_at_its_start_is_set_aside_too<P: Puppet>() {
    let pool = pool::<P>(|it| {
        it.settings.insert("check".into(), "spin".into());
        it.decision_timeout = Duration::from_millis(200);
    });
    // Where there is little of the processor, one may not have computed for long enough.
    while !pool.is_set_aside() {
        let error = failure(&pool, &[]).await;
        assert_eq!(error.kind(), FailureKind::Deadline, "{error}");
    }
}

/// The calls of an instance are everybody's, whoever made the first of them.
async fn calls_of_others_go_on_when_a_plugin_and_its_threads_are_gone<P: Puppet>() {
    let gate = Gate::default();
    let waiting = gate.clone();
    let server = Server::start(move |seen| match &*seen.target {
        "/held" => [vec![Step::Wait(waiting.clone())], ok("held")].concat(),
        _ => ok(""),
    })
    .await;
    let billing = Service::new(server.origin().parse().unwrap());
    let config = config!(services = [("billing".to_owned(), billing)].into());
    let instance = worker_with(config);
    let runtime = PluginRuntime::new(Limits::default()).unwrap();
    let puppet = runtime.load(&P::component()).unwrap();
    let pool = PluginPool::new(&puppet, instance.clone(), options(|_| {})).unwrap();
    let things = ["spin-for 200000000", "ask http://billing.service.internal/"];
    attributes(&pool, &things).await;
    assert_eq!(pool.stats().moved, 1);
    let held = instance.rest_get("http://billing.service.internal/held");
    let held = tokio::spawn(held.into_future());
    server
        .wait_for("the call", |record| record.requests.len() == 2)
        .await;
    drop((pool, puppet, runtime));
    gate.open();
    assert_eq!(held.await.unwrap().unwrap().text(), "held");
}

/// Else an outage of a service would outlive itself.
async fn one_that_waits_for_a_service_at_its_start_is_not_set_aside<P: Puppet>() {
    const TIME: Duration = Duration::from_secs(4);
    loop {
        let server = Server::start(|_| vec![Step::Stall]).await;
        let pool = asking::<P>(&server, |it| {
            it.decision_timeout = TIME;
            let rule = "compute-and-ask http://billing.service.internal/";
            it.settings.insert("check".into(), rule.into());
        });
        let mut failing = JoinSet::new();
        for _ in 0..3 {
            let pool = pool.clone();
            failing.spawn(async move { failure(&pool, &[]).await });
        }
        let asked = server.wait_for("the questions", |record| record.requests.len() == 3);
        let is_early = timeout(TIME / 2, asked).await.is_ok();
        for error in failing.join_all().await {
            assert_eq!(error.kind(), FailureKind::Deadline, "{error}");
        }
        // Where there was little of the processor, they may have computed until the end.
        if pool.stats().moved > 0 && is_early {
            assert!(!pool.is_set_aside());
            return;
        }
    }
}

async fn one_that_says_that_it_cannot_decide_is_kept<P: Puppet>() {
    let pool = pool::<P>(|_| {});
    for _ in 0..10 {
        let error = failure(&pool, &["error billing is down"]).await;
        assert_eq!(error.kind(), FailureKind::Error);
        assert_eq!(error.to_string(), "billing is down");
    }
    assert_eq!(pool.stats().started, 1);
}

async fn what_breaks_the_contract_is_not_decided<P: Puppet>() {
    let pool = pool::<P>(|it| it.reserved_fields = vec!["x-internal-".into()]);
    for (thing, words) in [
        ("answer 302", "302 is a code of a redirect"),
        ("set host evil.example", "host belongs to the proxy"),
        ("set X-Internal-User root", "x-internal-user is reserved"),
        ("remove x-internal-user", "x-internal-user is reserved"),
        ("reply x-internal-user a", "x-internal-user is reserved"),
        ("to //evil.example", "uri: "),
        ("attribute Reason a", "no name"),
    ] {
        let error = failure(&pool, &[thing]).await;
        assert_eq!(error.kind(), FailureKind::Invalid, "{thing}: {error}");
        assert!(error.to_string().contains(words), "{thing}: {error}");
    }
}

async fn nobody_is_asked_about_what_is_no_request<P: Puppet>() {
    let pool = pool::<P>(|_| {});
    let request = Request {
        source: Some(Endpoint {
            address: "localhost".into(),
            port: None,
        }),
        ..to_do(&[])
    };
    let error = pool.route(request).await.unwrap_err();
    assert_eq!(
        (error.kind(), pool.stats().started),
        (FailureKind::Invalid, 0)
    );
}

async fn an_instance_serves_as_many_decisions_as_the_operator_says<P: Puppet>() {
    for (limit, expected) in [(1, ["1", "1", "1", "1"]), (3, ["1", "2", "3", "1"])] {
        let pool = pool::<P>(|it| it.decisions_per_instance = NonZeroU32::new(limit).unwrap());
        for asked in expected {
            assert_eq!(shown(&pool, "asked").await, asked);
        }
    }
}

async fn a_new_instance_has_nothing_of_those_before<P: Puppet>() {
    let pool = pool::<P>(|it| {
        it.decisions_per_instance = NonZeroU32::MIN;
        it.instances = 2;
    });
    for round in 0..20 {
        let bytes = if round % 2 == 0 { 300_000 } else { 6_000_000 };
        let leave = format!("leave {bytes}");
        let shown = attributes(&pool, &["show left", "show asked", &leave]).await;
        let shown: Vec<usize> = shown.iter().map(|(_, it)| it.parse().unwrap()).collect();
        assert!(shown[0] < 1000, "{} bytes of another", shown[0]);
        assert_eq!((shown[1], shown[2]), (1, bytes));
    }
}

async fn where_each_decides_once_one_that_spins_or_traps_harms_no_other<P: Puppet>() {
    let pool = pool::<P>(|it| {
        it.decisions_per_instance = NonZeroU32::MIN;
        it.instances = 4;
        it.decision_timeout = Duration::from_millis(300);
    });
    for _ in 0..5 {
        let (spinning, trapping, well) = tokio::join!(
            failure(&pool, &["leave 300000", "spin"]),
            failure(&pool, &["leave 300000", "trap"]),
            attributes(&pool, &["show left"]),
        );
        assert_eq!(spinning.kind(), FailureKind::Deadline, "{spinning}");
        assert_eq!(trapping.kind(), FailureKind::Trap, "{trapping}");
        let left: usize = well[0].1.parse().unwrap();
        assert!(left < 1000, "{left} bytes of another");
    }
    while pool.stats().in_flight > 0 {
        tokio::task::yield_now().await;
    }
}

async fn so_many_decide_at_a_time_so_many_wait_and_the_rest_fails_at_once<P: Puppet>() {
    let gate = Gate::default();
    let waiting = gate.clone();
    let server = Server::start(move |_| [vec![Step::Wait(waiting.clone())], ok("")].concat()).await;
    let pool = asking::<P>(&server, |it| (it.instances, it.queue) = (2, 1));
    let mut asking = JoinSet::new();
    for number in 1..=3 {
        let asked = pool.clone();
        let ask = "ask http://billing.service.internal/";
        asking.spawn(async move { attributes(&asked, &[ask]).await });
        while pool.stats().in_flight + pool.stats().waiting < number {
            tokio::task::yield_now().await;
        }
    }
    let error = failure(&pool, &[]).await;
    assert_eq!(error.kind(), FailureKind::Queue, "{error}");
    for _ in 0..3 {
        gate.open();
    }
    assert_eq!(asking.join_all().await.len(), 3);
    assert_eq!(pool.stats().started, 2);
}

async fn waiting_for_an_instance_is_a_part_of_the_time<P: Puppet>() {
    let pool = pool::<P>(|it| {
        it.instances = 1;
        it.decision_timeout = Duration::from_millis(200);
    });
    let spinning = {
        let pool = pool.clone();
        tokio::spawn(async move {
            let request = to_do(&["spin"]);
            pool.route(request).await.unwrap_err()
        })
    };
    while pool.stats().in_flight == 0 {
        tokio::task::yield_now().await;
    }
    let request = Request {
        time_left: 1,
        ..to_do(&[])
    };
    let error = pool.route(request).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Deadline);
    assert!(error.to_string().contains("was free"), "{error}");
    assert_eq!(spinning.await.unwrap().kind(), FailureKind::Deadline);
}

async fn a_plugin_that_cannot_work_here_says_so_before_its_first_decision<P: Puppet>() {
    for (setting, kind, words) in [
        ("no tariff is set", FailureKind::Error, "no tariff is set"),
        ("trap", FailureKind::Trap, "unreachable"),
        ("spin", FailureKind::Deadline, "over"),
    ] {
        let pool = pool::<P>(|it| {
            it.decision_timeout = Duration::from_millis(500);
            it.settings.insert("check".into(), setting.into());
        });
        let error = pool.check().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(failure(&pool, &[]).await.kind(), kind);
    }
    let pool = pool::<P>(|_| {});
    pool.check().await.unwrap();
    attributes(&pool, &[]).await;
    // The instance that was asked is the one that decides.
    assert_eq!(pool.stats().started, 1);
}

#[test]
fn a_plugin_that_decides_nothing_is_refused() {
    let runtime = PluginRuntime::new(Limits::default()).unwrap();
    let command = runtime.load(&plugin::command("ask")).unwrap();
    let error = PluginPool::new(&command, worker(), PoolOptions::default()).unwrap_err();
    let message = format!("{error:#}");
    assert!(message.contains("routing:contract/router"), "{message}");
}
