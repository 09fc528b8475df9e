use super::{super::read_request, *};

fn request(protocol: &str, method: &str) -> Request {
    let target = match protocol {
        "sip" => "sip:bob@example.org",
        _ => "/",
    };
    let json =
        format!(r#"{{"protocol": "{protocol}", "method": "{method}", "target": "{target}"}}"#);
    read_request(json.as_bytes()).unwrap()
}

/// What is broken, or nothing.
fn broken(protocol: &str, method: &str, decision: Decision) -> String {
    match check_decision(&request(protocol, method), &decision) {
        Ok(()) => String::new(),
        Err(violation) => violation.to_string(),
    }
}

fn field(name: &str, value: &str) -> (String, Vec<u8>) {
    (name.into(), value.into())
}

fn changes() -> Changes {
    Changes {
        destinations: vec![],
        remove_fields: vec![],
        set_fields: vec![],
        add_fields: vec![],
        reply_fields: vec![],
        attributes: vec![],
    }
}

fn to(uri: &str) -> Destination {
    Destination {
        uri: uri.into(),
        next_hop: None,
        preference: None,
        set_fields: vec![],
        attributes: vec![],
    }
}

fn going_to(uris: &[&str]) -> Decision {
    Decision::Continue(Changes {
        destinations: uris.iter().map(|uri| to(uri)).collect(),
        ..changes()
    })
}

fn answer(code: u16) -> Answer {
    Answer {
        code,
        reason: None,
        fields: vec![],
        body: vec![],
        attributes: vec![],
    }
}

fn redirect(code: Option<u16>, uri: &str) -> Redirect {
    Redirect {
        code,
        destinations: vec![to(uri)],
        fields: vec![],
        attributes: vec![],
    }
}

#[test]
fn no_field_of_the_way_or_the_transaction_is_touched_under_any_spelling() {
    for (protocol, names) in [
        (
            "sip",
            &[
                "via",
                "Via",
                "v",
                "V",
                "m",
                "l",
                "To",
                "content-encoding",
                "E",
            ][..],
        ),
        (
            "http",
            &["host", "Host", "content-length", "TE", "content-encoding"],
        ),
    ] {
        for name in names {
            let field = field(name, "x");
            let each = [
                Changes {
                    remove_fields: vec![(*name).into()],
                    ..changes()
                },
                Changes {
                    set_fields: vec![field.clone()],
                    ..changes()
                },
                Changes {
                    add_fields: vec![field.clone()],
                    ..changes()
                },
                Changes {
                    destinations: vec![Destination {
                        set_fields: vec![field],
                        ..to(if protocol == "sip" { "sip:a@b" } else { "/" })
                    }],
                    ..changes()
                },
            ];
            for changes in each {
                let what = broken(protocol, "INVITE", Decision::Continue(changes));
                assert!(
                    what.contains("belongs to the proxy"),
                    "{protocol} {name}: {what}"
                );
            }
        }
    }
    // Those have a meaning in the other protocol alone.
    let set = |name| {
        Decision::Continue(Changes {
            set_fields: vec![field(name, "x")],
            ..changes()
        })
    };
    assert_eq!(broken("http", "GET", set("via")), "");
    assert_eq!(broken("http", "GET", set("v")), "");
    assert_eq!(broken("sip", "INVITE", set("te")), "");
}

#[test]
fn no_value_is_more_than_one_line() {
    for value in ["a\r\nb: c", "a\nb", "a\rb", "a\0", " a", "a\t"] {
        for decision in [
            Decision::Continue(Changes {
                set_fields: vec![field("x", value)],
                ..changes()
            }),
            Decision::Continue(Changes {
                reply_fields: vec![field("x", value)],
                ..changes()
            }),
            Decision::Answer(Answer {
                fields: vec![field("x", value)],
                ..answer(403)
            }),
            Decision::Redirect(Redirect {
                fields: vec![field("x", value)],
                ..redirect(None, "https://example.com/")
            }),
        ] {
            let what = broken("http", "GET", decision);
            assert!(what.contains("its value has"), "{value:?}: {what}");
        }
    }
    for name in ["", "a b", ":path", "a\r\nb", "é"] {
        let decision = Decision::Answer(Answer {
            fields: vec![field(name, "")],
            ..answer(403)
        });
        assert!(
            broken("http", "GET", decision).contains("no name of a field"),
            "{name:?}"
        );
    }
}

#[test]
fn codes_are_those_of_the_protocol_and_its_methods() {
    for (protocol, method, code, what) in [
        ("http", "GET", 200, ""),
        ("http", "GET", 599, ""),
        ("http", "GET", 600, "no code"),
        ("http", "GET", 199, "no code"),
        ("http", "GET", 302, "code of a redirect"),
        ("http", "GET", 300, ""),
        ("http", "GET", 401, "www-authenticate"),
        ("http", "GET", 407, "proxy-authenticate"),
        ("sip", "INVITE", 603, ""),
        ("sip", "INVITE", 700, "no code"),
        ("sip", "INVITE", 100, "no code"),
        ("sip", "INVITE", 200, "would accept the call"),
        ("sip", "OPTIONS", 200, ""),
        ("sip", "INVITE", 302, "code of a redirect"),
        ("sip", "INVITE", 303, ""),
    ] {
        let found = broken(protocol, method, Decision::Answer(answer(code)));
        assert!(found.contains(what), "{protocol} {code}: {found}");
        assert_eq!(
            found.is_empty(),
            what.is_empty(),
            "{protocol} {code}: {found}"
        );
    }
    for (protocol, code, right) in [
        ("http", None, true),
        ("http", Some(308), true),
        ("http", Some(304), false),
        ("sip", Some(305), true),
        ("sip", Some(308), false),
    ] {
        let uri = if protocol == "sip" {
            "sip:a@b"
        } else {
            "/login"
        };
        let found = broken(protocol, "INVITE", Decision::Redirect(redirect(code, uri)));
        assert_eq!(found.is_empty(), right, "{protocol} {code:?}: {found}");
    }
}

#[test]
fn a_body_is_announced_and_bounded() {
    let with = |code, fields, body: &[u8]| {
        let body = body.to_vec();
        broken(
            "http",
            "GET",
            Decision::Answer(Answer {
                fields,
                body,
                ..answer(code)
            }),
        )
    };
    let html = || vec![field("Content-Type", "text/html")];
    assert_eq!(with(403, html(), b"no"), "");
    assert!(with(403, vec![], b"no").contains("content-type"));
    assert!(with(204, html(), b"no").contains("204 must not have a body"));
    assert!(with(403, html(), &[b'x'; 65_537]).contains("65536"));
    let short = || {
        broken(
            "sip",
            "INVITE",
            Decision::Answer(Answer {
                fields: vec![field("c", "text/plain")],
                body: b"no".to_vec(),
                ..answer(403)
            }),
        )
    };
    assert_eq!(short(), "");
}

#[test]
fn a_destination_is_a_uri_of_its_protocol_and_nothing_more() {
    for uri in [
        "sip:bob@192.0.2.1:5060;transport=tcp",
        "SIPS:bob@example.org",
        "tel:+4930123",
        "sip:what?@example.org",
    ] {
        assert_eq!(broken("sip", "INVITE", going_to(&[uri])), "", "{uri}");
    }
    for uri in [
        "",
        "sip:",
        "bob@example.org",
        "http://example.org/",
        "sip:a@b?Route=sip:evil",
        "sip:a@b>,<sip:c@d",
        "sip:a@b\r\nVia: x",
        "sip:a b@c",
        "sip:é@b",
        "sip:bob@gw?Replaces=x&y=a@b",
    ] {
        let what = broken("sip", "INVITE", going_to(&[uri]));
        assert!(
            what.starts_with("continue.destinations[0].uri: "),
            "{uri}: {what}"
        );
    }
    for uri in ["/path?query", "https://backend.example/x"] {
        assert_eq!(broken("http", "GET", going_to(&[uri])), "", "{uri}");
    }
    for uri in [
        "//evil.example/",
        "path",
        "ftp://h/",
        "/a b",
        "/\\evil",
        "/a#b",
        "http://",
    ] {
        assert_ne!(broken("http", "GET", going_to(&[uri])), "", "{uri}");
    }
    let location = |uri| broken("http", "GET", Decision::Redirect(redirect(None, uri)));
    for uri in [
        "https://login.example/?next=%2F",
        "//other.example/",
        "../up",
        "?q",
    ] {
        assert_eq!(location(uri), "", "{uri}");
    }
    for uri in ["", "javascript:alert(1)", "https://a/\r\nset-cookie: x"] {
        assert_ne!(location(uri), "", "{uri:?}");
    }
}

#[test]
fn there_are_as_many_destinations_as_the_protocol_takes() {
    let two = ["sip:a@b", "sip:c@d"];
    assert_eq!(broken("sip", "INVITE", going_to(&two)), "");
    assert!(broken("http", "GET", going_to(&["/a", "/b"])).contains("one destination at most"));
    assert!(broken("sip", "INVITE", going_to(&["sip:a@b"; 65])).contains("64"));
    let none = Redirect {
        destinations: vec![],
        ..redirect(None, "/")
    };
    assert!(broken("http", "GET", Decision::Redirect(none)).contains("there is none"));
}

#[test]
fn a_redirect_says_where_to_and_no_more() {
    let with = |change: &dyn Fn(&mut Redirect)| {
        let mut redirect = redirect(None, "sip:a@b");
        change(&mut redirect);
        broken("sip", "INVITE", Decision::Redirect(redirect))
    };
    assert_eq!(with(&|it| it.destinations[0].preference = Some(1000)), "");
    assert!(with(&|it| it.destinations[0].preference = Some(1001)).contains("0 to 1000"));
    assert!(with(&|it| it.destinations[0].next_hop = Some("sip:p".into())).contains("next-hop"));
    assert!(
        with(&|it| it.destinations[0].set_fields = vec![field("x", "")]).contains("set-fields")
    );
    assert!(
        with(&|it| it.fields = vec![field("m", "<sip:x@y>")])
            .contains("made from the destinations")
    );
}

#[test]
fn what_a_decision_holds_is_bounded() {
    let long = "x".repeat(65_537);
    let set = Changes {
        set_fields: vec![field("x", &long)],
        ..changes()
    };
    assert!(broken("http", "GET", Decision::Continue(set)).contains("65536 bytes"));
    let halves = Changes {
        add_fields: vec![field("x", &long[..40_000])],
        reply_fields: vec![field("x", &long[..40_000])],
        ..changes()
    };
    assert!(broken("http", "GET", Decision::Continue(halves)).contains("65536 bytes"));
    let many = Changes {
        add_fields: vec![field("x", ""); 257],
        ..changes()
    };
    assert!(broken("http", "GET", Decision::Continue(many)).contains("more than 256"));
    let removed = Changes {
        remove_fields: vec!["x".into(); 257],
        ..changes()
    };
    assert!(broken("http", "GET", Decision::Continue(removed)).contains("256"));
    for attributes in [
        vec![("Upper".to_owned(), String::new())],
        vec![(String::new(), String::new())],
        vec![("x".repeat(65), String::new())],
        vec![("a".into(), "\n".into())],
        vec![("a".into(), "x".repeat(4097))],
        vec![("a".into(), String::new()), ("a".into(), String::new())],
        (0..65)
            .map(|it| (format!("x-{it}"), String::new()))
            .collect(),
    ] {
        let what = broken("sip", "INVITE", Decision::Drop(attributes.clone()));
        assert!(
            what.starts_with("drop.attributes: "),
            "{attributes:?}: {what}"
        );
    }
}
