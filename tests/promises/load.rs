//! `load` makes as many calls as it is told to, and tells what became of them.

use crate::command_line::{assert_refused, rest_client};
use support::{
    server::Server,
    steps::{Step, ok, reply},
    unresponsive::Refusing,
};

#[tokio::test]
async fn load_tells_how_long_calls_took_and_what_became_of_them() {
    let server = Server::start(|seen| match &*seen.target {
        "/busy" => reply("503 Busy", &[], b""),
        _ => ok("here"),
    })
    .await;
    let ended = rest_client(&["load", &server.url("/"), "-n", "200", "-c", "8", "--json"]).await;
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    let report = ended.json();
    assert_eq!(report["calls"], 200);
    assert_eq!(report["statuses"], serde_json::json!({"200": 200}));
    assert_eq!(report["errors"], serde_json::json!({}));
    assert_eq!(report["stats"]["in_flight"], 0);
    let time = |name: &str| report["milliseconds"][name].as_f64().unwrap();
    assert!(0.0 < time("min") && time("min") <= time("p50"));
    assert!(time("p50") <= time("p99") && time("p99") <= time("max"));
    assert!(time("max") / 1e3 <= report["seconds"].as_f64().unwrap());
    assert_eq!(server.record().requests.len(), 200);

    let ended = rest_client(&["load", &server.url("/busy"), "-n", "3"]).await;
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    for line in ["3 calls in ", "times in ms: min ", "status 503: 3\n"] {
        assert!(ended.text().contains(line), "{}", ended.text());
    }
}

#[tokio::test]
async fn load_makes_no_more_instances_than_calls() {
    let server = Server::start(|_| ok("")).await;
    let most = usize::MAX.to_string();
    let arguments = ["load", &server.url("/"), "-n", "3", "-w", &most];
    let ended = rest_client(&arguments).await;
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    assert_eq!(server.record().requests.len(), 3);
}

#[tokio::test]
async fn load_sends_what_a_single_call_would() {
    let server = Server::start(|_| ok("")).await;
    let url = server.url("/");
    let ended = rest_client(&["load", &url, "-n", "2", "-d", "a=b", "-H", "X-One: 1"]).await;
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    let seen = server.record().requests;
    assert_eq!(seen.len(), 2);
    for seen in seen {
        assert_eq!((&*seen.method, &seen.body[..]), ("POST", &b"a=b"[..]));
        assert_eq!(seen.header("x-one"), ["1"]);
    }
    rest_client(&["load", &url, "-n", "1", "-X", "PURGE"]).await;
    assert_eq!(server.record().requests.pop().unwrap().method, "PURGE");
}

/// Two instances with a cap of 2 have room for 4 calls. The other 8 are rejected,
/// and the report counts each.
#[tokio::test]
async fn load_counts_the_errors_by_kind_and_the_moments_at_the_cap() {
    let server = Server::start(|_| vec![Step::Stall]).await;
    let ended = rest_client(&[
        "load",
        &server.url("/"),
        "-n",
        "12",
        "-c",
        "12",
        "--workers",
        "2",
        "--cap",
        "2",
        "--at-cap",
        "reject",
        "--transfer-timeout",
        "500ms",
        "--json",
    ])
    .await;
    // The code of the most frequent error.
    assert_eq!(ended.code(), 75, "{}", ended.stderr);
    let report = ended.json();
    assert_eq!(
        report["errors"],
        serde_json::json!({"at-cap": 8, "transfer-timeout": 4})
    );
    assert_eq!(report["stats"]["rejected"], 8);
    assert_eq!(report["workers"].as_array().unwrap().len(), 2);

    let refusing = Refusing::default();
    let url = refusing.url();
    let ended = rest_client(&["load", &url, "-n", "5"]).await;
    assert_eq!(ended.code(), 7, "{}", ended.stderr);
    let line = "error connection-refused: 5, as in: ";
    assert!(ended.text().contains(line), "{}", ended.text());

    assert_refused(
        &rest_client(&["load", &url, "-n", "0"]).await,
        2,
        "1 or more",
    );
    assert_refused(&rest_client(&["load", "ftp://x/"]).await, 3, "http");
}
