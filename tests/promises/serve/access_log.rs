//! The access log: a line for each decision, whatever becomes of who asked and of the disk.

use super::{
    Serving, folder,
    operation::{ASKED, decide, send},
};
use crate::worker;
use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};
use tokio::net::TcpStream;

pub(super) fn lines(file: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(file).unwrap();
    text.lines()
        .map(|it| serde_json::from_str(it).unwrap())
        .collect()
}

#[tokio::test]
async fn the_access_log_has_a_line_for_each_decision_and_goes_on_in_a_new_file() {
    let folder = folder();
    let (log, old) = (
        folder.path().join("access.log"),
        folder.path().join("old.log"),
    );
    let listen = [
        "--listen",
        "127.0.0.1:0",
        "--access-log",
        log.to_str().unwrap(),
    ];
    let mut serving = Serving::start_in(folder, "puppet", &listen).await;
    let url = serving.url("/v1/route/puppet");
    decide(&url).await;
    let request = r#"{"protocol": "sip", "method": "INVITE", "target": "sip:bob@h?x", "id": "42",
        "source": {"address": "192.0.2.7"}, "fields": [{"name": "x-do", "value": "trap"}]}"#;
    let request = worker()
        .rest_post(&url, request)
        .content_type("application/json");
    request.await.unwrap();
    fs::rename(&log, &old).unwrap();
    serving.process.signal("HUP").await;
    serving.process.wait_for_complaint("has taken over").await;
    decide(&url).await;
    serving.process.signal("TERM").await;
    // Nothing of it is lost at the end.
    let Serving {
        process, folder, ..
    } = serving;
    assert_eq!(process.ended().await.code(), 0);
    let old = lines(&old);
    assert_eq!((old.len(), lines(&log).len()), (2, 1));
    assert_eq!(old[0]["decision"], "continue");
    let mut trapped = old[1].clone();
    for measured in ["ts", "ms"] {
        assert!(trapped[measured].as_f64().unwrap() > 0.0, "{trapped}");
        trapped.as_object_mut().unwrap().remove(measured);
    }
    let expected = serde_json::json!({"plugin": "puppet", "id": "42", "protocol": "sip",
        "method": "INVITE", "target": "sip:bob@h", "source": "192.0.2.7",
        "decision": "answer", "code": 500, "failed": "trap"});
    assert_eq!(trapped, expected);
    drop(folder);
}

/// A server with a decision under way that never ends by itself, its access log, and whoever
/// has asked.
pub(super) async fn spinning(arguments: &[&str]) -> (Serving, PathBuf, TcpStream) {
    let folder = folder();
    let log = folder.path().join("access.log");
    let always = [
        "--listen=127.0.0.1:0",
        "--admin=127.0.0.1:0",
        "--decision-timeout=1h",
        "--access-log",
        log.to_str().unwrap(),
    ];
    let serving = Serving::start_in(folder, "puppet", &[&always[..], arguments].concat()).await;
    let mut connection = TcpStream::connect(&serving.at).await.unwrap();
    send(&mut connection, &ASKED.replace("show settings", "spin")).await;
    serving
        .wait_for_metric("rest_client_decisions_in_flight 1")
        .await;
    (serving, log, connection)
}

/// The plugin worked for him, and may have asked services.
#[tokio::test]
async fn a_decision_whose_asker_goes_away_has_a_line_and_is_counted() {
    let (serving, log, connection) = spinning(&[]).await;
    drop(connection);
    serving
        .wait_for_metric("rest_client_decisions_total{plugin=\"puppet\",outcome=\"gone\"} 1")
        .await;
    serving.process.signal("TERM").await;
    let Serving {
        process,
        folder: _folder,
        ..
    } = serving;
    assert_eq!(process.ended().await.code(), 0);
    let lines = lines(&log);
    assert_eq!(lines.len(), 1);
    assert_eq!(
        (&lines[0]["decision"], &lines[0]["failed"]),
        (&"none".into(), &"gone".into())
    );
}

/// Rotating is what helps then.
#[tokio::test]
async fn a_full_disk_is_counted_and_does_not_keep_a_new_file_from_being_opened() {
    let folder = folder();
    let log = folder.path().join("access.log");
    symlink("/dev/full", &log).unwrap();
    let arguments = [
        "--listen=127.0.0.1:0",
        "--admin=127.0.0.1:0",
        "--access-log",
        log.to_str().unwrap(),
    ];
    let mut serving = Serving::start_in(folder, "puppet", &arguments).await;
    let url = serving.url("/v1/route/puppet");
    decide(&url).await;
    serving
        .wait_for_metric("rest_client_access_log_lost_total 1")
        .await;
    serving.process.wait_for_complaint("can't be written").await;
    fs::remove_file(&log).unwrap();
    serving.process.signal("HUP").await;
    serving.process.wait_for_complaint("has taken over").await;
    decide(&url).await;
    serving.process.signal("TERM").await;
    let Serving {
        process,
        folder: _folder,
        ..
    } = serving;
    assert_eq!(process.ended().await.code(), 0);
    assert_eq!(lines(&log).len(), 1);
}
