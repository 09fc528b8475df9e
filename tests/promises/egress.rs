//! Whom may be asked without a name: by default a plugin asks nobody, and what the
//! policy refuses is never even connected to.

use crate::{host, puppets::Puppet, worker_with};
use rest_client_host::{
    Config, Egress, EgressDefault, ErrorKind, HttpVersion, Instance, plugin::PluginCtx,
};
use std::fs;
use support::{
    config,
    http2_frames::{Frame, FramesServer},
    name_server::NameServer,
    plugin::Program,
    process::{rest_client, run},
    server::Server,
    steps::{ok, reply},
};

/// What the plugin returns that was denied.
const DENIED: i32 = -8;

fn egress(default: Option<EgressDefault>, rules: &[&str]) -> Egress {
    let mut egress = Egress::default();
    egress.default = default;
    egress.allow = rules.iter().map(|rule| rule.parse().unwrap()).collect();
    egress
}

fn denying(rules: &[&str]) -> Config {
    config!(egress = egress(Some(EgressDefault::Deny), rules))
}

async fn plugin_gets<P: Puppet>(instance: &Instance, url: &str) -> i32 {
    let context = PluginCtx::new(instance.clone());
    let mut plugin = Program::asker(P::WASI).start(context).await;
    plugin.call("get", (url.to_owned(),)).await
}

/// What a plugin is told of a request that fails.
async fn complaint<P: Puppet>(instance: &Instance, url: &str) -> String {
    let context = PluginCtx::new(instance.clone());
    let mut plugin = Program::asker(P::WASI).start(context).await;
    plugin.call("complaint", (url.to_owned(),)).await
}

async fn denied(instance: &Instance, url: &str) -> String {
    let error = instance.rest_get(url).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{url}: {error}");
    error.to_string()
}

for_each_wasi! {
    crate::puppets::Plain, crate::puppets::Async:
    a_plugin_asks_nobody_unless_the_operator_says_so,
    all_refusals_are_one_to_a_plugin,
    two_plugins_of_a_host_may_ask_different_servers,
}

async fn a_plugin_asks_nobody_unless_the_operator_says_so<P: Puppet>() {
    let server = Server::start(|_| ok("")).await;
    let instance = worker_with(Config::default());
    // Whether something is there makes no difference.
    for url in [
        &*server.url("/"),
        "http://127.0.0.1:1/",
        "http://no.such.name/",
    ] {
        assert_eq!(plugin_gets::<P>(&instance, url).await, DENIED, "{url}");
    }
    assert_eq!(instance.stats().denied, 3);
    assert_eq!(server.record().accepted, 0);
    // The program itself may.
    instance.rest_get(&server.url("/")).await.unwrap();
    let rules = egress(None, &["http://127.0.0.0/8:*"]);
    let instance = worker_with(config!(egress = rules));
    assert_eq!(plugin_gets::<P>(&instance, &server.url("/")).await, 200);
}

/// By its name, by its address, or because nobody has bound it.
async fn all_refusals_are_one_to_a_plugin<P: Puppet>() {
    let names = NameServer::with(&[("inner.example", "127.0.0.1")]).await;
    let instance = worker_with(config!(
        dns_servers = vec![names.address()],
        egress = egress(None, &["http://*.example:*"]),
    ));
    let urls = [
        "http://inner.example/",
        "http://127.0.0.1/",
        "http://other.invalid/",
        "http://billing.service.internal/",
    ];
    let mut told = Vec::new();
    for url in urls {
        let complaint = complaint::<P>(&instance, url).await;
        let host = url.trim_start_matches("http://").trim_end_matches('/');
        told.push(complaint.replace(host, "HOST"));
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(!told[0].contains("egress"), "{told:?}");
    assert_eq!(instance.stats().denied, 4);
}

#[tokio::test]
async fn a_refusal_tells_the_operator_which_rule_would_allow_it() {
    let server = Server::start(|_| ok("")).await;
    let instance = worker_with(denying(&[]));
    let message = denied(&instance, &server.url("/?pin=1234")).await;
    let rule = format!("egress.allow = [{:?}]", server.origin());
    assert!(message.contains(&rule), "{message}");
    assert!(message.contains("(loopback)"), "{message}");
    let instance = worker_with(denying(&[&server.origin()]));
    instance.rest_get(&server.url("/")).await.unwrap();
}

#[tokio::test]
async fn no_spelling_of_an_address_gets_around_its_class() {
    let server = Server::start(|_| ok("")).await;
    let port = server.port();
    let instance = worker_with(config!(
        egress = egress(Some(EgressDefault::Allow), &["http://*:*"]),
        dns_servers = vec![NameServer::with(&[]).await.address()],
    ));
    for host in [
        "127.0.0.1",
        "127.0.0.2",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[::127.0.0.1]",
        "0.0.0.0",
        "[::]",
        "localhost",
        "a.localhost",
        "localhost.",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "127.0.0.1.",
        "169.254.169.254",
    ] {
        let url = format!("http://{host}:{port}/");
        let error = instance.rest_get(&url).await.unwrap_err();
        let is_right = [ErrorKind::Denied, ErrorKind::Dns, ErrorKind::InvalidUrl];
        assert!(is_right.contains(&error.kind()), "{url}: {error}");
    }
    assert_eq!(server.record().accepted, 0);
}

#[tokio::test]
async fn every_hop_passes_the_policy() {
    let inner = Server::start(|_| ok("secret")).await;
    let location = inner.url("/");
    let outer = Server::start(move |_| reply("302 Found", &[("location", &location)], b"")).await;
    let instance = worker_with(denying(&[&outer.origin()]));
    let error = instance.rest_get(&outer.url("/")).max_redirects(3).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Denied);
    assert_eq!(inner.record().accepted, 0);
}

/// Also where it had others before, as with rebinding.
#[tokio::test]
async fn a_name_gets_the_addresses_that_are_granted_and_no_others() {
    let server = Server::start_on("127.0.0.2:0", |_| ok("")).await;
    let port = server.port();
    let names = NameServer::with(&[
        ("both.example", "127.0.0.1"),
        ("both.example", "127.0.0.2"),
        ("inner.example", "127.0.0.2"),
    ])
    .await;
    let granted = |rule: &str| {
        worker_with(config!(
            dns_servers = vec![names.address()],
            ..denying(&[rule, "http://*.example:*"])
        ))
    };
    let instance = granted("http://127.0.0.1:*");
    let url = |name: &str| format!("http://{name}:{port}/");
    let error = instance.rest_get(&url("both.example")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    let message = denied(&instance, &url("inner.example")).await;
    assert!(message.contains("127.0.0.2 (loopback)"), "{message}");
    assert_eq!(server.record().accepted, 0);
    let instance = granted("http://127.0.0.2:*");
    for name in ["both.example", "inner.example"] {
        instance.rest_get(&url(name)).await.unwrap();
    }
}

#[tokio::test]
async fn a_connection_that_was_granted_to_one_method_serves_no_other() {
    let server = Server::start(|_| ok("")).await;
    let port = server.port();
    let names = NameServer::with(&[("h.example", "127.0.0.1")]).await;
    let instance = worker_with(config!(
        dns_servers = vec![names.address()],
        ..denying(&["GET http://127.0.0.0/8:*", "http://h.example:*"])
    ));
    let url = format!("http://h.example:{port}/");
    instance.rest_get(&url).await.unwrap();
    let error = instance.rest_post(&url, "x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert_eq!(server.record().requests.len(), 1);
}

#[tokio::test]
async fn connections_of_methods_that_are_granted_different_addresses_are_all_kept() {
    let server = FramesServer::start_on("0.0.0.0:0", |_| vec![Frame::WholeHead(b"")]).await;
    let port = server.address().port();
    let names = NameServer::with(&[("h.example", "127.0.0.1"), ("h.example", "127.0.0.2")]).await;
    let instance = worker_with(config!(
        dns_servers = vec![names.address()],
        http_version = HttpVersion::Http2PriorKnowledge,
        ..denying(&[
            "GET http://127.0.0.1:*",
            "POST http://127.0.0.2:*",
            "http://h.example:*"
        ])
    ));
    let url = format!("http://h.example:{port}/");
    for _ in 0..3 {
        instance.rest_get(&url).await.unwrap();
        instance.rest_post(&url, "x").await.unwrap();
    }
    assert_eq!(server.met().iter().map(|met| met.connection).max(), Some(1));
}

#[tokio::test]
async fn a_host_name_grants_nothing_that_is_nobodys_on_the_internet() {
    let server = Server::start(|_| ok("")).await;
    let port = server.port();
    let names = NameServer::with(&[("inner.example", "127.0.0.1")]).await;
    let instance = worker_with(config!(
        dns_servers = vec![names.address()],
        ..denying(&["http://inner.example:*"])
    ));
    denied(&instance, &format!("http://inner.example:{port}/")).await;
    assert_eq!(server.record().accepted, 0);
}

/// Each has what it is granted.
async fn two_plugins_of_a_host_may_ask_different_servers<P: Puppet>() {
    let [a, b] = [
        Server::start(|_| ok("")).await,
        Server::start(|_| ok("")).await,
    ];
    let host = host(config!(share_connections = true));
    let granted = |server: &Server| {
        let rules = egress(None, &[&server.origin()]);
        host.instance_granted([].into(), rules).unwrap()
    };
    let (of_a, of_b) = (granted(&a), granted(&b));
    for (instance, may, may_not) in [(&of_a, &a, &b), (&of_b, &b, &a)] {
        assert_eq!(plugin_gets::<P>(instance, &may.url("/")).await, 200);
        assert_eq!(plugin_gets::<P>(instance, &may_not.url("/")).await, DENIED);
        assert_eq!((instance.stats().started, instance.stats().denied), (2, 1));
    }
    // A connection is not shared, even where those without grants share theirs.
    host.instance().rest_get(&a.url("/")).await.unwrap();
    assert_eq!((a.record().accepted, b.record().accepted), (2, 1));
}

#[tokio::test]
async fn a_person_is_held_to_a_policy_that_is_set() {
    let server = Server::start(|_| ok("fine")).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("rest-client.toml");
    fs::write(&file, "[egress]\ndefault = \"deny\"\n").unwrap();
    let (url, file) = (server.url("/"), file.display().to_string());
    let ended = run(rest_client(), ["get", &url, "--config", &file], b"").await;
    assert_eq!(ended.code(), 9);
    assert!(
        ended.stderr.contains("egress.allow = [\"http://127.0.0.1:"),
        "{}",
        ended.stderr
    );
    let ended = run(rest_client(), ["get", &url], b"").await;
    assert_eq!(ended.code(), 0);
}
