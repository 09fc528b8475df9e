//! A signal ends the program whatever it is doing, and nothing is left behind.

use std::fs;
use support::{
    process::{self, Running, run},
    server::Server,
    steps::{Gate, Step, head, ok, raw},
};
use tokio::task::spawn_blocking;

/// Signals that ask a program to end, each with the exit code that says so.
const SIGNALS: [(&str, i32); 3] = [("HUP", 129), ("INT", 130), ("TERM", 143)];

/// More than a pipe holds: all of it can be written only if it is being read.
const INPUT: usize = 1 << 20;

#[tokio::test]
async fn a_signal_while_standard_input_is_read_ends_the_program() {
    let server = Server::start(|_| ok("x")).await;
    let url = server.url("/");
    // Which of two things was looked at first was a matter of chance once.
    for _ in 0..4 {
        for (signal, code) in SIGNALS {
            let mut program = Running::start(process::rest_client(), ["post", &url, "-d", "@-"]);
            program.write(&vec![b'x'; INPUT]).await;
            program.signal(signal).await;
            let ended = program.ended().await;
            assert_eq!(ended.code(), code, "{signal}: {}", ended.stderr);
        }
    }
    assert_eq!(server.record().accepted, 0);
}

#[tokio::test]
async fn a_signal_while_a_file_is_read_ends_the_program() {
    let directory = tempfile::tempdir().unwrap();
    let fifo = directory.path().join("fifo");
    let made = run("mkfifo", [&fifo], b"").await;
    assert_eq!(made.code(), 0, "{}", made.stderr);
    let name = fifo.display().to_string();
    let program = Running::start(
        process::rest_client(),
        ["get", "http://127.0.0.1:1/", "--config", &name],
    );
    // It can be opened once the program has opened it, which then waits for what
    // is written here.
    let writer = spawn_blocking(move || fs::OpenOptions::new().write(true).open(fifo));
    let _writer = writer.await.unwrap().unwrap();
    program.signal("TERM").await;
    assert_eq!(program.ended().await.code(), 143);
}

#[tokio::test]
async fn a_signal_leaves_no_file_behind() {
    let server = Server::start(|_| {
        vec![
            head("200 OK", &[("content-length", "9")]),
            raw("abc"),
            Step::Stall,
        ]
    })
    .await;
    let url = server.url("/");
    for (number, (signal, code)) in SIGNALS.into_iter().enumerate() {
        let directory = tempfile::tempdir().unwrap();
        let [old, new] = ["old", "new"].map(|name| directory.path().join(name));
        fs::write(&old, "as it was").unwrap();
        for (count, file) in [&old, &new].into_iter().enumerate() {
            let program = Running::start(
                process::rest_client(),
                ["get", &url, "-o", file.to_str().unwrap()],
            );
            let requests = 2 * number + count + 1;
            server
                .wait_for("the request", |record| record.requests.len() == requests)
                .await;
            program.signal(signal).await;
            let ended = program.ended().await;
            assert_eq!(ended.code(), code, "{signal}: {}", ended.stderr);
        }
        let names: Vec<_> = fs::read_dir(directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["old"], "{signal}");
        assert_eq!(fs::read(&old).unwrap(), b"as it was");
    }
}

/// As `nohup` and a shell's `&` have it.
#[tokio::test]
async fn a_signal_that_was_ignored_at_the_start_stays_ignored() {
    let gate = Gate::default();
    let held = gate.clone();
    let server =
        Server::start(move |_| [vec![Step::Wait(held.clone())], ok("here")].concat()).await;
    for signal in ["HUP", "INT"] {
        let script = format!(
            "trap '' {signal}; exec '{}' get {}",
            process::rest_client().display(),
            server.url("/")
        );
        let program = Running::start("sh", ["-c", &script]);
        let seen = server.record().requests.len();
        server
            .wait_for("the request", |record| record.requests.len() > seen)
            .await;
        program.signal(signal).await;
        gate.open();
        let ended = program.ended().await;
        assert_eq!((ended.code(), &*ended.text()), (0, "here"), "{signal}");
    }
}
