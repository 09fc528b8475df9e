//! What holds behind any proxy that passes refusals on as they are.

use crate::worker;
use support::{process::Service, server::Server};

/// The proxy asks the puppet, and carries out what it decides; `x-account` is carried.
pub(super) async fn admits_whom_the_plugin_admits(proxy: &Service, backend: &Server) {
    let ask = |things: &[&str]| {
        worker()
            .rest_get(&proxy.url("/real?a=b"))
            // Not even a client that knows the names is taken for the proxy.
            .header("x-forwarded-method", "DELETE")
            .header("x-forwarded-uri", "/admin")
            .header("x-forwarded-for", "10.0.0.1")
            .header("x-account", "root")
            // In one field: Envoy shows several as one, with commas.
            .header("x-do", things.join(" && "))
    };
    let admitted = ask(&["set x-account alice"]).await.unwrap();
    assert_eq!(
        (admitted.status().as_u16(), &*admitted.text()),
        (200, "from the backend")
    );
    let seen = backend.record().requests.pop().unwrap();
    assert_eq!(seen.header("x-account"), ["alice"]);
    ask(&["attribute x-no change"]).await.unwrap();
    let seen = backend.record().requests.pop().unwrap();
    // What the plugin does not set is empty, or not there.
    let account = seen.header("x-account");
    assert!(account.iter().all(|it| it.is_empty()), "{account:?}");

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
    // For a client on loopback Envoy gives the machine's own address.
    assert!(
        source.starts_with("Some") && !source.contains("10.0.0.1"),
        "{source}"
    );
}
