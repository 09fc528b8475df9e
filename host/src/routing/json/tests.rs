use super::*;
use crate::routing::*;

fn read(json: &str) -> Request {
    read_request(json.as_bytes()).unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn refusal(json: &str) -> String {
    match read_request(json.as_bytes()) {
        Ok(request) => panic!("{json}: {request:?}"),
        Err(error) => error.to_string(),
    }
}

const SIP: &str = r#""protocol": "sip", "method": "INVITE", "target": "sip:bob@example.org""#;

#[test]
fn all_of_a_request_can_be_written() {
    let request = read(
        r#"{"id": "r1", "protocol": "http", "method": "POST", "target": "/a?b",
            "fields": [{"name": "host", "value": "h"}, {"name": "x", "base64": "/w=="}],
            "body": {"text": "hé", "complete": false, "length": 10},
            "source": {"address": "2001:db8::1", "port": 5060},
            "destination": {"address": "192.0.2.1"},
            "transport": "tls-sctp", "attributes": {"user": "alice", "x-own": "1"},
            "time-left": 1500}"#,
    );
    assert_eq!(
        request,
        Request {
            id: "r1".into(),
            protocol: Protocol::Http,
            method: "POST".into(),
            target: "/a?b".into(),
            fields: vec![("host".into(), b"h".to_vec()), ("x".into(), vec![255])],
            body: Some(Payload {
                bytes: "hé".into(),
                complete: false,
                length: Some(10),
            }),
            source: Some(Endpoint {
                address: "2001:db8::1".into(),
                port: Some(5060),
            }),
            destination: Some(Endpoint {
                address: "192.0.2.1".into(),
                port: None,
            }),
            transport: Some(Transport::TlsSctp),
            attributes: vec![
                ("user".into(), "alice".into()),
                ("x-own".into(), "1".into())
            ],
            time_left: 1500,
        }
    );
}

#[test]
fn what_no_request_has_is_refused_and_named() {
    for (members, words) in [
        (r#""extra": 1"#, "unknown field `extra`"),
        (r#""ex\ntra": 1"#, "unknown field `ex\\ntra`"),
        (r#""method": "BYE""#, "duplicate field `method`"),
        (
            r#""attributes": {"a": "1", "a": "2"}"#,
            "\"a\" is there twice",
        ),
        (
            r#""fields": [{"name": "a", "value": "\ud800"}]"#,
            "hex escape",
        ),
        (
            r#""fields": [{"name": "a"}]"#,
            "it has \"value\" or \"base64\"",
        ),
        (
            r#""fields": [{"name": "a", "value": "", "base64": ""}]"#,
            "either",
        ),
        (r#""fields": [{"name": "a", "base64": "?"}]"#, "no base64"),
        (
            r#""fields": [{"name": "v", "value": ""}]"#,
            "written out: via",
        ),
        (r#""fields": [{"name": "A", "value": ""}]"#, "lower case"),
        (
            r#""fields": [{"name": "x-a", "value": "b\r\nc: d"}]"#,
            "CR, LF or NUL",
        ),
        (r#""source": {"address": "example.org"}"#, "source: "),
        (r#""source": {"address": "[::1]"}"#, "source: "),
        (
            r#""source": {"address": "::ffff:1", "zone": 1}"#,
            "unknown field `zone`",
        ),
        (r#""destination": {"address": "2001:DB8::1"}"#, "RFC 5952"),
        (r#""transport": "tcp4""#, "unknown variant `tcp4`"),
        (r#""time-left": 0"#, "time-left"),
        (r#""id": """#, "id: "),
        (
            r#""body": {"complete": true}"#,
            "it has \"text\" or \"base64\"",
        ),
    ] {
        let found = refusal(&format!("{{{SIP}, {members}}}"));
        assert!(found.contains(words), "{members}: {found}");
    }
    for (json, words) in [
        (
            r#"{"protocol": "sip", "method": "ACK", "target": "sip:a@b"}"#,
            "INVITE",
        ),
        (
            r#"{"protocol": "sip", "method": "CANCEL", "target": "sip:a@b"}"#,
            "INVITE",
        ),
        (
            r#"{"protocol": "sip", "method": "A B", "target": "sip:a@b"}"#,
            "no token",
        ),
        (
            r#"{"protocol": "sip", "method": "BYE", "target": ""}"#,
            "target",
        ),
        (
            r#"{"protocol": "smtp", "method": "BYE", "target": "a"}"#,
            "unknown variant",
        ),
        (
            r#"{"protocol": "sip", "method": "BYE"}"#,
            "missing field `target`",
        ),
        (
            r#"["x", "sip", "BYE", "sip:a@b", [], null, null, null, null, {}, null]"#,
            "expected an object",
        ),
        (
            r#"{"protocol": "sip", "method": "BYE", "target": "sip:a@b", "fields": [["a", "b", null]]}"#,
            "expected an object",
        ),
        (
            r#"{"protocol": "sip", "method": "BYE", "target": "sip:a@b", "source": ["192.0.2.7", 5060]}"#,
            "expected an object",
        ),
        (
            r#"{"protocol": "sip", "method": "BYE", "target": "sip:a@b", "body": ["a", null, true, 1]}"#,
            "expected an object",
        ),
        ("", "the JSON ends too early, at line 1 column 0"),
        (
            r#"{"protocol": "sip","#,
            "the JSON ends too early, at line 1 column 19",
        ),
    ] {
        let found = refusal(json);
        assert!(found.contains(words), "{json}: {found}");
    }
}

#[test]
fn the_same_message_has_the_same_id() {
    let id = |method: &str, fields: &str| {
        let json = format!(
            r#"{{"protocol": "{method}", "method": "X", "target": "sip:a@b", "fields": [{fields}]}}"#
        );
        read(&json).id
    };
    let of_sip = r#"{"name": "via", "value": "SIP/2.0/UDP h;branch=z9hG4bK1, SIP/2.0/TCP i;branch=z9hG4bK2"},
        {"name": "call-id", "value": "c@h"}, {"name": "cseq", "value": "1 X"}"#;
    assert_eq!(id("sip", of_sip), "c@h/z9hG4bK1/1 X");
    let long = format!(r#"{{"name": "call-id", "value": "{}"}}"#, "x".repeat(300));
    assert_eq!(id("sip", &long), id("sip", &long));
    let other = of_sip.replace("branch=z9hG4bK1", "Branch=z9hG4bK3");
    assert_eq!(id("sip", &other), "c@h/z9hG4bK3/1 X");
    let slash = r#"{"name": "call-id", "value": "c@h/z9hG4bK1"}, {"name": "cseq", "value": "1 X"}"#;
    assert_eq!(id("sip", slash), "c@h%2Fz9hG4bK1//1 X");
    // There is nothing to make it of.
    assert_ne!(id("sip", ""), id("sip", ""));
    assert_ne!(id("http", of_sip), id("http", of_sip));
}

#[test]
fn a_decision_is_written_without_what_it_does_not_say() {
    let to = |uri: &str, preference, next_hop: Option<&str>| Destination {
        uri: uri.into(),
        next_hop: next_hop.map(str::to_owned),
        preference,
        set_fields: vec![],
        attributes: vec![],
    };
    let empty = Changes {
        destinations: vec![],
        remove_fields: vec![],
        set_fields: vec![],
        add_fields: vec![],
        reply_fields: vec![],
        attributes: vec![],
    };
    let full = Changes {
        destinations: vec![
            to("sip:a@gw1", None, Some("sip:10.0.0.1")),
            to("sip:a@gw2", Some(500), None),
        ],
        remove_fields: vec!["x-old".into()],
        set_fields: vec![("x-new".into(), b"1".to_vec())],
        add_fields: vec![("x-bytes".into(), vec![255])],
        reply_fields: vec![("x-reply".into(), vec![])],
        attributes: vec![("reason".into(), "credit 12.40".into())],
    };
    let answer = Answer {
        code: 402,
        reason: Some("Payment Required".into()),
        fields: vec![("content-type".into(), b"text/plain".to_vec())],
        body: b"no credit".to_vec(),
        attributes: vec![],
    };
    let redirect = Redirect {
        code: Some(302),
        destinations: vec![to("sip:b@c", None, None)],
        fields: vec![],
        attributes: vec![],
    };
    for (decision, json) in [
        (Decision::Continue(empty), r#"{"decision":"continue"}"#),
        (
            Decision::Continue(full),
            r#"{"decision":"continue","destinations":[{"uri":"sip:a@gw1","next-hop":"sip:10.0.0.1"},{"uri":"sip:a@gw2","preference":500}],"remove-fields":["x-old"],"set-fields":[{"name":"x-new","value":"1"}],"add-fields":[{"name":"x-bytes","base64":"/w=="}],"reply-fields":[{"name":"x-reply","value":""}],"attributes":{"reason":"credit 12.40"}}"#,
        ),
        (
            Decision::Answer(answer),
            r#"{"decision":"answer","code":402,"reason":"Payment Required","fields":[{"name":"content-type","value":"text/plain"}],"body":{"text":"no credit"}}"#,
        ),
        (
            Decision::Redirect(redirect),
            r#"{"decision":"redirect","code":302,"destinations":[{"uri":"sip:b@c"}]}"#,
        ),
        (Decision::Drop(vec![]), r#"{"decision":"drop"}"#),
    ] {
        assert_eq!(write_decision(&decision), json);
    }
}
