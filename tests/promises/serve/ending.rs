//! The end of a server: what was sent before is answered, and what waits for nothing is not
//! waited for.

use super::{
    Serving,
    access_log::{lines, spinning},
    configuration, folder,
    operation::{ASKED, head_of_reply, send},
};
use std::{fs, time::Duration};
use support::{
    plugin,
    process::{Running, rest_client},
    server::Server,
    steps::Step,
};
use tokio::{io::AsyncReadExt as _, net::TcpStream, time::timeout};

/// It is stopped while they come, so that all of them wait in the kernel when it is told.
#[tokio::test]
async fn whoever_has_asked_before_sigterm_is_answered() {
    let serving = Serving::start("puppet", &[]).await;
    let mut kept = Vec::new();
    for _ in 0..30 {
        let mut connection = TcpStream::connect(&serving.at).await.unwrap();
        send(&mut connection, ASKED).await;
        let reply = head_of_reply(&mut connection).await;
        assert!(!reply.contains("connection: close"), "{reply}");
        kept.push(connection);
    }
    serving.process.signal("STOP").await;
    let mut all = kept;
    for _ in 0..30 {
        all.push(TcpStream::connect(&serving.at).await.unwrap());
    }
    for connection in &mut all {
        send(connection, ASKED).await;
    }
    serving.process.signal("TERM").await;
    serving.process.signal("CONT").await;
    for connection in &mut all {
        let reply = head_of_reply(connection).await;
        assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
        // One that was written before the server had looked at its signals says nothing of it.
        let more = connection.read(&mut [0]).await.unwrap();
        assert_eq!(more, 0, "{reply}");
    }
    assert_eq!(serving.process.ended().await.code(), 0);
}

/// The plugin worked for it, and may have asked services.
#[tokio::test]
async fn what_is_given_up_at_the_end_has_a_line_in_the_access_log() {
    for (drain_timeout, signals) in [("100ms", 1), ("1h", 2)] {
        let (mut serving, log, _connection) = spinning(&["--drain-timeout", drain_timeout]).await;
        for _ in 0..signals {
            serving.process.signal("TERM").await;
            serving.process.wait_for_complaint("ending").await;
        }
        let Serving {
            process,
            folder: _folder,
            ..
        } = serving;
        assert_eq!(process.ended().await.code(), 143);
        let lines = lines(&log);
        assert_eq!(lines.len(), 1);
        assert_eq!(
            (&lines[0]["decision"], &lines[0]["failed"]),
            (&"none".into(), &"ended".into())
        );
    }
}

/// A plugin that is being compiled, or asked whether it can work, may take long.
#[tokio::test]
async fn it_can_be_told_to_end_before_it_listens() {
    let billing = Server::start(|_| vec![Step::Stall]).await;
    let folder = folder();
    let config = configuration(&folder, Some(("billing", &billing)));
    let file = folder.path().join("puppet.wasm");
    fs::write(&file, plugin::built("puppet")).unwrap();
    for (asked, signal) in ["TERM", "INT"].iter().enumerate() {
        let arguments = [
            "serve",
            "--listen=127.0.0.1:0",
            "--set=check=trap-unless http://billing.service.internal/",
            "--decision-timeout=1h",
            "--config",
            &config,
            file.to_str().unwrap(),
        ];
        let starting = Running::start(rest_client(), arguments);
        billing
            .wait_for("its question", |record| record.requests.len() > asked)
            .await;
        starting.signal(signal).await;
        // Its question alone would take 20 s.
        let ended = timeout(Duration::from_secs(10), starting.ended()).await;
        let ended = ended.expect("it ends at once");
        assert_eq!(ended.code(), 143, "{}", ended.stderr);
        assert!(
            ended.stderr.contains("before the plugin was loaded"),
            "{}",
            ended.stderr
        );
    }
}
