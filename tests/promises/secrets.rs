//! What nobody else may see need not stand among the arguments, which every
//! user of a machine can read.

use crate::command_line::{assert_refused, rest_client};
use std::{ffi::OsStr, fs, path::PathBuf};
use support::{
    process::{self, Running, run, run_with},
    server::{Seen, Server},
    steps::ok,
};
use tempfile::TempDir;

/// `alice` and `sesame`, as RFC 7617 has them.
const BASIC: &str = "Basic YWxpY2U6c2VzYW1l";

fn file(text: impl AsRef<[u8]>) -> (TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path: PathBuf = directory.path().join("file");
    fs::write(&path, text).unwrap();
    let path = path.display().to_string();
    (directory, path)
}

fn last(server: &Server) -> Seen {
    server.record().requests.pop().expect("a request")
}

#[tokio::test]
async fn header_fields_come_from_a_file_or_from_standard_input() {
    let server = Server::start(|_| ok("")).await;
    let url = server.url("/");
    let fields = b"Authorization: Bearer sesame\r\n\nX-Two:2\nx-two: \xe4";
    let (_directory, path) = file(fields);
    let at_file = format!("@{path}");
    for (argument, stdin) in [(&*at_file, &b""[..]), ("@-", fields)] {
        for command in [&["get"][..], &["load", "-n", "1"]] {
            let arguments = [command, &[&url, "-H", argument, "-H", "x-three: 3"]].concat();
            let ended = run(process::rest_client(), arguments, stdin).await;
            assert_eq!(ended.code(), 0, "{}", ended.stderr);
            let seen = last(&server);
            assert_eq!(seen.header("authorization"), ["Bearer sesame"]);
            assert_eq!(seen.header("x-two"), ["2", "\u{fffd}"]);
            assert_eq!(seen.header("x-three"), ["3"]);
        }
    }
    let (_directory, path) = file("X-One: 1\nsesame\n");
    let ended = rest_client(&["get", &url, "-H", &format!("@{path}")]).await;
    assert_refused(&ended, 43, ":2: ");
    assert!(!ended.stderr.contains("sesame"), "{}", ended.stderr);
    let ended = rest_client(&["get", &url, "-H", "@/nonexistent"]).await;
    assert_refused(&ended, 26, "/nonexistent");
}

#[tokio::test]
async fn a_user_is_named_apart_from_the_url() {
    let server = Server::start(|_| ok("")).await;
    for url in [server.url("/"), server.url_on("bob:other@127.0.0.1", "/")] {
        let ended = rest_client(&["get", &url, "-u", "alice:sesame"]).await;
        assert_eq!(ended.code(), 0, "{}", ended.stderr);
        assert_eq!(last(&server).header("authorization"), [BASIC]);
    }
    rest_client(&["get", &server.url("/"), "-u", "alice:"]).await;
    assert_eq!(last(&server).header("authorization"), ["Basic YWxpY2U6"]);
    // What is said by name comes first.
    let named = ["-H", "Authorization: Bearer t"];
    rest_client(&[&["get", &server.url("/"), "-u", "alice:sesame"], &named[..]].concat()).await;
    assert_eq!(last(&server).header("authorization"), ["Bearer t"]);
}

#[tokio::test]
async fn the_password_of_a_netrc_file_is_used_for_its_host_alone() {
    let server = Server::start(|_| ok("")).await;
    let (_directory, path) = file(
        "machine other.example login bob password wrong\n\
         machine 127.0.0.1\n  login alice\n  password \"sesame\"\n\
         default login anybody password wrong\n",
    );
    let url = server.url("/");
    for command in [&["get"][..], &["load", "-n", "1"]] {
        let arguments = [command, &[&url, "--netrc-file", &path]].concat();
        let ended = rest_client(&arguments).await;
        assert_eq!(ended.code(), 0, "{}", ended.stderr);
        assert_eq!(last(&server).header("authorization"), [BASIC]);
    }
    let (_directory, none) = file("machine other.example login bob password wrong\n");
    rest_client(&["get", &server.url("/"), "--netrc-file", &none]).await;
    assert!(last(&server).header("authorization").is_empty());
    let (_directory, broken) = file("machine 127.0.0.1\nlogin\n");
    let ended = rest_client(&["get", &server.url("/"), "--netrc-file", &broken]).await;
    assert_refused(&ended, 26, "login");
    let ended = rest_client(&["get", &server.url("/"), "--netrc-file", "/nonexistent"]).await;
    assert_refused(&ended, 26, "/nonexistent");
}

#[cfg_attr(not(has_script), ignore = "script is not installed")]
#[tokio::test]
async fn a_password_is_asked_for_and_not_shown() {
    let server = Server::start(|_| ok("the reply")).await;
    let command = format!(
        "'{}' get {} -u alice",
        process::rest_client().display(),
        server.url("/")
    );
    let mut terminal = Running::start("script", ["-qec", &command, "/dev/null"]);
    terminal.wait_for("assword").await;
    terminal.write(b"sesame\n").await;
    terminal.wait_for("the reply").await;
    let ended = terminal.ended().await;
    assert_eq!(ended.code(), 0, "{}", ended.text());
    assert!(!ended.text().contains("sesame"), "{}", ended.text());
    assert_eq!(last(&server).header("authorization"), [BASIC]);

    // A signal gives the terminal back as it was.
    let command = format!("trap : INT; {command}; stty -a");
    let mut terminal = Running::start("script", ["-qec", &command, "/dev/null"]);
    terminal.wait_for("assword").await;
    terminal.write(b"\x03").await;
    terminal.wait_for(" echo ").await;
    assert_eq!(server.record().requests.len(), 1);
}

#[tokio::test]
async fn where_there_is_no_terminal_no_password_is_waited_for() {
    let program = process::rest_client().display();
    let script = format!("exec setsid '{program}' get http://127.0.0.1:1/ -u alice");
    let ended = run("sh", ["-c", &script], b"sesame\n").await;
    assert_refused(&ended, 2, "--netrc-file");
}

/// What stands in every place where a secret may: a URL, a header field, a body, and
/// what a service is opened with.
const SECRET: &str = "sesame";

/// Commands that meet it, with a server that answers and one that is not there.
fn commands(server: &Server, service: &str, file: &str) -> Vec<Vec<String>> {
    let there = server.url_on("user:sesame@127.0.0.1", "/sesame?sesame=sesame");
    let gone = "http://user:sesame@127.0.0.1:1/sesame?sesame".to_owned();
    let (bound, unbound) = (
        format!("http://{service}.service.internal/sesame?sesame"),
        "http://other.service.internal/sesame?sesame".to_owned(),
    );
    let mut commands = Vec::new();
    for url in [&there, &gone, &bound, &unbound] {
        for command in [
            &["get", "-vv"][..],
            &["get", "-vv", "--json"],
            &["post", "-vv", "-d", SECRET],
            &[
                "get",
                "-vv",
                "--http-version",
                "2-prior-knowledge",
                "--transfer-timeout",
                "2s",
            ],
            &["load", "-vv", "-n", "2", "--json"],
        ] {
            let further = [url, "-H", "x-key: sesame", "--config", file];
            let all = command.iter().copied().chain(further);
            commands.push(all.map(str::to_owned).collect());
        }
    }
    for command in [
        &["get", "-vv", "http://user:sesame@h:port/", "--config", file][..],
        &["get", "-vv", &there, "-u", "user:sesame", "--config", file],
        &["config", "show", "--config", file],
    ] {
        commands.push(command.iter().map(|it| (*it).to_owned()).collect());
    }
    commands
}

#[tokio::test]
async fn nothing_that_a_run_prints_holds_what_nobody_is_to_read() {
    let server = Server::start(|_| ok("fine")).await;
    let directory = tempfile::tempdir().unwrap();
    let [secret, file] = ["key", "rest-client.toml"].map(|name| directory.path().join(name));
    fs::write(&secret, SECRET).unwrap();
    let text = format!(
        "[services.billing]\norigin = {:?}\n\
         headers.authorization = {{ file = {secret:?} }}\n\
         headers.x-other = {{ env = \"OPENS_BILLING\" }}\n\
         retries = 1\nfail-fast = {{ after = 1, for = \"1s\" }}\n",
        server.origin()
    );
    fs::write(&file, text).unwrap();
    let file = file.display().to_string();
    let variables = [("OPENS_BILLING", OsStr::new(SECRET))];
    let mut said = 0;
    for command in commands(&server, "billing", &file) {
        let arguments: Vec<_> = command.iter().map(String::as_str).collect();
        let ended = run_with(process::rest_client(), &arguments, &variables).await;
        let stdout = String::from_utf8_lossy(&ended.stdout);
        for text in [&*stdout, &*ended.stderr] {
            assert!(!text.contains(SECRET), "{command:?}: {text}");
            said += text.len();
        }
    }
    assert!(said > 10_000, "{said} bytes were said");
    // The server has seen all of them, so they were there.
    let seen = server.record().requests;
    let holds = |name| seen.iter().any(|it| it.header(name) == [SECRET]);
    assert!(holds("authorization") && holds("x-other") && holds("x-key"));
}
