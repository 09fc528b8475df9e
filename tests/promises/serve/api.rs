//! The JSON API.

use super::Serving;
use crate::worker;
use rest_client_host::Response;
use serde_json::{Value, json};

const PATH: &str = "/v1/route/puppet";

async fn post(
    serving: &Serving,
    path: &str,
    content_type: &str,
    body: impl Into<Vec<u8>>,
) -> Response {
    let request = worker().rest_post(&serving.url(path), body);
    request.content_type(content_type).await.unwrap()
}

async fn decide(serving: &Serving, things: &[&str]) -> Value {
    let field = |it: &&str| json!({"name": "x-do", "value": it});
    let fields: Vec<Value> = things.iter().map(field).collect();
    let request =
        json!({"protocol": "sip", "method": "INVITE", "target": "sip:a@b", "fields": fields});
    let reply = post(serving, PATH, "application/json", request.to_string()).await;
    assert_eq!(reply.status(), 200, "{}", reply.text());
    assert_eq!(reply.content_type(), Some("application/json"));
    reply.json().unwrap()
}

#[tokio::test]
async fn a_decision_is_json() {
    let serving = Serving::start("puppet", &[]).await;
    for (things, decision) in [
        (&[][..], json!({"decision": "continue"})),
        (
            &[
                "to sip:a@gw1",
                "to sip:a@gw2 500",
                "attribute reason credit",
            ],
            json!({"decision": "continue", "attributes": {"reason": "credit"},
                   "destinations": [{"uri": "sip:a@gw1"}, {"uri": "sip:a@gw2", "preference": 500}]}),
        ),
        (
            &["answer 402 Payment Required"],
            json!({"decision": "answer", "code": 402, "reason": "Payment Required"}),
        ),
        (&["drop"], json!({"decision": "drop"})),
    ] {
        assert_eq!(decide(&serving, things).await, decision);
    }
}

/// A decision is always 200, so that a script can tell it from a failure of the asking.
#[tokio::test]
async fn where_the_plugin_does_not_decide_the_reply_says_so() {
    let serving = Serving::start("puppet", &["--decision-timeout", "300ms"]).await;
    for (thing, failed) in [
        ("trap", "trap"),
        ("spin", "deadline"),
        ("error no", "error"),
        ("answer 200", "invalid"),
    ] {
        let decision = json!({"decision": "answer", "code": 500, "failed": failed});
        assert_eq!(decide(&serving, &[thing]).await, decision);
    }
}

#[tokio::test]
async fn a_sip_message_is_taken_as_it_is() {
    let serving = Serving::start("puppet", &[]).await;
    let message = "INVITE sip:bob@example.org SIP/2.0\r\n\
        v: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\ni: x9@h\r\n\
        X-Do: show source\r\nx-do: show transport\r\nx-do: show branch\r\nx-do: show id\r\n\
        x-do: show fields\r\nl: 0\r\n\r\n";
    let request = worker()
        .rest_post(&serving.url(PATH), message)
        .content_type("message/sip")
        .header(
            "routing-source",
            "address=192.0.2.7;port=5060;transport=UDP",
        );
    let decision: Value = request.await.unwrap().json().unwrap();
    let shown = &decision["attributes"];
    assert!(
        shown["x-source"].as_str().unwrap().contains("192.0.2.7"),
        "{decision}"
    );
    assert_eq!(shown["x-transport"], "Some(Transport::Udp)");
    assert_eq!(shown["x-branch"], "z9hG4bK1");
    assert_eq!(shown["x-id"], "x9@h/z9hG4bK1/");
    assert_eq!(
        shown["x-fields"],
        "via call-id x-do x-do x-do x-do x-do content-length"
    );
}

#[tokio::test]
async fn what_is_no_request_is_refused_with_what_would_be_right() {
    let serving = Serving::start("puppet", &[]).await;
    let sip = "INVITE sip:a@b SIP/2.0\r\n\r\n";
    for (path, content_type, body, status, words) in [
        ("/", "application/json", "{}", 404, "/v1/route/puppet"),
        (
            "/v1/route/other",
            "application/json",
            "{}",
            404,
            "/v1/route/puppet",
        ),
        (
            "/v1/route/puppet?x",
            "application/json",
            "{}",
            400,
            "no parameters",
        ),
        (
            PATH,
            "application/json",
            "{}",
            400,
            "missing field `protocol`",
        ),
        (
            PATH,
            "application/json",
            r#"{"a": 1}"#,
            400,
            "unknown field `a`",
        ),
        (
            PATH,
            "text/plain",
            "{}",
            415,
            "application/json or message/sip",
        ),
        (
            PATH,
            "message/sip",
            "ACK sip:a@b SIP/2.0\r\n\r\n",
            400,
            "INVITE",
        ),
        (PATH, "message/sip", "nonsense", 400, "message: "),
    ] {
        let reply = post(&serving, path, content_type, body).await;
        let error: Value = reply.json().unwrap();
        assert_eq!(reply.status(), status, "{path} {body}: {error}");
        let error = error["error"].as_str().unwrap();
        assert!(error.contains(words), "{path} {body}: {error}");
    }
    for source in [
        "192.0.2.7",
        "port=1",
        "address=h",
        "address=192.0.2.7;port=x",
        "address=192.0.2.7;zone=1",
    ] {
        let request = worker()
            .rest_post(&serving.url(PATH), sip)
            .content_type("message/sip")
            .header("routing-source", source);
        assert_eq!(request.await.unwrap().status(), 400, "{source}");
    }
    let large = post(
        &serving,
        PATH,
        "application/json",
        vec![b' '; (1 << 20) + 1],
    )
    .await;
    assert_eq!(large.status(), 413);
    let get = worker().rest_get(&serving.url(PATH)).await.unwrap();
    assert_eq!(
        (get.status().as_u16(), get.header("allow")),
        (405, Some("POST"))
    );
}

#[tokio::test]
async fn who_is_not_trusted_gets_no_decision() {
    let serving = Serving::start("puppet", &["--trusted-peers", "192.0.2.0/24"]).await;
    let reply = post(&serving, PATH, "application/json", "{}").await;
    assert_eq!(reply.status(), 403);
}

/// Without being asked, as proxies speak it to those whom they know.
#[tokio::test]
async fn http2_is_spoken_too() {
    use rest_client_host::HttpVersion;

    let serving = Serving::start("puppet", &[]).await;
    let config = support::config!(http_version = HttpVersion::Http2PriorKnowledge);
    let request = crate::worker_with(config).rest_post(
        &serving.url(PATH),
        r#"{"protocol": "http", "method": "GET", "target": "/"}"#,
    );
    let reply = request.content_type("application/json").await.unwrap();
    assert_eq!(reply.text(), r#"{"decision":"continue"}"#);
}
