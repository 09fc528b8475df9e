//! With a collector of OpenTelemetry, each decision has a span, what was asked for it has
//! others below, and services are told that they belong there.

use super::{Serving, configuration, folder};
use crate::worker;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{Span, span::SpanKind, status::StatusCode},
};
use prost::Message as _;
use std::path::Path;
use support::{
    process::{rest_client, run},
    server::Server,
    steps::{ok, reply},
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}

fn text(attributes: &[KeyValue], name: &str) -> String {
    let found = attributes.iter().find(|it| it.key == name);
    let value = found.unwrap_or_else(|| panic!("{name}: {attributes:?}"));
    match value.value.as_ref().and_then(|it| it.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("{name}: {other:?}"),
    }
}

async fn post(serving: &Serving, path: &str, json: &str) {
    let request = worker()
        .rest_post(&serving.url(path), json)
        .content_type("application/json");
    assert_eq!(request.await.unwrap().status(), 200);
}

/// The spans that the collector has got, by their names.
async fn spans(serving: Serving, collector: &Server) -> Vec<(String, Span)> {
    serving.process.signal("TERM").await;
    let Serving {
        process,
        folder: _folder,
        ..
    } = serving;
    let ended = process.ended().await;
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    let mut spans = Vec::new();
    for request in &collector.record().requests {
        assert_eq!(request.target, "/v1/traces");
        assert_eq!(request.header("content-type"), ["application/x-protobuf"]);
        let sent = ExportTraceServiceRequest::decode(&*request.body).unwrap();
        for of_resource in sent.resource_spans {
            let resource = of_resource.resource.unwrap();
            assert_eq!(text(&resource.attributes, "service.name"), "rest-client");
            for of_scope in of_resource.scope_spans {
                spans.extend(of_scope.spans.into_iter().map(|it| (it.name.clone(), it)));
            }
        }
    }
    spans.sort_by(|(one, _), (other, _)| one.cmp(other));
    spans
}

#[tokio::test]
async fn a_decision_and_its_questions_are_spans_of_the_requests_trace() {
    let collector = Server::start(|_| ok("")).await;
    let billing = Server::start(|_| reply("404 Not Found", &[], b"")).await;
    let endpoint = collector.url("/v1/traces");
    let arguments = ["--otlp-endpoint", &endpoint];
    let serving = Serving::asking("puppet", ("billing", &billing), &arguments).await;
    let request = format!(
        r#"{{"protocol": "sip", "method": "INVITE", "target": "sip:bob@h", "id": "1", "fields": [
            {{"name": "call-id", "value": "x9@192.0.2.7"}},
            {{"name": "traceparent", "value": "00-{TRACE}-{PARENT}-01"}},
            {{"name": "x-do", "value": "ask http://billing.service.internal/?pin=1234"}},
            {{"name": "x-do", "value": "answer 402"}}]}}"#
    );
    post(&serving, "/v1/route/puppet", &request).await;
    let trap = r#"{"protocol": "http", "method": "GET", "target": "/",
        "fields": [{"name": "x-do", "value": "trap"}]}"#;
    post(&serving, "/v1/route/puppet", trap).await;

    let spans = spans(serving, &collector).await;
    let names: Vec<&str> = spans.iter().map(|(name, _)| &**name).collect();
    assert_eq!(
        names,
        [
            "GET billing.service.internal",
            "decide puppet",
            "decide puppet"
        ]
    );
    let is_trapped = |span: &Span| span.status.as_ref().is_some_and(|it| it.code == 2);
    let (trapped, decided): (Vec<&Span>, Vec<&Span>) = spans[1..]
        .iter()
        .map(|(_, it)| it)
        .partition(|it| is_trapped(it));
    let (asked, decided, trapped) = (&spans[0].1, decided[0], trapped[0]);

    assert_eq!(
        (hex(&decided.trace_id), hex(&decided.parent_span_id)),
        (TRACE.into(), PARENT.into())
    );
    assert_eq!(decided.kind(), SpanKind::Server);
    for (name, value) in [
        ("rest_client.plugin", "puppet"),
        ("rest_client.request.id", "1"),
        ("sip.call_id", "x9@192.0.2.7"),
        ("sip.request.method", "INVITE"),
        ("rest_client.decision", "answer"),
        ("rest_client.decision.code", "402"),
    ] {
        assert_eq!(text(&decided.attributes, name), value);
    }
    assert_eq!(asked.trace_id, decided.trace_id);
    assert_eq!(asked.parent_span_id, decided.span_id);
    assert_eq!(asked.kind(), SpanKind::Client);
    assert_eq!(text(&asked.attributes, "http.response.status_code"), "404");
    assert!(asked.start_time_unix_nano >= decided.start_time_unix_nano);
    assert!(asked.end_time_unix_nano <= decided.end_time_unix_nano);
    // The service is told that it belongs below the decision.
    let parent = format!("00-{TRACE}-{}-01", hex(&decided.span_id));
    assert_eq!(billing.only_request().header("traceparent"), [parent]);
    assert_eq!(text(&trapped.attributes, "error.type"), "trap");
    assert_eq!(trapped.status.as_ref().unwrap().code(), StatusCode::Error);
    for request in &collector.record().requests {
        assert!(!request.body.windows(4).any(|it| it == b"1234"));
    }
}

#[tokio::test]
async fn an_answer_of_a_plugins_own_is_a_span_too() {
    let collector = Server::start(|_| ok("")).await;
    let billing = Server::start(|_| ok("")).await;
    let endpoint = collector.url("/v1/traces");
    let arguments = ["--otlp-endpoint", &endpoint];
    let serving = Serving::asking("website", ("billing", &billing), &arguments).await;
    let url = serving.url("/ask?http://billing.service.internal/");
    assert_eq!(worker().rest_get(&url).await.unwrap().status(), 200);
    let spans = spans(serving, &collector).await;
    let [(name, span)] = &spans[..] else {
        panic!("{spans:?}");
    };
    assert_eq!(name, "answer website");
    assert_eq!(text(&span.attributes, "http.response.status_code"), "200");
    let parent = format!("00-{}-{}-01", hex(&span.trace_id), hex(&span.span_id));
    assert_eq!(billing.only_request().header("traceparent"), [parent]);
}

#[tokio::test]
async fn without_a_collector_there_that_is_said_and_decisions_go_on() {
    let endpoint = "http://127.0.0.1:1/v1/traces";
    let serving = Serving::start("puppet", &["--otlp-endpoint", endpoint]).await;
    let request = r#"{"protocol": "http", "method": "GET", "target": "/"}"#;
    post(&serving, "/v1/route/puppet", request).await;
    serving.process.signal("TERM").await;
    let ended = serving.process.ended().await;
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("127.0.0.1:1"), "{}", ended.stderr);
    let folder = folder();
    let config = configuration(&folder, None);
    let file = folder.path().join("puppet.wasm");
    std::fs::write(&file, support::plugin::built("puppet")).unwrap();
    let arguments = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--config",
        &config,
        "--otlp-endpoint",
        "no url",
        file.to_str().unwrap(),
    ];
    let refused = run(rest_client(), arguments, b"").await;
    assert_eq!(refused.code(), 2, "{}", refused.stderr);
}

/// It would stand in the log of the library that sends them.
#[tokio::test]
async fn a_collector_with_a_password_is_refused_wherever_it_is_named() {
    let folder = folder();
    let file = folder.path().join("puppet.wasm");
    std::fs::write(&file, support::plugin::built("puppet")).unwrap();
    for variable in [
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    ] {
        let named = format!("{variable}=http://u:hunter2@127.0.0.1:1/");
        let program = rest_client().to_str().unwrap();
        let arguments = [&*named, program, "serve", "-vv", "--listen", "127.0.0.1:0"];
        let arguments = [&arguments[..], &[file.to_str().unwrap()]].concat();
        let refused = run(Path::new("env"), arguments, b"").await;
        assert_eq!(refused.code(), 2, "{}", refused.stderr);
        assert!(refused.stderr.contains(variable), "{}", refused.stderr);
        assert!(!refused.stderr.contains("hunter2"), "{}", refused.stderr);
    }
}
