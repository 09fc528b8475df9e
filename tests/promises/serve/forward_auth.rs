//! Forward authentication, as each proxy asks and takes the reply.

use super::Serving;
use crate::{puppets::Puppet, worker};
use rest_client_host::Response;
use support::process::{rest_client, run};

const NGINX: [(&str, &str); 5] = [
    ("x-original-method", "GET"),
    ("x-original-uri", "/path?a=b"),
    ("x-original-host", "example.org"),
    ("x-original-scheme", "https"),
    ("x-original-address", "192.0.2.7"),
];

const FORWARDED: [(&str, &str); 5] = [
    ("x-forwarded-method", "POST"),
    ("x-forwarded-uri", "/path?a=b"),
    ("x-forwarded-host", "example.org"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-for", "203.0.113.9, 192.0.2.7"),
];

const ENVOY: [(&str, &str); 2] = [
    ("x-forwarded-proto", "https"),
    ("x-forwarded-for", "192.0.2.7"),
];

const FORMS: [(&str, &[(&str, &str)]); 4] = [
    ("nginx", &NGINX),
    ("caddy", &FORWARDED),
    ("traefik", &FORWARDED),
    ("envoy", &ENVOY),
];

async fn serving<P: Puppet>(form: &str, arguments: &[&str]) -> Serving {
    Serving::start(P::NAME, &[&["--form", form][..], arguments].concat()).await
}

/// What a proxy gets that asks with these fields.
async fn ask(serving: &Serving, path: &str, fields: &[(&str, &str)]) -> Response {
    let mut request = worker().rest_get(&serving.url(path));
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.await.unwrap()
}

/// The same, where the plugin is to do these things.
async fn decide(serving: &Serving, described: &[(&str, &str)], things: &[&str]) -> Response {
    let things = things.iter().map(|it| ("x-do", *it));
    let fields: Vec<_> = described.iter().copied().chain(things).collect();
    ask(serving, "/path?a=b", &fields).await
}

for_each_wasi! {
    crate::puppets::Plain, crate::puppets::Async:
    a_plugin_sees_the_request_of_the_client,
    no_field_of_a_proxy_reaches_the_plugin_under_any_spelling,
    each_field_of_the_form_is_there_once_or_nobody_is_asked,
    an_attribute_is_what_the_proxy_says_in_the_field_for_it_alone,
    the_client_is_the_last_who_is_no_proxy_of_the_operators,
    a_refusal_has_the_form_that_the_proxy_takes,
    what_the_proxy_cannot_carry_out_is_no_decision,
    on_failure_decides_in_the_form_of_the_proxy,
    a_body_that_envoy_has_cut_is_not_taken_for_a_whole_one,
    what_is_removed_and_set_is_set,
    what_is_no_request_is_never_let_through,
    a_path_prefix_of_envoys_is_taken_off,
}

async fn a_plugin_sees_the_request_of_the_client<P: Puppet>() {
    for (form, described) in FORMS {
        let serving = serving::<P>(form, &[]).await;
        let things = [
            "show target",
            "show source",
            "show transport",
            "show scheme",
        ];
        let reply = decide(&serving, described, &things).await;
        assert_eq!(
            (reply.status().as_u16(), reply.body().len()),
            (200, 0),
            "{form}"
        );
        let shown = |name: &str| {
            reply
                .header(&format!("routing-x-{name}"))
                .unwrap()
                .to_owned()
        };
        assert_eq!(shown("target"), "/path?a=b", "{form}");
        assert!(shown("source").contains("192.0.2.7"), "{form}");
        assert_eq!(shown("transport"), "Some(Transport::Tls)", "{form}");
        assert_eq!(shown("scheme"), "https", "{form}");
    }
}

/// The rules against spoofing.
async fn no_field_of_a_proxy_reaches_the_plugin_under_any_spelling<P: Puppet>() {
    let of_clients = [
        ("x-forwarded-user", "root"),
        ("x_forwarded_for", "10.0.0.1"),
        ("x-original-user", "root"),
        ("x-envoy-internal", "true"),
        ("forwarded", "for=10.0.0.1"),
        ("x-real-ip", "10.0.0.1"),
        ("x_real_ip", "10.0.0.1"),
        ("routing-user", "root"),
        ("routing_user", "root"),
        ("x-own", "kept"),
    ];
    for (form, described) in FORMS {
        let serving = serving::<P>(form, &[]).await;
        let fields = [described, &of_clients, &[("x-do", "show fields")]].concat();
        let reply = ask(&serving, "/", &fields).await;
        let shown = reply.header("routing-x-fields").unwrap();
        let mut names: Vec<&str> = shown.split(' ').collect();
        names.retain(|name| !["accept", "user-agent"].contains(name));
        assert_eq!(names[0], "host", "{form}: {shown}");
        names.sort_unstable();
        assert_eq!(names, ["host", "x-do", "x-own"], "{form}");
    }
}

async fn each_field_of_the_form_is_there_once_or_nobody_is_asked<P: Puppet>() {
    for (form, described) in FORMS {
        let serving = serving::<P>(form, &[]).await;
        for (name, value) in described {
            let without: Vec<_> = described
                .iter()
                .copied()
                .filter(|(it, _)| it != name)
                .collect();
            let reply = ask(&serving, "/", &without).await;
            assert_eq!(reply.status(), 400, "{form} without {name}");
            assert!(reply.text().contains(name), "{}", reply.text());
            let twice = [described, &[(name, value)]].concat();
            let reply = ask(&serving, "/", &twice).await;
            assert_eq!(reply.status(), 400, "{form} with {name} twice");
        }
    }
}

async fn an_attribute_is_what_the_proxy_says_in_the_field_for_it_alone<P: Puppet>() {
    for (form, described) in FORMS {
        let attributes = "user=x-original-user,x-team=x_team";
        let serving = serving::<P>(form, &["--attribute", attributes]).await;
        let of_form = |value: &str| match form {
            "nginx" => format!("\"{value}\""),
            _ => value.to_owned(),
        };
        let (alice, nobody) = (of_form("alice \"\u{e9}\""), of_form(""));
        let ask = async |user: &[&str], things: &[&str]| {
            let user = user.iter().map(|it| ("x-original-user", *it));
            // What a backend may take for a field of the proxy is none of the client's.
            let team = [("x_team", &*nobody), ("x-team", "red")];
            let described: Vec<_> = described.iter().copied().chain(user).chain(team).collect();
            decide(&serving, &described, things).await
        };
        let reply = ask(&[&alice], &["show user", "show x-team", "show fields"]).await;
        assert_eq!(reply.status(), 200, "{form}");
        let shown = ["user", "x-team"].map(|it| reply.header(&format!("routing-x-{it}")));
        assert_eq!(shown, [Some("alice \"\u{e9}\""), Some("none")], "{form}");
        let fields = reply.header("routing-x-fields").unwrap();
        assert!(
            !fields.contains("team") && !fields.contains("x-original-user"),
            "{fields}"
        );

        let reply = ask(&[&nobody], &["show user"]).await;
        assert_eq!(reply.header("routing-x-user"), Some("none"), "{form}");
        for user in [&[][..], &[&*alice, &*alice]] {
            let reply = ask(user, &[]).await;
            assert_eq!(reply.status(), 400, "{form}: {user:?}");
            assert!(reply.text().contains("x-original-user"), "{}", reply.text());
        }
        if form == "nginx" {
            let reply = ask(&["alice"], &[]).await;
            assert_eq!(reply.status(), 400);
            assert!(
                reply.text().contains("is not in quotes"),
                "{}",
                reply.text()
            );
        }
    }
}

async fn the_client_is_the_last_who_is_no_proxy_of_the_operators<P: Puppet>() {
    let arguments = ["--trusted-proxies", "192.0.2.0/24,10.0.0.0/8"];
    let serving = serving::<P>("traefik", &arguments).await;
    let mut described = FORWARDED;
    for (forwarded_for, source) in [
        ("203.0.113.9, 192.0.2.7", "203.0.113.9"),
        ("1.1.1.1, 203.0.113.9, 10.1.1.1, 192.0.2.7", "203.0.113.9"),
        ("1.1.1.1, ::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8::1", "2001:db8::1"),
        ("192.0.2.7", "None"),
    ] {
        described[4].1 = forwarded_for;
        let reply = decide(&serving, &described, &["show source"]).await;
        let shown = reply.header("routing-x-source").unwrap();
        assert!(shown.contains(source), "{forwarded_for}: {shown}");
    }
    described[4].1 = "unknown";
    assert_eq!(decide(&serving, &described, &[]).await.status(), 400);
}

async fn a_refusal_has_the_form_that_the_proxy_takes<P: Puppet>() {
    for (form, described) in FORMS {
        let serving = serving::<P>(form, &[]).await;
        for (things, status, code, location) in [
            (&["answer 403"][..], 403, 403, None),
            (&["answer 429", "field retry-after 5"], 429, 429, None),
            (&["answer 503"], 503, 503, None),
            (
                &["redirect 302 https://login.example/"],
                302,
                302,
                Some("https://login.example/"),
            ),
            (
                &["answer 401", "field www-authenticate Basic"],
                401,
                401,
                None,
            ),
        ] {
            let reply = decide(&serving, described, things).await;
            let found = reply.status().as_u16();
            let told = reply.header("routing-code").map(str::to_owned);
            match form {
                "nginx" if status != 401 => {
                    assert_eq!((found, told), (403, Some(code.to_string())), "{things:?}");
                    let token = reply.header("routing-answer").unwrap();
                    let replayed = ask(&serving, "/any", &[("x-routing-answer", token)]).await;
                    assert_eq!(replayed.status().as_u16(), status, "{things:?}");
                    assert_eq!(replayed.header("location"), location);
                    let again = ask(&serving, "/any", &[("x-routing-answer", token)]).await;
                    assert_eq!(again.status(), 403);
                }
                "envoy" if status == 503 => {
                    assert_eq!((found, told), (403, Some("503".into())), "{things:?}");
                }
                _ => {
                    assert_eq!((found, told), (status, None), "{form} {things:?}");
                    assert_eq!(reply.header("location"), location);
                }
            }
        }
        let dropped = decide(&serving, described, &["drop"]).await;
        assert_eq!(dropped.status(), 403, "{form}");
        let code = (form == "nginx").then_some("444");
        assert_eq!(dropped.header("routing-code"), code, "{form}");
    }
}

/// Nothing is weakened in silence.
async fn what_the_proxy_cannot_carry_out_is_no_decision<P: Puppet>() {
    for (form, described) in FORMS {
        let serving = serving::<P>(form, &["--carry", "x-account", "--on-failure", "418"]).await;
        let reply = decide(&serving, described, &["set x-account alice"]).await;
        assert_eq!(reply.status(), 200);
        assert_eq!(reply.header("x-account"), Some("alice"));
        // Where it is not set the proxy must not take the client's own for it.
        let reply = decide(&serving, described, &[]).await;
        assert_eq!(reply.header("x-account"), Some(""));
        for things in [
            &["set x-other alice"][..],
            &["set x-account a", "set x-account b"],
            &["add x-account alice"],
            &["reply x-account alice"],
            &["to /other"],
            &["answer 204"],
            &["attribute code 200", "answer 302"],
            &["remove x-account"],
        ] {
            let reply = decide(&serving, described, things).await;
            if form == "envoy" && things[0].starts_with("remove") {
                let removed = reply.header("x-envoy-auth-headers-to-remove");
                assert_eq!((reply.status().as_u16(), removed), (200, Some("x-account")));
                continue;
            }
            let code = match form {
                "nginx" => reply.header("routing-code").unwrap().to_owned(),
                _ => reply.status().as_str().to_owned(),
            };
            assert_eq!(code, "418", "{form} {things:?}");
        }
    }
}

async fn on_failure_decides_in_the_form_of_the_proxy<P: Puppet>() {
    for (on_failure, by_form) in [
        ("open", [200, 200, 200, 200]),
        ("closed", [403, 503, 503, 403]),
        ("451", [403, 451, 451, 451]),
    ] {
        for ((form, described), status) in FORMS.into_iter().zip(by_form) {
            let serving = serving::<P>(form, &["--on-failure", on_failure]).await;
            let reply = decide(&serving, described, &["trap"]).await;
            assert_eq!(reply.status().as_u16(), status, "{form} {on_failure}");
        }
    }
}

async fn a_body_that_envoy_has_cut_is_not_taken_for_a_whole_one<P: Puppet>() {
    let serving = serving::<P>("envoy", &[]).await;
    for (fields, shown) in [
        (&[][..], "complete: true, length: Some(3)"),
        (&[("x-envoy-auth-partial-body", "false")], "complete: true"),
        (
            &[("x-envoy-auth-partial-body", "true")],
            "complete: false, length: None",
        ),
    ] {
        let mut request = worker().rest_post(&serving.url("/"), "abc");
        for (name, value) in [&ENVOY[..], fields, &[("x-do", "show body")]].concat() {
            request = request.header(name, value);
        }
        let reply = request.await.unwrap();
        let body = reply.header("routing-x-body").unwrap();
        assert!(body.contains(shown), "{fields:?}: {body}");
    }
    // With another proxy it is the word of the client.
    let of_traefik = self::serving::<P>("traefik", &[]).await;
    let mut request = worker().rest_post(&of_traefik.url("/"), "abc");
    let claimed = [("x-envoy-auth-partial-body", "true"), ("x-do", "show body")];
    for (name, value) in [&FORWARDED[..], &claimed].concat() {
        request = request.header(name, value);
    }
    let reply = request.await.unwrap();
    let body = reply.header("routing-x-body").unwrap();
    assert!(body.contains("complete: true, length: Some(3)"), "{body}");
}

async fn what_is_removed_and_set_is_set<P: Puppet>() {
    let serving = serving::<P>("envoy", &["--carry", "x-account"]).await;
    let things = ["remove X-Account", "remove x-old", "set x-account alice"];
    let reply = decide(&serving, &ENVOY, &things).await;
    assert_eq!(reply.header("x-account"), Some("alice"));
    assert_eq!(
        reply.header("x-envoy-auth-headers-to-remove"),
        Some("x-old")
    );
}

/// What a client sends is no failure of the plugin, which would let it pass here.
async fn what_is_no_request_is_never_let_through<P: Puppet>() {
    let serving = serving::<P>("traefik", &["--on-failure", "open"]).await;
    let mut described = FORWARDED;
    for (target, status) in [("/a b", 400), ("/a%20b", 200)] {
        described[1].1 = target;
        assert_eq!(
            decide(&serving, &described, &[]).await.status(),
            status,
            "{target}"
        );
    }
}

async fn a_path_prefix_of_envoys_is_taken_off<P: Puppet>() {
    let serving = serving::<P>("envoy", &["--path-prefix", "/auth"]).await;
    let fields = [&ENVOY[..], &[("x-do", "show target")]].concat();
    let reply = ask(&serving, "/auth/path", &fields).await;
    assert_eq!(reply.header("routing-x-target"), Some("/path"));
    assert_eq!(ask(&serving, "/path", &fields).await.status(), 400);
}

#[tokio::test]
async fn what_can_not_be_meant_is_refused_at_the_start() {
    let socket = tempfile::tempdir().unwrap();
    let other = socket.path().join("other");
    std::fs::write(&other, "[services.billing]\n").unwrap();
    let other = other.display().to_string();
    let socket = format!("unix:{}", socket.path().join("nowhere/socket").display());
    let many: Vec<_> = (0..64).map(|it| format!("x-{it}=x-f{it}")).collect();
    let many = many.join(",");
    for (arguments, words) in [
        (
            &["--carry", "x-a"][..],
            "--carry has no effect with --form json",
        ),
        (
            &["--attribute", "user=x-user"],
            "--attribute has no effect with --form json",
        ),
        (
            &["--form", "caddy", "--attribute", "user"],
            "as in user=x-original-user",
        ),
        (
            &["--form", "caddy", "--attribute", "usr=x-user"],
            "\"usr\" is none of the attributes",
        ),
        (
            &["--form", "caddy", "--attribute", "user=x user"],
            "\"x user\" is no name of a field",
        ),
        (
            &["--form", "caddy", "--attribute", "user=te"],
            "a connection field can't carry an attribute",
        ),
        (
            &["--form", "caddy", "--attribute", "x-token=authorization"],
            "authorization holds credentials",
        ),
        (
            &[
                "--form",
                "caddy",
                "--attribute",
                "x-token=x-key",
                "--record-secret=x-key",
                "--record=/dev/null",
            ],
            "x-key holds credentials",
        ),
        (
            &["--form", "caddy", "--attribute", &many],
            "63 attributes at most",
        ),
        (&["--access-log", &other], "exists and is not an access log"),
        (
            &["--form", "caddy", "--attribute", "user=a,user=b"],
            "--attribute names user twice",
        ),
        (
            &["--form", "caddy", "--attribute", "user=a,route=a"],
            "--attribute names the field a twice",
        ),
        (
            &["--form", "nginx", "--path-prefix", "/a"],
            "--path-prefix is for --form envoy",
        ),
        (
            &["--form", "envoy", "--path-prefix", "auth?a"],
            "--path-prefix is a path",
        ),
        (
            &["--form", "nginx", "--trusted-proxies", "10.0.0.0/8"],
            "set_real_ip_from",
        ),
        (
            &["--form", "caddy", "--carry", "content-length"],
            "no reply can carry it",
        ),
        (
            &["--listen-mode", "660"],
            "--listen-mode is for --listen unix:PATH",
        ),
        (&["--listen-mode", "rw"], "three octal digits"),
        (
            &["--trusted-peers", "::ffff:10.0.0.0/104"],
            "write it as one of IPv4",
        ),
        (&["--trusted-peers", "localhost"], "10.0.0.0/8"),
        (
            &["--listen", &socket, "--trusted-peers", "10.0.0.0/8"],
            "--trusted-peers has no effect with --listen unix:PATH",
        ),
        (&["--listen", &socket], "there is no folder"),
        (&["--otlp-endpoint", "collector"], "what is needed is a URL"),
        (&["--otlp-endpoint", "ftp://h/"], "what is needed is a URL"),
        (&["--otlp-endpoint", "http://u:p@h/"], "without a user"),
        (&["--name", "a b"], "can't stand in the path /v1/route/NAME"),
        (&["--name", ".."], "can't stand in the path /v1/route/NAME"),
        (
            &["--listen", "systemd", "--admin", "systemd"],
            "can't both be a socket of systemd",
        ),
        (
            &["--record", "/dev/null", "--access-log", "/dev/../dev/null"],
            "name the same file",
        ),
        (
            &["--record", "/dev/null", "--record-secret", "a, b"],
            "invalid HTTP header name",
        ),
    ] {
        let listen = match arguments.contains(&"--listen") {
            true => &["serve"][..],
            false => &["serve", "--listen", "127.0.0.1:0"],
        };
        let folder = super::folder();
        let file = folder.path().join("puppet.wasm");
        std::fs::write(&file, support::plugin::built("puppet")).unwrap();
        let all = [listen, arguments, &[file.to_str().unwrap()]].concat();
        let ended = run(rest_client(), all, b"").await;
        assert_eq!(ended.code(), 2, "{arguments:?}");
        assert!(
            ended.stderr.contains(words),
            "{arguments:?}: {}",
            ended.stderr
        );
    }
}
