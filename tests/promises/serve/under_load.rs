//! What a plugin does to one caller is nobody else's trouble, and neither is a new version,
//! while `rest-client load` counts every reply.

use super::Serving;
use crate::worker;
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};
use support::process::{rest_client, run};
use tokio::task::JoinHandle;

/// So many honest calls, eight at a time. The result is the report.
fn load(serving: &Serving, calls: &'static str) -> JoinHandle<Value> {
    let url = serving.url("/hello");
    tokio::spawn(async move {
        let arguments = ["load", &url, "-n", calls, "-c", "8", "--json"];
        let ended = run(rest_client(), arguments, b"").await;
        assert_eq!(ended.code(), 0, "{}", ended.stderr);
        ended.json()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_makes_a_plugin_trap_spin_or_hoard_harms_himself() {
    let arguments = ["--decision-timeout", "2s", "--instances", "32"];
    let serving = Serving::start("website", &arguments).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let attacks = Arc::new(AtomicU64::new(0));
    let mut attackers = Vec::new();
    for path in [
        "/trap",
        "/trap",
        "/trap",
        "/fields",
        "/spin",
        "/much-then-trap",
        "/half",
    ] {
        let (url, is_over, attacks) = (serving.url(path), is_over.clone(), attacks.clone());
        attackers.push(tokio::spawn(async move {
            let worker = worker();
            while !is_over.load(Relaxed) {
                let reply = worker.rest_get(&url).await;
                assert!(reply.is_err() || reply.unwrap().status() == 503);
                attacks.fetch_add(1, Relaxed);
            }
        }));
    }
    let report = load(&serving, "3000").await.unwrap();
    is_over.store(true, Relaxed);
    for attacker in attackers {
        attacker.await.unwrap();
    }
    assert_eq!(report["statuses"], json!({"200": 3000}), "{report}");
    assert_eq!(report["errors"], json!({}), "{report}");
    assert!(attacks.load(Relaxed) > 100, "{attacks:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_versions_one_after_the_other_lose_no_request() {
    let mut serving = Serving::start("website", &[]).await;
    let load = load(&serving, "5000");
    let mut reloads = 0;
    while !load.is_finished() || reloads == 0 {
        serving.process.signal("HUP").await;
        serving
            .process
            .wait_for_next_complaint("has taken over")
            .await;
        reloads += 1;
    }
    let report = load.await.unwrap();
    assert_eq!(report["statuses"], json!({"200": 5000}), "{report}");
    assert_eq!(report["errors"], json!({}), "{report}");
}
