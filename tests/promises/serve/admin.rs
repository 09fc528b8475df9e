//! What an operator sees of a server.

use super::Serving;
use crate::worker;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};
use support::{
    server::Server,
    steps::{Gate, Step, ok, reply},
};

const ADMIN: [&str; 2] = ["--admin", "127.0.0.1:0"];

async fn admin(serving: &Serving, path: &str) -> (u16, String) {
    let url = format!("http://{}{path}", serving.admin.as_ref().unwrap());
    let reply = worker().rest_get(&url).await.unwrap();
    (reply.status().as_u16(), reply.text().into_owned())
}

/// Has the puppet do one thing.
async fn decide(serving: &Serving, thing: &str) -> String {
    let json = format!(
        r#"{{"protocol": "http", "method": "GET", "target": "/",
            "fields": [{{"name": "x-do", "value": "{thing}"}}]}}"#
    );
    let request = worker().rest_post(&serving.url("/v1/route/puppet"), json);
    let reply = request.content_type("application/json").await.unwrap();
    reply.text().into_owned()
}

#[tokio::test]
async fn every_metric_is_explained_to_who_is_woken_by_it() {
    let page = include_str!("../../../docs/operations.md");
    let serving = Serving::start("puppet", &ADMIN).await;
    // Some are there once there is something to count.
    decide(&serving, "ask http://example.com/").await;
    let (_, metrics) = admin(&serving, "/metrics").await;
    let types = metrics
        .lines()
        .filter_map(|it| it.strip_prefix("# TYPE rest_client_"));
    let mut seen = 0;
    for metric in types {
        let (name, kind) = metric.split_once(' ').unwrap();
        let total = if kind == "counter" { "_total" } else { "" };
        let is_there = ['`', '{'].map(|end| page.contains(&format!("`{name}{total}{end}")));
        assert!(is_there.contains(&true), "{name}");
        seen += 1;
    }
    assert!(seen > 15, "{metrics}");
}

#[tokio::test]
async fn decisions_and_questions_are_counted_by_what_came_of_them() {
    let billing = Server::start(|_| ok("")).await;
    let serving = Serving::asking("puppet", ("billing", &billing), &ADMIN).await;
    for thing in [
        "drop",
        "answer 403",
        "answer 403",
        "answer 302",
        "trap",
        "ask http://billing.service.internal/?secret=1",
        "ask http://example.com/",
        "ask http://any.name.that.a.plugin.makes.up.service.internal/",
    ] {
        decide(&serving, thing).await;
    }
    let (status, metrics) = admin(&serving, "/metrics").await;
    assert_eq!(status, 200);
    for line in [
        r#"rest_client_decisions_total{plugin="puppet",outcome="drop"} 1"#,
        r#"rest_client_decisions_total{plugin="puppet",outcome="answer"} 2"#,
        r#"rest_client_decisions_total{plugin="puppet",outcome="continue"} 3"#,
        r#"rest_client_decisions_total{plugin="puppet",outcome="invalid"} 1"#,
        r#"rest_client_decisions_total{plugin="puppet",outcome="trap"} 1"#,
        r#"rest_client_decision_duration_seconds_count{plugin="puppet"} 8"#,
        r#"rest_client_questions_total{plugin="puppet",service="billing",result="2xx"} 1"#,
        r#"rest_client_questions_total{plugin="puppet",service="other",result="denied"} 2"#,
        r#"rest_client_question_duration_seconds_count{plugin="puppet",service="billing"} 1"#,
        "rest_client_decisions_in_flight 0",
        "rest_client_calls_denied_total 2",
        "rest_client_plugin_instances_started_total 2",
        "# EOF",
    ] {
        assert!(metrics.lines().any(|it| it == line), "{line}\n{metrics}");
    }
    assert!(!metrics.contains("secret"), "{metrics}");
}

/// Those of the version that asks, not those that there were at the start.
#[tokio::test]
async fn a_service_that_comes_with_a_new_configuration_is_counted_by_its_name() {
    let billing = Server::start(|_| ok("")).await;
    let mut serving = Serving::asking("puppet", ("billing", &billing), &ADMIN).await;
    super::configuration(&serving.folder, Some(("tariffs", &billing)));
    serving.process.signal("HUP").await;
    serving.process.wait_for_complaint("has taken over").await;
    decide(&serving, "ask http://tariffs.service.internal/").await;
    let line = r#"rest_client_questions_total{plugin="puppet",service="tariffs",result="2xx"} 1"#;
    let (_, metrics) = admin(&serving, "/metrics").await;
    assert!(metrics.lines().any(|it| it == line), "{metrics}");
}

#[tokio::test]
async fn a_server_says_whether_it_is_of_use() {
    let is_well = Arc::new(AtomicBool::new(true));
    let well = is_well.clone();
    let billing = Server::start(move |_| match well.load(Relaxed) {
        true => ok(""),
        false => reply("503 Busy", &[], b""),
    })
    .await;
    let fresh = [
        "--decisions-per-instance",
        "1",
        "--set",
        "check=trap-unless http://billing.service.internal/",
    ];
    let arguments = [&ADMIN[..], &fresh].concat();
    let serving = Serving::asking("puppet", ("billing", &billing), &arguments).await;
    assert_eq!(admin(&serving, "/healthz").await, (200, "ok\n".into()));
    assert_eq!(admin(&serving, "/readyz").await, (200, "ready\n".into()));
    is_well.store(false, Relaxed);
    // Until it is set aside, for longer each time.
    while admin(&serving, "/readyz").await.0 == 200 {
        decide(&serving, "drop").await;
    }
    assert_eq!(admin(&serving, "/healthz").await.0, 200);
    is_well.store(true, Relaxed);
    while admin(&serving, "/readyz").await.0 != 200 {}
    decide(&serving, "drop").await;
    assert_eq!(admin(&serving, "/readyz").await.0, 200);
    assert_eq!(admin(&serving, "/").await.0, 404);
}

#[tokio::test]
async fn one_that_is_ending_is_not_ready() {
    let gate = Gate::default();
    let waiting = gate.clone();
    let billing =
        Server::start(move |_| [vec![Step::Wait(waiting.clone())], ok("")].concat()).await;
    let more = ["--decision-timeout", "20s", "--drain-timeout", "20s"];
    let arguments = [&ADMIN[..], &more].concat();
    let serving = Serving::asking("puppet", ("billing", &billing), &arguments).await;
    let url = serving.url("/v1/route/puppet");
    let asking = tokio::spawn(async move {
        let json = r#"{"protocol": "http", "method": "GET", "target": "/",
            "fields": [{"name": "x-do", "value": "ask http://billing.service.internal/"}]}"#;
        let request = worker().rest_post(&url, json);
        request.content_type("application/json").await.unwrap()
    });
    billing
        .wait_for("the question", |record| record.requests.len() == 1)
        .await;
    serving.process.signal("TERM").await;
    while admin(&serving, "/readyz").await.0 == 200 {}
    assert_eq!(admin(&serving, "/readyz").await.1, "ending\n");
    gate.open();
    assert_eq!(asking.await.unwrap().status(), 200);
    assert_eq!(serving.process.ended().await.code(), 0);
}
