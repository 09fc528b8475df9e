//! Standard output and standard error that can't be written to: the exit code
//! says it, and nothing panics.

use crate::command_line::rest_client;
use support::{
    process::{self, Ended, run},
    server::Server,
    steps::ok,
};

/// Runs our program in a shell, with these redirections after its arguments.
async fn redirected(arguments: &str, redirections: &str) -> Ended {
    let program = process::rest_client().display();
    let script = format!("'{program}' {arguments} {redirections}");
    let ended = run("sh", ["-c", &script], b"").await;
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    ended
}

#[tokio::test]
async fn a_standard_output_that_takes_nothing_is_an_exit_code() {
    let server = Server::start(|_| ok("body")).await;
    let get = format!("get {}", server.url("/"));
    let load = format!("load -n 1 {}", server.url("/"));
    let json = format!("{get} --json");
    for arguments in [
        &*get,
        &load,
        &json,
        "--help",
        "get --help",
        "--version",
        "man",
        "completions bash",
        "config show",
    ] {
        for output in [">/dev/full", ">&-"] {
            let ended = redirected(arguments, output).await;
            assert_eq!(ended.code(), 23, "{arguments} {output}: {}", ended.stderr);
        }
        // That nobody wants it is no error.
        let ended = redirected(arguments, ">/dev/null").await;
        assert_eq!(ended.code(), 0, "{arguments}: {}", ended.stderr);
    }
}

#[tokio::test]
async fn a_standard_error_that_takes_nothing_changes_no_exit_code() {
    let server = Server::start(|_| ok("body")).await;
    let get = format!("get {}", server.url("/"));
    for error in ["2>/dev/full", "2>&-"] {
        for (arguments, code) in [
            ("get http://127.0.0.1:1/", 7),
            ("get http://127.0.0.1:1/ -vv", 7),
            ("get", 2),
            ("config check /nonexistent", 2),
            (&format!("{get} -vv --ssl-verifypeer=false"), 0),
        ] {
            let ended = redirected(arguments, error).await;
            assert_eq!(ended.code(), code, "{arguments} {error}");
        }
    }
}

#[tokio::test]
async fn standard_input_is_read_once() {
    let ended = rest_client(&["post", "http://127.0.0.1:1/", "-d", "@-", "-H", "@-"]).await;
    assert_eq!(ended.code(), 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("standard input"), "{}", ended.stderr);
}
