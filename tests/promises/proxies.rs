//! Proxies of the environment are used where the operator asks for that, and
//! ignored otherwise.

use std::ffi::OsStr;
use support::{
    pki::{Authority, Validity},
    process::{self, Ended},
    proxy::TunnelProxy,
    server::Server,
    steps::{ok, reply},
    unresponsive::Silent,
};
use tempfile::TempDir;

/// `rest-client get`, with these proxy variables and no others.
async fn get(arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    with_proxies(&[&["get"], arguments].concat(), variables).await
}

/// The program, with these proxy variables and no others.
async fn with_proxies(arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    let mut environment: Vec<(&str, &OsStr)> = [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
        "NO_PROXY",
        "no_proxy",
    ]
    .map(|name| (name, OsStr::new("")))
    .into();
    environment.extend(
        variables
            .iter()
            .map(|(name, value)| (*name, OsStr::new(*value))),
    );
    process::run_with(process::rest_client(), arguments, &environment).await
}

#[tokio::test]
async fn they_are_ignored_unless_they_are_asked_for() {
    let proxy = Server::start(|_| ok("from the proxy")).await;
    let server = Server::start(|_| ok("from the server")).await;
    let proxy_url = proxy.url("/");
    let variables = [("HTTP_PROXY", &*proxy_url), ("ALL_PROXY", &*proxy_url)];
    let ended = get(&[&server.url("/")], &variables).await;
    assert_eq!(ended.text(), "from the server");
    assert_eq!(proxy.record().accepted, 0);
}

#[tokio::test]
async fn without_tls_the_proxy_is_asked_for_the_whole_url() {
    let proxy = Server::start(|_| ok("from the proxy")).await;
    let proxy_url = proxy.url_on("alice:sesame@127.0.0.1", "/");
    let ended = get(
        &["--proxy-from-env", "http://service.invalid:8080/credit?a=b"],
        &[("HTTP_PROXY", &proxy_url)],
    )
    .await;
    assert_eq!((ended.code(), &*ended.text()), (0, "from the proxy"));
    let seen = proxy.record().requests.pop().unwrap();
    assert_eq!(seen.target, "http://service.invalid:8080/credit?a=b");
    assert_eq!(seen.header("host"), ["service.invalid:8080"]);
    // alice:sesame
    let credentials = "Basic YWxpY2U6c2VzYW1l";
    assert_eq!(seen.header("proxy-authorization"), [credentials]);
    assert!(seen.header("authorization").is_empty());
}

#[tokio::test]
async fn with_tls_the_proxy_makes_a_tunnel_and_sees_no_more() {
    let authority = Authority::new("Test CA");
    let identity = authority.issue(&["127.0.0.1"], Validity::Good);
    let server = Server::start_tls(&identity, |_| ok("from the server")).await;
    let file = authority.file();
    let capath = format!("--ssl-capath={}", file.path().display());
    let proxy = TunnelProxy::start("HTTP/1.1 200 OK\r\n\r\n").await;

    let url = server.url("/credit?secret");
    let ended = get(
        &["--proxy-from-env", &capath, &url],
        &[("HTTPS_PROXY", &proxy.url("alice:sesame@"))],
    )
    .await;
    assert_eq!((ended.code(), &*ended.text()), (0, "from the server"));
    let heads = proxy.heads();
    assert_eq!(heads.len(), 1);
    let first = format!("CONNECT {} HTTP/1.1\r\n", server.address());
    assert!(heads[0].starts_with(&first), "{}", heads[0]);
    assert!(heads[0].contains("YWxpY2U6c2VzYW1l"), "{}", heads[0]);
    assert!(!heads[0].contains("secret"), "{}", heads[0]);
    let seen = server.record().requests.pop().unwrap();
    assert!(seen.header("proxy-authorization").is_empty());

    // A proxy changes nothing about whom TLS trusts.
    let ended = get(
        &["--proxy-from-env", &url],
        &[("HTTPS_PROXY", &proxy.url(""))],
    )
    .await;
    assert_eq!(ended.code(), 60, "{}", ended.stderr);
}

#[tokio::test]
async fn a_proxy_that_refuses_says_why_without_the_password() {
    for (reply, words) in [
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 2\r\n\r\nno",
            "it wants credentials",
        ),
        (
            "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n",
            "it can't reach the host",
        ),
    ] {
        let proxy = TunnelProxy::start(reply).await;
        let ended = get(
            &["--proxy-from-env", "https://service.invalid/"],
            &[("https_proxy", &proxy.url("alice:sesame@"))],
        )
        .await;
        assert_eq!(ended.code(), 7, "{}", ended.stderr);
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
        assert!(ended.stderr.contains("https://service.invalid: the proxy"));
        assert!(!ended.stderr.contains("sesame"), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn hosts_that_no_proxy_names_are_asked_directly() {
    let server = Server::start(|_| ok("from the server")).await;
    let ended = get(
        &["--proxy-from-env", &server.url("/")],
        &[
            ("HTTP_PROXY", "http://proxy.invalid:3128"),
            ("NO_PROXY", "example.com, 127.0.0.0/8"),
        ],
    )
    .await;
    assert_eq!(ended.text(), "from the server");
}

#[tokio::test]
async fn a_proxy_that_never_answers_ends_in_a_connection_timeout() {
    let silent = Silent::start().await;
    let proxy = format!("http://{}", silent.address());
    let ended = get(
        &[
            "--proxy-from-env",
            "--connection-timeout=300ms",
            "--json",
            "https://service.invalid/",
        ],
        &[("HTTPS_PROXY", &proxy)],
    )
    .await;
    assert_eq!(ended.code(), 28, "{}", ended.stderr);
    let object = ended.json();
    assert_eq!(object["error"]["kind"], "connection-timeout");
    let message = object["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("the proxy was opening a tunnel"),
        "{message}"
    );
}

#[tokio::test]
async fn a_variable_that_names_no_proxy_is_refused_at_the_start() {
    let ended = get(
        &["--proxy-from-env", "http://service.invalid/"],
        &[("ALL_PROXY", "socks5://alice:sesame@127.0.0.1:1080")],
    )
    .await;
    assert_eq!(ended.code(), 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("ALL_PROXY"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("sesame"), "{}", ended.stderr);
}

/// A configuration that allows what `rules` say, and nothing else.
fn denying(directory: &TempDir, rules: &[&str]) -> String {
    let file = directory.path().join("rest-client.toml");
    let text = format!("egress = {{ default = \"deny\", allow = {rules:?} }}");
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}

/// A proxy looks names up by itself, so that only a rule by name can allow a host
/// behind it; and whoever may not ask the proxy gets nowhere.
#[tokio::test]
async fn the_egress_policy_holds_on_the_way_to_a_proxy_too() {
    let proxy = Server::start(|_| ok("from the proxy")).await;
    let proxy_url = proxy.url("/");
    let origin = proxy.origin();
    let directory = tempfile::tempdir().unwrap();
    let ask = async |rules: &[&str]| {
        let file = denying(&directory, rules);
        let url = "http://service.invalid:8080/";
        get(
            &["--proxy-from-env", "--config", &file, url],
            &[("HTTP_PROXY", &proxy_url)],
        )
        .await
    };
    let name = "http://service.invalid:8080";
    for (rules, words) in [
        (&[][..], "does not allow it"),
        (
            &["http://10.0.0.0/8:8080", &origin][..],
            "does not allow the name",
        ),
        (&[name][..], "its address 127.0.0.1"),
    ] {
        let ended = ask(rules).await;
        assert_eq!(ended.code(), 9, "{rules:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(words), "{rules:?}: {}", ended.stderr);
    }
    assert_eq!(proxy.record().accepted, 0);
    assert_eq!(ask(&[name, &origin]).await.text(), "from the proxy");
}

/// What one request may do says nothing of the next one, which finds its connection.
#[tokio::test]
async fn a_connection_through_a_proxy_is_for_who_may_go_through_it() {
    let proxy = Server::start(|seen| match &*seen.method {
        "POST" => reply("303 See Other", &[("location", "/next")], b""),
        _ => ok("from the proxy"),
    })
    .await;
    let origin = proxy.origin();
    let directory = tempfile::tempdir().unwrap();
    let ask = async |rules: &[&str]| {
        let file = denying(&directory, rules);
        let url = "http://service.invalid:8080/";
        let arguments = ["post", "--proxy-from-env", "--config", &file];
        let arguments = [&arguments[..], &["--max-redirects=1", "-d", "a", url]].concat();
        with_proxies(&arguments, &[("HTTP_PROXY", &proxy.url("/"))]).await
    };
    let posts = "POST http://service.invalid:8080";
    let networks = "http://10.0.0.0/8:8080";
    let ended = ask(&[posts, networks, &origin]).await;
    assert_eq!(ended.code(), 9, "{}{}", ended.text(), ended.stderr);
    assert!(
        ended.stderr.contains("does not allow the name"),
        "{}",
        ended.stderr
    );
    assert_eq!(proxy.record().requests.len(), 1);
    let gets = "GET http://service.invalid:8080";
    let ended = ask(&[posts, gets, networks, &origin]).await;
    assert_eq!(ended.text(), "from the proxy", "{}", ended.stderr);
    // It is kept for the redirect, as any other.
    assert_eq!(proxy.record().accepted, 2);
}
