//! Debian's nginx, with README's configuration.

use super::Serving;
use crate::{puppets::Puppet, worker};
use std::fs;
use support::{
    process::Service,
    server::Server,
    steps::{ok, reply},
};

const UPSTREAM: &str = include_str!("../../../deploy/nginx/upstream.conf");
const SERVER: &str = include_str!("../../../deploy/nginx/forward-auth.conf");

/// README's configuration, for where things are here.
async fn nginx(serving: &Serving, backend: &Server) -> Service {
    let root = super::folder();
    let upstream = UPSTREAM.replace("/run/rest-client/decide.sock", &serving.at);
    let server = SERVER.replace("127.0.0.1:8081", &backend.address().to_string());
    Service::nginx_with_upstream(root.path(), &upstream, &server).await
}

/// The same with `auth_basic`, and whom it lets in as the attribute `user`.
async fn nginx_with_users(serving: &Serving, backend: &Server) -> Service {
    let users = serving.folder.path().join("users");
    fs::write(&users, "alice:{PLAIN}secret\nbob:{PLAIN}secret\n").unwrap();
    let root = super::folder();
    let upstream = UPSTREAM.replace("/run/rest-client/decide.sock", &serving.at);
    let server = SERVER
        .replace("127.0.0.1:8081", &backend.address().to_string())
        .replace(
            "    auth_request /_decide;",
            &format!("    auth_basic rest-client;\n    auth_basic_user_file {};\n    auth_request /_decide;", users.display()),
        )
        .replace("# proxy_set_header X-Original-User", "proxy_set_header X-Original-User");
    Service::nginx_with_upstream(root.path(), &upstream, &server).await
}

#[tokio::test]
#[cfg_attr(
    not(has_nginx),
    ignore = "nginx is not installed: apt-get install nginx-light"
)]
async fn those_are_served_whom_the_plugin_admits() {
    let billing = Server::start(|seen| match &*seen.target {
        "/credit?caller=alice" => ok("12.50 EUR"),
        _ => ok("0.00 EUR"),
    })
    .await;
    let backend = Server::start(|_| ok("from the backend")).await;
    let arguments = ["--form", "nginx", "--attribute", "user=x-original-user"];
    let serving = Serving::at_socket("credit-check", Some(("billing", &billing)), &arguments).await;
    let nginx = nginx_with_users(&serving, &backend).await;
    let ask = |user: &str| {
        worker()
            .rest_get(&nginx.url("/").replace("//", &format!("//{user}:secret@")))
            // His own word for whom he is.
            .header("x-original-user", "\"alice\"")
            .header("from", "<sip:alice@example.org>")
    };
    let admitted = ask("alice").await.unwrap();
    assert_eq!(
        (admitted.status().as_u16(), &*admitted.text()),
        (200, "from the backend")
    );
    let stranger = ask("mallory").await.unwrap();
    assert_eq!(stranger.status().as_u16(), 401);
    let refused = ask("bob").await.unwrap();
    assert_eq!((refused.status().as_u16(), refused.body().len()), (402, 0));
    assert_eq!(backend.record().requests.len(), 1);
}

#[tokio::test]
#[cfg_attr(
    not(has_nginx),
    ignore = "nginx is not installed: apt-get install nginx-light"
)]
async fn one_connection_serves_request_after_request_and_its_end_loses_none() {
    let backend = Server::start(|_| ok("from the backend")).await;
    let first = Serving::at_socket("puppet", None, &["--form", "nginx"]).await;
    let nginx = nginx(&first, &backend).await;
    let ask = || worker().rest_get(&nginx.url("/"));
    for _ in 0..3 {
        assert_eq!(ask().await.unwrap().status(), 200);
    }
    first.process.signal("TERM").await;
    let ended = first.process.ended().await;
    assert_eq!(ended.code(), 0);
    assert!(
        ended.stderr.contains("ending; 1 connections are open"),
        "{}",
        ended.stderr
    );
    let listen = format!("unix:{}", first.at);
    let arguments = ["--listen", &listen, "--form", "nginx"];
    let _second = Serving::start_in(super::folder(), "puppet", &arguments).await;
    for _ in 0..3 {
        assert_eq!(ask().await.unwrap().status(), 200);
    }
}

for_each_wasi! {
    crate::puppets::Plain, crate::puppets::Async:
    #[cfg_attr(
        not(has_nginx),
        ignore = "nginx is not installed: apt-get install nginx-light"
    )]
    whatever_the_plugin_answers_arrives_whole,
    #[cfg_attr(
        not(has_nginx),
        ignore = "nginx is not installed: apt-get install nginx-light"
    )]
    what_a_client_writes_is_taken_for_no_word_of_nginx,
}

async fn whatever_the_plugin_answers_arrives_whole<P: Puppet>() {
    let backend = Server::start(|seen| match &*seen.target {
        // A refusal of the backend's own.
        "/forbidden" => reply("403 Forbidden", &[], b"the backend's"),
        _ => ok(""),
    })
    .await;
    let arguments = ["--form", "nginx", "--carry", "x-account"];
    let serving = Serving::at_socket(P::NAME, None, &arguments).await;
    let nginx = nginx(&serving, &backend).await;
    let decide = |path: &str, things: &[&str]| {
        let mut request = worker().rest_get(&nginx.url(path));
        for thing in things {
            request = request.header("x-do", *thing);
        }
        request
    };
    let things = [
        "answer 429",
        "field retry-after 5",
        "field content-type text/html",
        "body <h1>Later</h1>",
    ];
    let answer = decide("/", &things).await.unwrap();
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.header("retry-after"), Some("5"));
    assert_eq!(answer.text(), "<h1>Later</h1>");
    let redirect = decide("/", &["redirect 302 https://login.example/"])
        .await
        .unwrap();
    assert_eq!(redirect.status(), 302);
    assert_eq!(redirect.header("location"), Some("https://login.example/"));
    let challenge = decide(
        "/",
        &["answer 401", "field www-authenticate Basic realm=\"a\""],
    );
    let challenge = challenge.await.unwrap();
    assert_eq!(challenge.status(), 401);
    assert_eq!(
        challenge.header("www-authenticate"),
        Some("Basic realm=\"a\"")
    );
    // By such a field a backend of nginx's own would steer it.
    let steered = decide("/", &["answer 404", "field x-accel-redirect /private"]);
    assert_eq!(steered.await.unwrap().status(), 503);
    let failed = decide("/", &["trap"]).await.unwrap();
    assert_eq!(failed.status(), 503);
    let dropped = decide("/", &["drop"]).await.unwrap_err();
    assert!(dropped.to_string().contains("before"), "{dropped}");
    let forbidden = decide("/forbidden", &[]).await.unwrap();
    assert_eq!(forbidden.text(), "the backend's");
}

async fn what_a_client_writes_is_taken_for_no_word_of_nginx<P: Puppet>() {
    let backend = Server::start(|_| ok("")).await;
    let arguments = ["--form", "nginx", "--carry", "x-account"];
    let serving = Serving::at_socket(P::NAME, None, &arguments).await;
    let nginx = nginx(&serving, &backend).await;
    let mut request = worker().rest_request("POST", &nginx.url("/real?a=b"));
    for (name, value) in [
        ("x-original-method", "DELETE"),
        ("x-original-uri", "/admin"),
        ("x-original-host", "evil.example"),
        ("x-original-scheme", "https"),
        ("x-original-address", "10.0.0.1"),
        ("x-routing-answer", "00000000000000000000000000000000"),
        ("routing-code", "200"),
        ("x-account", "root"),
        ("x-do", "show method"),
        ("x-do", "show target"),
        ("x-do", "show source"),
        ("x-do", "show scheme"),
        ("x-do", "answer 418"),
    ] {
        request = request.header(name, value);
    }
    // What is shown stands in the attributes of an answer, which the client never sees.
    assert_eq!(request.await.unwrap().status(), 418);
    let shown = [
        ("method", "POST"),
        ("target", "/real?a=b"),
        ("scheme", "http"),
    ];
    for (what, value) in shown {
        let show = format!("show {what}");
        let mut request = worker().rest_request("POST", &nginx.url("/real?a=b"));
        for (name, value) in [
            ("x-original-method", "DELETE"),
            ("x-original-uri", "/admin"),
            ("x-original-scheme", "https"),
            ("x-do", &*show),
            ("x-do", "set-account"),
        ] {
            request = request.header(name, value);
        }
        // The plugin can't do the last, and its error is the operator's alone.
        assert_eq!(request.await.unwrap().status(), 503, "{what} {value}");
    }
    // The backend has what the plugin has set, and never what the client has.
    let plain = worker()
        .rest_get(&nginx.url("/"))
        .header("x-account", "root");
    plain.await.unwrap();
    let seen = backend.record().requests.pop().unwrap();
    assert_eq!(seen.header("x-account"), [""; 0]);
    let set = worker()
        .rest_get(&nginx.url("/"))
        .header("x-account", "root")
        .header("x-do", "set x-account alice");
    set.await.unwrap();
    let seen = backend.record().requests.pop().unwrap();
    assert_eq!(seen.header("x-account"), ["alice"]);
}
