//! Debian's Kamailio, with README's configuration.

use super::Serving;
use crate::puppets::Puppet;
use std::net::SocketAddr;
use support::{
    kamailio::{Kamailio, Phone},
    server::Server,
    sipp::{Callee, Calls},
    steps::{Gate, Step, ok, reply},
};

const CONFIGURATION: &str = include_str!("../../../deploy/kamailio/kamailio.cfg");

/// Kamailio between two plugins, by README's configuration for where things are here. The
/// name of the second one is that of its plugin.
async fn between(credit: &Serving, location: (&Serving, &str), way: Way) -> Kamailio {
    let configuration = |address: SocketAddr| {
        CONFIGURATION
            .replace("127.0.0.1:5060", &address.to_string())
            .replace("127.0.0.1:8080", &credit.at)
            .replace("127.0.0.1:8081", &location.0.at)
            .replace("/v1/route/location", &format!("/v1/route/{}", location.1))
    };
    let defined: &[&str] = match way {
        Way::Message => &[],
        Way::Json => &["WITH_JSON"],
    };
    Kamailio::start(configuration, defined).await
}

/// How it asks: with the message as it came, or with JSON.
#[derive(Clone, Copy)]
enum Way {
    Message,
    Json,
}

#[tokio::test]
#[cfg_attr(
    not(has_kamailio),
    ignore = "Kamailio is not installed: apt-get install kamailio kamailio-extra-modules kamailio-utils-modules"
)]
async fn those_call_who_have_credit_and_are_told_where_the_callee_is() {
    calls(Way::Message).await;
}

#[tokio::test]
#[cfg_attr(
    not(has_kamailio),
    ignore = "Kamailio is not installed: apt-get install kamailio kamailio-extra-modules kamailio-utils-modules"
)]
async fn the_same_is_decided_when_it_asks_with_json() {
    calls(Way::Json).await;
}

async fn calls(way: Way) {
    let billing = Server::start(|seen| match &*seen.target {
        "/credit?caller=alice" => ok("12.50 EUR"),
        "/credit?caller=bob" => ok("0.00 EUR"),
        _ => reply("500 Oops", &[], b""),
    })
    .await;
    let registrar = Server::start(|seen| match &*seen.target {
        "/where?is=sip%3Acarol%40example.org" => {
            ok("sip:carol@192.0.2.7\nsip:carol@192.0.2.8 50\n")
        }
        _ => reply("404 Not Found", &[], b""),
    })
    .await;
    let credit = Serving::asking("credit-check", ("billing", &billing), &[]).await;
    let location = Serving::asking("location", ("location", &registrar), &[]).await;
    let kamailio = between(&credit, (&location, "location"), way).await;
    let phone = Phone::new(kamailio.address()).await;
    let call = async |from: &str, to: &str| phone.ask(&phone.request("INVITE", from, to)).await;

    let refused = call("bob", "carol").await;
    assert!(
        refused.starts_with("SIP/2.0 402 Payment Required\r\n"),
        "{refused}"
    );
    let redirected = call("alice", "carol").await;
    assert!(redirected.starts_with("SIP/2.0 302 "), "{redirected}");
    for contact in [
        "Contact: <sip:carol@192.0.2.7>;q=1\r\n",
        "Contact: <sip:carol@192.0.2.8>;q=0.050\r\n",
    ] {
        assert!(redirected.contains(contact), "{redirected}");
    }
    let nowhere = call("alice", "nobody").await;
    assert!(nowhere.starts_with("SIP/2.0 404 "), "{nowhere}");
    // Nobody gets around the plugins by a tag that he makes up.
    let tagged = phone.request("INVITE", "bob", "carol");
    let tagged = tagged.replace(
        "To: <sip:carol@example.org>",
        "To: <sip:carol@example.org>;tag=x",
    );
    let tagged = phone.ask(&tagged).await;
    assert!(tagged.starts_with("SIP/2.0 481 "), "{tagged}");
    let route = format!("Route: <sip:{};lr>\r\nMax-Forwards", kamailio.address());
    let routed = phone.request("INVITE", "bob", "carol");
    let routed = routed.replace(
        "To: <sip:carol@example.org>",
        "To: <sip:carol@example.org>;tag=x",
    );
    let routed = phone.ask(&routed.replace("Max-Forwards", &route)).await;
    assert!(routed.starts_with("SIP/2.0 402 "), "{routed}");
    // The service fails, and with it the plugin: nobody calls.
    let failed = call("mallory", "carol").await;
    assert!(failed.starts_with("SIP/2.0 500 "), "{failed}");
}

for_each_wasi! {
    crate::puppets::Plain, crate::puppets::Async:
    #[cfg_attr(
        not(has_kamailio),
        ignore = "Kamailio is not installed: apt-get install kamailio kamailio-extra-modules kamailio-utils-modules"
    )]
    no_sip_worker_waits_for_a_decision_and_a_call_that_may_goes_on,
}

/// It has two of them, and no more than four others that wait for decisions.
async fn no_sip_worker_waits_for_a_decision_and_a_call_that_may_goes_on<P: Puppet>() {
    let gate = Gate::default();
    let waiting = gate.clone();
    let billing =
        Server::start(move |_| [vec![Step::Wait(waiting.clone())], ok("1.00")].concat()).await;
    let credit = Serving::asking("credit-check", ("billing", &billing), &[]).await;
    let location = Serving::start(P::NAME, &[]).await;
    let kamailio = between(&credit, (&location, P::NAME), Way::Message).await;
    let phone = Phone::new(kamailio.address()).await;
    let callee = Phone::new(kamailio.address()).await;
    let to = format!("sip:carol@{}", callee.address());
    let invites: Vec<String> = (0..3)
        .map(|_| phone.request("INVITE", "alice", &to))
        .collect();
    for invite in &invites {
        phone.send(invite).await;
    }
    billing
        .wait_for("three questions", |record| record.requests.len() == 3)
        .await;
    let other = Phone::new(kamailio.address()).await;
    for _ in 0..10 {
        let reply = other.ask(&other.request("OPTIONS", "bob", "carol")).await;
        assert!(reply.starts_with("SIP/2.0 405 "), "{reply}");
    }
    for _ in 0..3 {
        gate.open();
    }
    let relayed = callee.receive().await;
    assert!(
        relayed.starts_with(&format!("INVITE {to} SIP/2.0\r\n")),
        "{relayed}"
    );
}

/// Whole calls, 20 at a time: each is decided about, answered by who was called, and ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(all(has_kamailio, has_sipp)),
    ignore = "Kamailio or sipp is not installed: apt-get install kamailio kamailio-extra-modules kamailio-utils-modules sip-tester"
)]
async fn calls_of_sipp_are_admitted_and_refused_by_the_plugin() {
    let billing = Server::start(|seen| match &*seen.target {
        "/credit?caller=alice" => ok("12.50 EUR"),
        "/credit?caller=bob" => ok("0.00 EUR"),
        _ => reply("500 Oops", &[], b""),
    })
    .await;
    let credit = Serving::asking("credit-check", ("billing", &billing), &[]).await;
    let location = Serving::start("puppet", &[]).await;
    let kamailio = between(&credit, (&location, "puppet"), Way::Message).await;
    let callee = Callee::start().await;
    for (calls, count) in [(Calls::Admitted, 100), (Calls::Refused, 50)] {
        if let Err(what) = callee.call(calls, count, kamailio.address()).await {
            panic!("{calls:?}: {what}");
        }
    }
    let asked = |caller: &str| {
        let record = billing.record();
        let about = record
            .requests
            .iter()
            .filter(|it| it.target.ends_with(caller));
        about.count()
    };
    assert_eq!((asked("alice"), asked("bob")), (100, 50));
}
