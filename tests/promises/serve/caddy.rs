//! Debian's Caddy, with README's configuration.

use super::Serving;
use crate::worker;
use support::{process::Service, server::Server, steps::ok};

const CONFIGURATION: &str = include_str!("../../../deploy/caddy/Caddyfile");

#[tokio::test]
#[cfg_attr(
    not(has_caddy),
    ignore = "Caddy is not installed: apt-get install caddy"
)]
async fn those_are_served_whom_the_plugin_admits() {
    let backend = Server::start(|_| ok("from the backend")).await;
    let arguments = ["--form", "caddy", "--carry", "x-account"];
    let serving = Serving::at_socket("puppet", None, &arguments).await;
    let caddy = Service::caddy(|address| {
        CONFIGURATION
            .replace("127.0.0.1:8080", &address.to_string())
            .replace("/run/rest-client/decide.sock", &serving.at)
            .replace("127.0.0.1:8081", &backend.address().to_string())
    })
    .await;
    let ask = |things: &[&str]| {
        let mut request = worker()
            .rest_get(&caddy.url("/real?a=b"))
            // Not even a client that knows the names is taken for the proxy.
            .header("x-forwarded-method", "DELETE")
            .header("x-forwarded-uri", "/admin")
            .header("x-forwarded-for", "10.0.0.1")
            .header("x-account", "root");
        for thing in things {
            request = request.header("x-do", *thing);
        }
        request
    };
    let admitted = ask(&["set x-account alice"]).await.unwrap();
    assert_eq!(
        (admitted.status().as_u16(), &*admitted.text()),
        (200, "from the backend")
    );
    let seen = backend.record().requests.pop().unwrap();
    assert_eq!(seen.header("x-account"), ["alice"]);
    ask(&[]).await.unwrap();
    let seen = backend.record().requests.pop().unwrap();
    // What the plugin does not set is empty.
    assert_eq!(seen.header("x-account"), [""]);

    let things = [
        "answer 429",
        "field retry-after 5",
        "field content-type text/plain",
        "body Later",
    ];
    let answer = ask(&things).await.unwrap();
    assert_eq!((answer.status().as_u16(), &*answer.text()), (429, "Later"));
    assert_eq!(answer.header("retry-after"), Some("5"));
    let redirect = ask(&["redirect 302 https://login.example/"]).await.unwrap();
    assert_eq!(redirect.header("location"), Some("https://login.example/"));
    for (what, value) in [
        ("method", "GET"),
        ("target", "/real?a=b"),
        ("scheme", "http"),
    ] {
        let shown = ask(&["answer 418", &format!("tell {what}")]).await.unwrap();
        assert_eq!(shown.header(&format!("x-{what}")), Some(value));
    }
    let shown = ask(&["answer 418", "tell source"]).await.unwrap();
    let source = shown.header("x-source").unwrap();
    assert!(source.contains("127.0.0.1"), "{source}");
}
