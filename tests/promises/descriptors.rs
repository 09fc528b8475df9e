//! What the process has few of is given back, and is nobody's fault but ours.

use std::ffi::OsStr;
use support::{
    process::{Ended, rest_client, run},
    server::Server,
    steps::{ok, reply},
};

/// Runs our program with at most `limit` open files.
async fn limited(limit: usize, arguments: &[&str]) -> Ended {
    let limited = format!("ulimit -n {limit} && exec \"$@\"");
    let program = rest_client().as_os_str();
    let shell = ["-c", &limited, "sh"].map(OsStr::new);
    let arguments = arguments.iter().map(OsStr::new);
    run(
        "sh",
        shell.into_iter().chain([program]).chain(arguments),
        b"",
    )
    .await
}

/// A server that sends its client through `hops` origins, each of which is this
/// server by another address.
async fn wandering(hops: usize) -> Server {
    Server::start_on("0.0.0.0:0", move |seen| {
        let hop: usize = seen.target[1..].parse().unwrap_or(0);
        if hop == hops {
            return ok("at last");
        }
        let host = seen.header("host")[0];
        let port = host.rsplit(':').next().unwrap_or_default();
        let next = hop + 1;
        let location = format!("http://127.0.0.{next}:{port}/{next}");
        reply("302 Found", &[("location", &location)], b"")
    })
    .await
}

#[tokio::test]
async fn connections_without_use_never_take_all_descriptors() {
    let server = wandering(40).await;
    let url = server.url_on("127.0.0.1", "/0");
    for bound in [None, Some("--max-total-idle-connections=1000")] {
        let arguments = ["get", &url, "--max-redirects=50"];
        let arguments: Vec<_> = arguments.into_iter().chain(bound).collect();
        let ended = limited(32, &arguments).await;
        assert_eq!(
            (ended.code(), &*ended.text()),
            (0, "at last"),
            "{}",
            ended.stderr
        );
    }
}

#[tokio::test]
async fn a_process_without_descriptors_blames_no_server() {
    let server = Server::start(|_| ok("x")).await;
    let url = server.url("/");
    // How many it takes until there is a socket to open is nobody's concern.
    let mut told = 0;
    for limit in 6..32 {
        let ended = limited(limit, &["get", &url]).await;
        assert_ne!(ended.code(), 7, "{limit}: {}", ended.stderr);
        if ended.stderr.contains("ulimit -n") {
            assert_eq!(ended.code(), 70, "{limit}: {}", ended.stderr);
            told += 1;
        }
    }
    assert!(told > 0, "no limit was one that a call meets");
}
