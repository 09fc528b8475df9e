//! With services that others wrote, the bodies are those that curl gets, byte
//! for byte.

use crate::worker;
use std::path::Path;
use support::process::{Service, rest_client, run};

async fn same_as_curl(url: &str, method: &str) {
    let mut of_curl = vec!["--silent", "--show-error", url];
    match method {
        "HEAD" => of_curl.push("--head"),
        method => of_curl.extend(["--request", method]),
    }
    let theirs = run("curl", of_curl, b"").await;
    let ours = run(rest_client(), ["request", method, url], b"").await;
    assert_eq!(
        (theirs.code(), ours.code()),
        (0, 0),
        "{url}: {}",
        ours.stderr
    );
    // curl prints the head for HEAD; there is no body either way.
    let expected = if method == "HEAD" {
        &[]
    } else {
        &theirs.stdout[..]
    };
    assert!(ours.stdout == expected, "{method} {url}");
}

fn fill(root: &Path) {
    let binary: Vec<u8> = (0..5_000_000_u32)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    for (name, content) in [
        ("small.txt", &b"12.50 EUR\n"[..]),
        ("binary", &binary),
        ("empty", b""),
        ("utf-8.txt", "žluťoučký kůň 例え 🐴\n".as_bytes()),
        ("line-ends.txt", b" \r\n\n\r \t"),
    ] {
        std::fs::write(root.join(name), content).unwrap();
    }
}

#[tokio::test]
#[cfg_attr(
    not(all(has_nginx, has_curl)),
    ignore = "nginx or curl is not installed: apt-get install nginx-light curl"
)]
async fn nginx_gives_us_what_it_gives_curl() {
    let root = tempfile::tempdir().unwrap();
    fill(root.path());
    let nginx = Service::nginx(root.path(), "", "").await;
    for path in [
        "/small.txt",
        "/binary",
        "/empty",
        "/utf-8.txt",
        "/line-ends.txt",
        "/absent",
    ] {
        same_as_curl(&nginx.url(path), "GET").await;
        same_as_curl(&nginx.url(path), "HEAD").await;
    }
}

#[tokio::test]
#[cfg_attr(
    not(all(has_httpbin, has_curl)),
    ignore = "httpbin or curl is not installed: pip install httpbin waitress; apt-get install curl"
)]
async fn httpbin_gives_us_what_it_gives_curl() {
    let httpbin = Service::httpbin().await;
    for path in [
        "/encoding/utf8",
        "/html",
        "/stream-bytes/100000?seed=7&chunk_size=777",
        "/range/100000",
        "/status/204",
        "/status/418",
        "/redirect-to?url=%2Fhtml",
        "/image/png",
    ] {
        same_as_curl(&httpbin.url(path), "GET").await;
    }
    same_as_curl(&httpbin.url("/html"), "HEAD").await;
    same_as_curl(&httpbin.url("/status/200"), "DELETE").await;
}

#[tokio::test]
#[cfg_attr(
    not(has_httpbin),
    ignore = "httpbin is not installed: pip install httpbin waitress"
)]
async fn httpbin_sees_what_we_send() {
    let httpbin = Service::httpbin().await;
    let worker = worker();
    let reply = worker
        .rest_post(&httpbin.url("/post?a=b%20c"), "x=1&y=%C3%BC")
        .header("X-Call-Id", "42")
        .await
        .unwrap();
    let seen: serde_json::Value = serde_json::from_slice(reply.body()).unwrap();
    assert_eq!(seen["args"]["a"], "b c");
    assert_eq!(seen["form"], serde_json::json!({ "x": "1", "y": "ü" }));
    assert_eq!(seen["headers"]["X-Call-Id"], "42");

    let url = httpbin.url("/basic-auth/user/pass%40word");
    let reply = worker.rest_get(&url).await.unwrap();
    assert_eq!(reply.status().as_u16(), 401);
    let reply = worker
        .rest_get(&url.replace("://", "://user:pass%40word@"))
        .await
        .unwrap();
    assert_eq!(reply.status().as_u16(), 200);
}
