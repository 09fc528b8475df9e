//! The command line, as a person at a terminal meets it.

use std::path::Path;
use support::{
    pki::Identity,
    process::{self, Ended, run},
    server::Server,
    steps::{Step, head, ok, raw, reply},
    unresponsive::{Blunt, FullBacklog, Refusing},
};

fn program() -> &'static Path {
    process::rest_client()
}

/// Runs our program to its end.
pub(crate) async fn rest_client(arguments: &[&str]) -> Ended {
    run(program(), arguments, b"").await
}

/// Nothing on standard output, one sentence on standard error, this exit code.
#[track_caller]
pub(crate) fn assert_refused(ended: &Ended, code: i32, words: &str) {
    assert_eq!(ended.code(), code, "{}", ended.stderr);
    assert!(ended.stdout.is_empty());
    assert!(ended.stderr.contains(words), "{}", ended.stderr);
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
}

#[tokio::test]
async fn the_body_goes_to_standard_output_byte_for_byte() {
    let body: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let sent = body.clone();
    let server = Server::start(move |_| reply("200 OK", &[], &sent)).await;
    let ended = rest_client(&["get", &server.url("/")]).await;
    assert_eq!((ended.code(), &*ended.stderr), (0, ""));
    assert!(ended.stdout == body);
}

#[tokio::test]
async fn data_comes_from_the_argument_a_file_or_standard_input() {
    let server = Server::start(|_| ok("")).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("data");
    std::fs::write(&file, b"from\0a file\n").unwrap();
    let url = server.url("/");
    let from_file = format!("@{}", file.display());
    for (data, stdin, sent) in [
        ("a=b", &b""[..], &b"a=b"[..]),
        (&from_file, b"", b"from\0a file\n"),
        ("@-", b"from a pipe\n", b"from a pipe\n"),
    ] {
        let ended = run(
            program(),
            ["post", &url, "-d", data, "--content-type", "text/x"],
            stdin,
        )
        .await;
        assert_eq!(ended.code(), 0, "{}", ended.stderr);
        let seen = server.record().requests.pop().unwrap();
        assert_eq!((&*seen.method, &seen.body[..]), ("POST", sent));
        assert_eq!(seen.header("content-type"), ["text/x"]);
    }
    rest_client(&["put", &url, "-d", "x", "-H", "X-One: 1", "-H", "x-two:2"]).await;
    let seen = server.record().requests.pop().unwrap();
    assert_eq!(
        (seen.header("x-one"), seen.header("x-two")),
        (vec!["1"], vec!["2"])
    );
    rest_client(&["request", "PATCH", &url]).await;
    assert_eq!(server.record().requests.pop().unwrap().method, "PATCH");
}

#[tokio::test]
async fn the_head_is_printed_when_it_is_asked_for() {
    let server = Server::start(|_| reply("201 Created", &[("x-a", "b")], b"body")).await;
    let ended = rest_client(&["get", "-i", &server.url("/")]).await;
    assert_eq!(
        ended.text(),
        "HTTP/1.1 201\r\nx-a: b\r\ncontent-length: 4\r\n\r\nbody"
    );
}

#[tokio::test]
async fn json_is_one_object_with_all_there_is_to_know() {
    let server = Server::start(|seen| match &*seen.target {
        "/binary" => reply("200 OK", &[], b"\xff\0"),
        "/stall" => vec![
            head(
                "200 OK",
                &[("content-length", "9"), ("content-type", "a/b")],
            ),
            raw("abc"),
            Step::Stall,
        ],
        _ => reply("404 No", &[("Content-Type", "a/b")], "ü".as_bytes()),
    })
    .await;
    let ended = rest_client(&["get", "--json", &server.url("/")]).await;
    let object = ended.json();
    assert_eq!(ended.code(), 0);
    assert_eq!(
        (&object["code"], &object["status"]),
        (&1.into(), &404.into())
    );
    assert_eq!(object["content_type"], "a/b");
    assert_eq!(
        object["headers"][0],
        serde_json::json!(["content-type", "a/b"])
    );
    assert_eq!(object["body"], "ü");
    assert!(object["timings"]["total"].as_f64().unwrap() > 0.0);

    let object = rest_client(&["get", "--json", &server.url("/binary")])
        .await
        .json();
    assert_eq!(
        (&object["body"], &object["body_base64"]),
        (&serde_json::Value::Null, &"/wA=".into())
    );

    let url = server.url("/stall");
    let ended = rest_client(&["get", "--json", "--transfer-timeout", "300ms", &url]).await;
    let object = ended.json();
    assert_eq!(ended.code(), 28);
    assert_eq!(
        (&object["code"], &object["status"]),
        (&(-3).into(), &200.into())
    );
    assert_eq!(object["error"]["kind"], "transfer-timeout");
    assert_eq!(
        (&object["body"], &object["content_type"]),
        (&"abc".into(), &"a/b".into())
    );
}

/// Fields may hold any bytes (RFC 9110, section 5.5).
#[tokio::test]
async fn json_keeps_the_bytes_of_fields_that_are_not_utf_8() {
    let server = Server::start(|_| {
        vec![raw(
            b"HTTP/1.1 200 OK\r\nx-a: \xff\xfe\r\nx-b: \xc3\xbc\r\ncontent-length: 1\r\n\r\nb",
        )]
    })
    .await;
    let ended = rest_client(&["get", "--json", &server.url("/")]).await;
    assert_eq!(
        ended.json()["headers"],
        serde_json::json!([
            ["x-a", {"base64": "//4="}],
            ["x-b", "ü"],
            ["content-length", "1"],
        ])
    );
}

#[tokio::test]
async fn exit_codes_are_those_of_curl() {
    let server = Server::start(|seen| match &*seen.target {
        "/404" => reply("404 Not Found", &[], b"not here"),
        "/stall" => vec![
            head("200 OK", &[("content-length", "9")]),
            raw("abc"),
            Step::Stall,
        ],
        "/close" => vec![Step::Close],
        "/cut" => vec![
            head("200 OK", &[("content-length", "9")]),
            raw("abc"),
            Step::Close,
        ],
        "/garbage" => vec![raw("garbage\r\n\r\n"), Step::Close],
        "/round" => reply("302 Found", &[("location", "/round")], b""),
        _ => ok("more than nine bytes"),
    })
    .await;
    let tls = Server::start_tls(&Identity::self_signed(&["127.0.0.1"]), |_| ok("x")).await;
    let refusing = Refusing::default();
    let full = FullBacklog::default();
    let not_tls = Blunt::start(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    for (arguments, code, words) in [
        (&["get", &server.url("/404"), "--fail"][..], 22, "404"),
        (&["get", "http://["], 3, "host"),
        (&["get", "gopher://h/"], 3, "http and https"),
        (&["get", "http://name.invalid./"], 6, "name"),
        (&["get", &refusing.url()], 7, "refused"),
        (
            &["get", &full.url(), "--connection-timeout=200ms"],
            28,
            "connection-timeout",
        ),
        (&["get", &not_tls.https()], 35, "TLS"),
        (&["get", &tls.url("/")], 60, "authority"),
        (
            &["get", &server.url("/"), "--max-transfer-size", "9"],
            63,
            "9 bytes",
        ),
        (&["get", &server.url("/close")], 52, "closed"),
        (&["get", &server.url("/garbage")], 8, "not HTTP"),
        (&["get", "-L=3", &server.url("/round")], 47, "redirect"),
        (
            &["get", &server.url("/"), "-H", "no colon"],
            43,
            "Name: value",
        ),
        (&["get", &server.url("/"), "-H", "Host: other"], 43, "host"),
        (
            &["post", &server.url("/"), "-d", "@/nonexistent"],
            26,
            "/nonexistent",
        ),
        (
            &["get", &server.url("/"), "-o", "/nonexistent/file"],
            23,
            "/nonexistent/file",
        ),
        (
            &["get", &server.url("/"), "--transfer-timeout", "soon"],
            2,
            "like 20s",
        ),
        (
            &["get", &server.url("/"), "--transfer-timeout", "0s"],
            2,
            "at least 1ms",
        ),
        (
            &["get", &server.url("/"), "--http-version", "9"],
            2,
            "2-prior-knowledge",
        ),
        (&["get"], 2, "URL"),
    ] {
        assert_refused(&rest_client(arguments).await, code, words);
    }
    // As with curl, what had arrived is shown.
    for (path, code) in [("/stall", 28), ("/cut", 18)] {
        let ended = rest_client(&["get", &server.url(path), "--transfer-timeout", "300ms"]).await;
        assert_eq!(ended.code(), code, "{}", ended.stderr);
    }
    let ended = rest_client(&["get", &server.url("/stall"), "--transfer-timeout", "300ms"]).await;
    assert_eq!(ended.text(), "abc");
    let help = rest_client(&["get", "--help"]).await;
    assert_eq!(help.code(), 0);
    for code in [3, 6, 7, 22, 28, 35, 47, 60, 63] {
        assert!(help.text().contains(&format!("\n{code:>4}  ")), "{code}");
    }
}

#[tokio::test]
async fn the_switches_of_tls_are_flags() {
    let tls = Server::start_tls(&Identity::self_signed(&["other.example"]), |_| ok("x")).await;
    let url = tls.url("/");
    let ended = rest_client(&[
        "get",
        &url,
        "--ssl-verifypeer=false",
        "--ssl-verifyhost=false",
    ])
    .await;
    assert_eq!((ended.code(), &*ended.text()), (0, "x"));
    assert_eq!(
        ended.stderr.matches("ssl-verify").count(),
        2,
        "{}",
        ended.stderr
    );
    assert_eq!(
        rest_client(&["get", &url, "--ssl-verifypeer=false"])
            .await
            .code(),
        60
    );
}

fn names_in(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn an_output_file_is_complete_or_as_it_was() {
    let server = Server::start(|seen| match &*seen.target {
        "/stall" => vec![
            head("200 OK", &[("content-length", "9")]),
            raw("abc"),
            Step::Stall,
        ],
        _ => ok("new"),
    })
    .await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("out");
    std::fs::write(&file, "old").unwrap();
    let path = file.to_str().unwrap();
    let stall = server.url("/stall");
    let ended = rest_client(&["get", &stall, "-o", path, "--transfer-timeout", "300ms"]).await;
    assert_refused(&ended, 28, "transfer-timeout");
    assert_eq!(std::fs::read(&file).unwrap(), b"old");
    assert_eq!(names_in(directory.path()), ["out"]);
    let ended = rest_client(&["get", &server.url("/"), "-o", path]).await;
    assert_eq!((ended.code(), ended.stdout.len()), (0, 0));
    assert_eq!(std::fs::read(&file).unwrap(), b"new");
    assert_eq!(names_in(directory.path()), ["out"]);
    // A device is written to, and not replaced.
    let ended = rest_client(&["get", &server.url("/"), "-o", "/dev/null"]).await;
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    assert!(!Path::new("/dev/null").is_file());
}

#[tokio::test]
async fn a_pipe_that_is_closed_early_is_no_panic() {
    let server = Server::start(|_| reply("200 OK", &[], &[b'x'; 5_000_000])).await;
    let script = format!(
        "'{}' get {} | head -c 3",
        program().display(),
        server.url("/")
    );
    let ended = run("sh", ["-c", &script], b"").await;
    assert_eq!((&*ended.text(), &*ended.stderr), ("xxx", ""));
}

#[tokio::test]
async fn a_configuration_file_is_obeyed_and_its_faults_are_told_by_place() {
    let server = Server::start(|_| ok("more than nine bytes")).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.toml");
    let path = file.to_str().unwrap();
    let url = server.url("/");
    std::fs::write(&file, "max-transfer-size = 9\n").unwrap();
    assert_eq!(rest_client(&["get", &url, "-c", path]).await.code(), 63);
    let ended = rest_client(&["get", &url, "-c", path, "--max-transfer-size=99"]).await;
    assert_eq!(ended.code(), 0, "a flag comes before a file");
    for (text, words) in [
        (
            "\nmax-transfer-sise = 9",
            "config.toml:2: max-transfer-sise: unknown",
        ),
        (
            "transfer-timeout = \"1 min\"",
            "config.toml:1: transfer-timeout: ",
        ),
        ("transfer-timeout = ", "config.toml:1: "),
    ] {
        std::fs::write(&file, text).unwrap();
        assert_refused(&rest_client(&["get", &url, "-c", path]).await, 2, words);
        assert_refused(&rest_client(&["config", "check", path]).await, 2, words);
    }
    for (file, words) in [
        ("/nonexistent", "/nonexistent"),
        (
            "/dev/zero",
            "/dev/zero can't be read: it has more than 16 MiB",
        ),
    ] {
        assert_refused(&rest_client(&["get", &url, "-c", file]).await, 2, words);
    }
}

#[tokio::test]
async fn a_flag_that_is_wrong_makes_no_other_flag_vanish() {
    let server = Server::start(|_| ok("x")).await;
    let url = server.url("/");
    let get = async |flag| rest_client(&["get", &url, "--ca-only", flag]).await;
    // Without the last one, too, there is something to refuse.
    assert_refused(
        &get("--include").await,
        2,
        "ca-only is set without ssl-capath",
    );
    // A number that TOML can't state.
    let ended = get("--max-transfer-size=9223372036854775808").await;
    assert_eq!(ended.code(), 2, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("--max-transfer-size"),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stderr.contains("9223372036854775807"),
        "{}",
        ended.stderr
    );
    assert_eq!(server.record().requests.len(), 0);
}

#[tokio::test]
async fn a_value_that_is_wrong_is_told_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere/file");
    let nowhere = nowhere.to_str().unwrap();
    let url = "http://127.0.0.1:1/";
    for (arguments, code, words) in [
        (
            &["get", url, "--dns-servers", "192.0.2.53"][..],
            2,
            "like 192.0.2.53:53",
        ),
        (
            &["get", url, "--max-transfer-size", "10MB"],
            2,
            "whole number of bytes",
        ),
        (&["get", url, "--cap", "5x"], 2, "whole number from 0 to"),
        (&["get", url, "-L", "3"], 2, "written behind =, as in -L=3"),
        (
            &["get", url, "--ssl-verifypeer", "false"],
            2,
            "written behind =, as in --ssl-verifypeer=false",
        ),
        (&["get", url, "-o", nowhere], 23, "there is no folder"),
        (&["new", "--lang", "c", nowhere], 23, "there is no folder"),
        (&["new", "--lang", "python", "re"], 2, "re-plugin can"),
        (
            &["get", url, "--netrc-file", "/dev/zero"],
            26,
            "more than 16 MiB",
        ),
    ] {
        let ended = rest_client(arguments).await;
        assert_eq!(ended.code(), code, "{arguments:?}: {}", ended.stderr);
        assert!(
            ended.stderr.contains(words),
            "{arguments:?}: {}",
            ended.stderr
        );
        assert!(!ended.stderr.contains(".rest-client-"), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn a_script_of_the_original_is_taken_over_and_shown_with_its_places() {
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("opensips.cfg");
    let path = script.to_str().unwrap();
    std::fs::write(
        &script,
        "loadmodule \"rest_client.so\"\nmodparam(\"rest_client\", \"curl_timeout\", 4)\n",
    )
    .unwrap();
    let shown = rest_client(&[
        "config",
        "show",
        "--modparams",
        path,
        "--conn-lifetime",
        "5",
    ])
    .await;
    let text = shown.text();
    assert!(
        text.contains("transfer-timeout = \"4s\" # ") && text.contains("opensips.cfg:2\n"),
        "{text}"
    );
    assert!(
        text.contains("conn-lifetime = \"5s\" # --conn-lifetime\n"),
        "{text}"
    );
    assert!(text.contains("ssl-verifypeer = true # default\n"), "{text}");
    let back = directory.path().join("back.toml");
    std::fs::write(&back, &text).unwrap();
    let ended = rest_client(&["config", "check", back.to_str().unwrap()]).await;
    assert_eq!((ended.code(), &*ended.stderr), (0, ""));
    std::fs::write(&script, "modparam(\"rest_client\", \"curl_timout\", 4)").unwrap();
    let ended = rest_client(&["config", "check", "--modparams", path]).await;
    assert_refused(&ended, 2, "opensips.cfg:1: curl_timout: ");
}

#[tokio::test]
async fn secrets_reach_no_log() {
    let server = Server::start(|_| ok("x")).await;
    let url = server.url_on("user:sesame@127.0.0.1", "/sesame?sesame=sesame");
    let ended = rest_client(&["get", "-vv", &url, "-H", "x-key: sesame"]).await;
    assert_eq!(ended.code(), 0);
    let wrong = rest_client(&["get", "-vv", "http://user:sesame@h:port/"]).await;
    assert_eq!(wrong.code(), 3);
    for stderr in [ended.stderr, wrong.stderr] {
        assert!(!stderr.is_empty());
        assert!(!stderr.contains("sesame"), "{stderr}");
    }
}

#[tokio::test]
async fn the_demonstration_plays_every_scenario() {
    let ended = rest_client(&["demo"]).await;
    assert_eq!(ended.code(), 0, "{}{}", ended.text(), ended.stderr);
    assert!(
        ended
            .text()
            .contains("13 of 13 scenarios gave the expected result")
    );
}

#[tokio::test]
async fn completions_and_the_manual_come_from_the_program() {
    for shell in ["bash", "zsh", "fish"] {
        let ended = rest_client(&["completions", shell]).await;
        assert!(ended.text().contains("transfer-timeout"), "{shell}");
    }
    let ended = rest_client(&["man"]).await;
    assert!(ended.text().starts_with(".ie"), "{}", ended.text());
    assert!(ended.text().contains("max\\-transfer\\-size"));
}

/// All examples of the module's manual, as they stand there. One names a
/// directory that has to exist, so another takes its place here.
#[tokio::test]
async fn the_examples_of_the_originals_manual_are_a_configuration_that_starts() {
    let directory = tempfile::tempdir().unwrap();
    let authority = support::pki::Authority::new("Test CA");
    std::fs::write(directory.path().join("ca.pem"), authority.pem()).unwrap();
    let examples = r#"
        loadmodule "rest_client.so"
        modparam("rest_client", "curl_timeout", 300)
        modparam("rest_client", "connection_timeout", 300)
        modparam("rest_client", "connect_poll_interval", 2)
        modparam("rest_client", "max_async_transfers", 300)
        modparam("rest_client", "max_transfer_size", 64)
        modparam("rest_client", "ssl_verifypeer", 0)
        modparam("rest_client", "ssl_verifyhost", 0)
        modparam("rest_client", "ssl_capath", "/home/opensips/ca_certificates")
        modparam("rest_client", "curl_http_version", 3)
        modparam("rest_client", "enable_expect_100", true)
        modparam("rest_client", "no_concurrent_connects", true)
        modparam("rest_client", "curl_conn_lifetime", 1800)
    "#;
    let script = directory.path().join("opensips.cfg");
    let capath = directory.path().display().to_string();
    let file = script.display().to_string();

    std::fs::write(&script, examples).unwrap();
    let ended = rest_client(&["config", "check", "--modparams", &file]).await;
    assert_refused(&ended, 2, "ssl-capath /home/opensips/ca_certificates: ");

    let examples = examples.replace("/home/opensips/ca_certificates", &capath);
    std::fs::write(&script, examples).unwrap();
    let ended = rest_client(&["config", "show", "--modparams", &file]).await;
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    for line in [
        "transfer-timeout = \"300s\" #",
        "max-async-transfers = 300 #",
        "max-transfer-size = 65536 #",
        "http-version = \"2\" #",
        "conn-lifetime = \"1800s\" #",
    ] {
        assert!(ended.text().contains(line), "{}", ended.text());
    }
    // There is one warning for each switch that is off.
    for switch in ["ssl-verifypeer is off", "ssl-verifyhost is off"] {
        assert_eq!(ended.stderr.matches(switch).count(), 1, "{}", ended.stderr);
    }

    let server = Server::start(|_| ok("12.50 EUR")).await;
    let ended = rest_client(&["get", "--modparams", &file, &server.url("/")]).await;
    assert_eq!((ended.code(), &*ended.text()), (0, "12.50 EUR"));
}
