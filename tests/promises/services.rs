//! A service is asked by its name. Who asks knows neither where it is nor what opens
//! it, and what the operator has set for it holds.

use crate::{puppets::Puppet, worker_with};
use rest_client_host::{
    AtCap, Config, ErrorKind, FailFast, Host, HttpVersion, Instance, SecretSource, Service,
    plugin::PluginCtx,
};
use std::{fs, time::Duration};
use support::{
    config,
    pki::{Authority, Validity},
    plugin::Program,
    process::{rest_client, run},
    server::{Seen, Server},
    steps::{Gate, Step, head, ok, raw, reply},
    unix_socket::UnixSocket,
    unresponsive::FullBacklog,
};

const NAME: &str = "http://billing.service.internal";

fn at(origin: &str) -> Service {
    Service::new(origin.parse().expect("an origin"))
}

fn bound(service: Service) -> Config {
    config!(services = [("billing".to_owned(), service)].into())
}

fn asking(service: Service) -> Instance {
    worker_with(bound(service))
}

fn last(server: &Server) -> Seen {
    server.record().requests.pop().expect("a request")
}

/// Answers after so many connections that were closed instead.
async fn failing(first: usize) -> Server {
    Server::start(move |seen| match seen.connection < first {
        true => vec![Step::Close],
        false => ok("fine"),
    })
    .await
}

for_each_wasi! {
    crate::puppets::Plain, crate::puppets::Async:
    a_plugin_that_makes_a_service_fail_does_not_close_it_to_others,
    a_plugin_is_told_that_a_service_fails_and_not_where_it_is,
}

#[tokio::test]
async fn a_request_goes_to_its_origin_with_what_opens_it() {
    let server = Server::start(|_| ok("12.50 EUR")).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("secret");
    fs::write(&file, "Bearer sesame\n").unwrap();
    let mut service = at(&server.origin());
    let secret = SecretSource::File(file.clone());
    service.headers.insert("Authorization".into(), secret);
    let instance = asking(service);
    let url = format!("{NAME}/credit?caller=alice");
    let ask = || {
        let asked = instance.rest_get(&url);
        asked.header("authorization", "Bearer mine").into_future()
    };
    assert_eq!(ask().await.unwrap().text(), "12.50 EUR");
    let seen = last(&server);
    assert_eq!(seen.target, "/credit?caller=alice");
    assert_eq!(seen.header("authorization"), ["Bearer sesame"]);
    let authority = server.address().to_string();
    assert_eq!(seen.header("host"), [authority]);

    let newer = file.with_extension("new");
    fs::write(&newer, "Bearer open").unwrap();
    fs::rename(&newer, &file).unwrap();
    ask().await.unwrap();
    assert_eq!(last(&server).header("authorization"), ["Bearer open"]);
    fs::remove_file(&file).unwrap();
    ask().await.unwrap();
    assert_eq!(last(&server).header("authorization"), ["Bearer open"]);
}

/// Behind CGI, WSGI or PHP, both names are one variable.
#[tokio::test]
async fn no_field_of_a_caller_is_taken_for_what_opens_a_service() {
    let server = Server::start(|_| ok("fine")).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("secret");
    fs::write(&file, "sesame").unwrap();
    let mut service = at(&server.origin());
    let secret = SecretSource::File(file);
    service.headers.insert("x-api-key".into(), secret);
    let asked = asking(service).rest_get(NAME);
    let asked = asked
        .header("x_api_key", "mine")
        .header("X-API_Key", "mine")
        .header("x_api_keys", "another");
    asked.await.unwrap();
    let seen = last(&server);
    assert_eq!(seen.header("x-api-key"), ["sesame"]);
    assert_eq!(seen.header("x_api_key"), [""; 0]);
    assert_eq!(seen.header("x-api_key"), [""; 0]);
    assert_eq!(seen.header("x_api_keys"), ["another"]);
}

#[tokio::test]
async fn a_secret_that_is_not_there_is_told_when_the_host_is_made() {
    for (source, word) in [
        (SecretSource::File("/nonexistent".into()), "/nonexistent"),
        (
            SecretSource::Env("NO_SUCH_VARIABLE".into()),
            "NO_SUCH_VARIABLE",
        ),
    ] {
        let mut service = at("http://127.0.0.1:1");
        service.headers.insert("x-key".into(), source);
        let error = Host::new(bound(service)).unwrap_err().to_string();
        assert!(
            error.starts_with("services.billing: headers.x-key: "),
            "{error}"
        );
        assert!(error.contains(word), "{error}");
    }
}

#[tokio::test]
async fn the_origin_says_whether_tls_is_spoken() {
    let authority = Authority::new("billing");
    let identity = authority.issue(&["127.0.0.1"], Validity::Good);
    let server = Server::start_tls(&identity, |_| ok("fine")).await;
    let file = authority.file();
    let instance = worker_with(config!(
        ssl_capath = Some(file.path().to_owned()),
        ..bound(at(&server.origin()))
    ));
    for url in [
        format!("{NAME}/"),
        format!("{NAME}/").replace("http:", "https:"),
    ] {
        assert_eq!(instance.rest_get(&url).await.unwrap().text(), "fine");
    }
    assert_eq!(server.record().accepted, 1);
}

#[tokio::test]
async fn a_service_may_be_at_a_socket_of_this_machine() {
    let server = Server::start(|_| ok("fine")).await;
    let address = server.address();
    let socket = UnixSocket::before(address).await;
    let instance = asking(at(&format!("unix:{}", socket.path().display())));
    for _ in 0..3 {
        let reply = instance.rest_post(&format!("{NAME}/a"), "x").await;
        assert_eq!(reply.unwrap().text(), "fine");
    }
    assert_eq!(last(&server).header("host"), ["localhost"]);
    assert_eq!(server.record().accepted, 1);
    drop(socket);
    let error = asking(at("unix:/nonexistent.sock")).rest_get(NAME).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    assert!(error.to_string().contains("no such socket"), "{error}");
}

#[tokio::test]
async fn a_name_that_is_not_bound_is_denied_with_the_line_that_would_bind_it() {
    let instance = worker_with(Config::default());
    let url = "http://credit.service.internal/?pin=1234";
    let error = instance.rest_get(url).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    let message = error.to_string();
    assert!(message.contains("services.credit.origin = "), "{message}");
    assert!(!message.contains("1234"), "{message}");
    assert_eq!(instance.stats().denied, 1);
}

/// Whoever follows it asks by the name again, and is told no other.
#[tokio::test]
async fn a_redirect_of_a_service_to_itself_goes_to_its_name() {
    let server = Server::start(|seen| match &*seen.target {
        "/a" => {
            let host = seen.header("host")[0];
            let location = format!("http://{host}/b?c#d");
            reply("302 Found", &[("location", &location)], b"")
        }
        _ => ok("fine"),
    })
    .await;
    let mut service = at(&server.origin());
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("secret");
    fs::write(&file, "sesame").unwrap();
    service
        .headers
        .insert("x-key".into(), SecretSource::File(file));
    let instance = asking(service);
    let url = format!("{NAME}/a");
    let reply = instance.rest_get(&url).await.unwrap();
    assert_eq!(reply.header("location"), Some(&*format!("{NAME}/b?c#d")));
    let followed = instance.rest_get(&url).max_redirects(1).await.unwrap();
    assert_eq!(followed.text(), "fine");
    assert_eq!(last(&server).target, "/b?c");
    assert_eq!(last(&server).header("x-key"), ["sesame"]);
}

/// To another server it goes without what opens the service.
#[tokio::test]
async fn a_secret_stays_with_its_service() {
    let other = Server::start(|_| ok("other")).await;
    let location = other.url("/");
    let server = Server::start(move |_| reply("302 Found", &[("location", &location)], b"")).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("secret");
    fs::write(&file, "sesame").unwrap();
    let mut service = at(&server.origin());
    service
        .headers
        .insert("x-key".into(), SecretSource::File(file));
    let instance = asking(service);
    let followed = instance.rest_get(NAME).max_redirects(1).await.unwrap();
    assert_eq!(followed.text(), "other");
    assert!(last(&other).header("x-key").is_empty());
}

#[tokio::test]
async fn its_timeouts_shorten_those_of_the_call() {
    let server = Server::start(|_| vec![Step::Stall]).await;
    let mut service = at(&server.origin());
    service.transfer_timeout = Some(Duration::from_millis(50));
    let error = asking(service).rest_get(NAME).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TransferTimeout);
    let message = error.to_string();
    assert!(message.contains("of the service, 50ms"), "{message}");

    let full = FullBacklog::default();
    let mut service = at(full.url().trim_end_matches('/'));
    service.connection_timeout = Some(Duration::from_millis(50));
    let error = asking(service).rest_get(NAME).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionTimeout);
    assert!(error.to_string().contains("50ms"), "{error}");
}

/// The body of a redirect is of no interest to whoever follows it.
#[tokio::test]
async fn a_redirect_that_is_cut_off_at_its_timeout_says_nothing_of_what_it_leads_to() {
    let other = Server::start(|seen| match &*seen.target {
        "/fine" => ok("fine"),
        _ => vec![raw("this is no HTTP\r\n\r\n"), Step::Close],
    })
    .await;
    let origin = other.origin();
    let server = Server::start(move |seen| {
        let location = format!("{origin}{}", seen.target);
        let head = head(
            "302 Found",
            &[("location", &location), ("content-length", "10")],
        );
        vec![head, Step::Stall]
    })
    .await;
    let mut service = at(&server.origin());
    service.transfer_timeout = Some(Duration::from_millis(50));
    let instance = asking(service);
    let fine = instance
        .rest_get(&format!("{NAME}/fine"))
        .max_redirects(1)
        .await;
    assert_eq!(fine.unwrap().text(), "fine");
    let error = instance
        .rest_get(&format!("{NAME}/no-http"))
        .max_redirects(1)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    assert!(!error.to_string().contains("50ms"), "{error}");
}

#[tokio::test]
async fn its_cap_is_within_that_of_the_instance() {
    for at_cap in [AtCap::Block, AtCap::Wait, AtCap::Reject] {
        let gate = Gate::default();
        let held = gate.clone();
        let server = Server::start(move |seen| match &*seen.target {
            "/held" => [vec![Step::Wait(held.clone())], ok("held")].concat(),
            _ => ok("fine"),
        })
        .await;
        let mut service = at(&server.origin());
        service.max_async_transfers = Some(1);
        let instance = worker_with(config!(at_cap, ..bound(service)));
        let first = instance.rest_get(&format!("{NAME}/held")).into_future();
        let others = async {
            server
                .wait_for("the first", |record| record.requests.len() == 1)
                .await;
            let second = instance.rest_get(&format!("{NAME}/second")).into_future();
            let elsewhere = async {
                // Others are not held up by it.
                let beside = instance.rest_get(&server.url("/beside")).await;
                assert_eq!(beside.unwrap().text(), "fine");
                gate.open();
            };
            tokio::join!(second, elsewhere).0
        };
        let (first, second) = tokio::join!(first, others);
        assert_eq!(first.unwrap().text(), "held");
        let targets = server.record().requests;
        let asked = targets.iter().any(|seen| seen.target == "/second");
        match at_cap {
            AtCap::Reject => {
                assert_eq!(second.unwrap_err().kind(), ErrorKind::AtCap);
                assert!(!asked);
            }
            _ => {
                assert_eq!(second.unwrap().text(), "fine");
                assert_eq!(targets[1].target, "/beside");
            }
        }
    }
}

#[tokio::test]
async fn what_may_be_repeated_is_sent_once_more() {
    let retrying = |server: &Server| {
        let mut service = at(&server.origin());
        service.retries = 1;
        asking(service)
    };
    let server = failing(1).await;
    assert_eq!(
        retrying(&server).rest_get(NAME).await.unwrap().text(),
        "fine"
    );
    assert_eq!(server.record().requests.len(), 2);
    let server = failing(1).await;
    retrying(&server).rest_post(NAME, "x").await.unwrap_err();
    assert_eq!(server.record().requests.len(), 1);
}

#[tokio::test]
async fn at_most_one_request_in_five_is_sent_once_more() {
    let server = failing(usize::MAX).await;
    let mut service = at(&server.origin());
    service.retries = 3;
    let instance = asking(service);
    for _ in 0..50 {
        instance.rest_get(NAME).await.unwrap_err();
    }
    let asked = server.record().requests.len();
    assert!((60..=61).contains(&asked), "{asked}");
}

#[tokio::test]
async fn a_service_that_is_down_is_left_alone_until_it_answers_again() {
    const PAUSE: Duration = Duration::from_secs(1);
    let server = failing(2).await;
    let mut service = at(&server.origin());
    service.fail_fast = Some(FailFast {
        after: 2,
        pause: PAUSE,
    });
    let instance = asking(service);
    for _ in 0..2 {
        let error = instance.rest_post(NAME, "x").await.unwrap_err();
        assert!(error.is_truncated(), "{error}");
    }
    let since = std::time::Instant::now();
    let error = instance.rest_post(NAME, "x").await.unwrap_err();
    if since.elapsed() < PAUSE {
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert!(error.to_string().contains("calls fail at once"), "{error}");
        assert_eq!(server.record().requests.len(), 2);
    }
    let deadline = since + PAUSE * 20;
    while instance.rest_post(NAME, "x").await.is_err() {
        assert!(
            std::time::Instant::now() < deadline,
            "it is never asked again"
        );
        tokio::task::yield_now().await;
    }
    assert_eq!(server.record().requests.len(), 3);
}

/// A plugin could close it to all others otherwise.
#[tokio::test]
async fn a_caller_in_a_hurry_says_nothing_of_a_service() {
    let server = Server::start(|seen| match &*seen.target {
        "/slow" => vec![Step::Stall],
        _ => ok("fine"),
    })
    .await;
    let mut service = at(&server.origin());
    service.fail_fast = Some(FailFast {
        after: 1,
        pause: Duration::from_secs(60),
    });
    let instance = asking(service);
    for _ in 0..3 {
        let slow = instance.rest_get(&format!("{NAME}/slow"));
        let error = slow.transfer_timeout(Duration::from_millis(10)).await;
        assert!(error.unwrap_err().is_timeout());
        assert_eq!(instance.rest_get(NAME).await.unwrap().text(), "fine");
    }
}

/// Nor does a plugin that has a service break off by what it sends.
async fn a_plugin_that_makes_a_service_fail_does_not_close_it_to_others<P: Puppet>() {
    let server = Server::start(|seen| match &*seen.target {
        "/break-off" => vec![Step::Close],
        "/garbage" => vec![raw("garbage\r\n\r\n")],
        _ => ok("fine"),
    })
    .await;
    let mut service = at(&server.origin());
    service.fail_fast = Some(FailFast {
        after: 1,
        pause: Duration::from_secs(60),
    });
    let instance = asking(service);
    let mut plugin = Program::asker(P::WASI)
        .start(PluginCtx::new(instance.clone()))
        .await;
    for path in ["/break-off", "/garbage"] {
        let outcome: i32 = plugin.call("get", (format!("{NAME}{path}"),)).await;
        assert!(outcome < 0, "{path}: {outcome}");
        assert_eq!(instance.rest_get(NAME).await.unwrap().text(), "fine");
    }
}

/// Where all callers set less than the operator's limit, too.
#[tokio::test]
async fn a_service_that_nobody_can_connect_with_is_left_alone() {
    let full = FullBacklog::default();
    let mut service = at(full.url().trim_end_matches('/'));
    service.fail_fast = Some(FailFast {
        after: 1,
        pause: Duration::from_secs(60),
    });
    let instance = asking(service);
    let hurried = || {
        let request = instance.rest_get(NAME);
        request.connection_timeout(Duration::from_millis(1100))
    };
    let error = hurried().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionTimeout, "{error}");
    let error = hurried().await.unwrap_err();
    assert!(error.to_string().contains("calls fail at once"), "{error}");
}

#[tokio::test]
async fn what_a_first_attempt_met_is_not_told_of_the_second() {
    let authority = Authority::new("billing");
    let identity = authority.issue(&["127.0.0.1"], Validity::Good);
    let (handshake, reply) = (Gate::default(), Gate::default());
    let held = reply.clone();
    let server =
        Server::start_tls_with_gate(&identity, handshake, move |seen| match &*seen.target {
            "/first" => [vec![Step::Wait(held.clone())], ok("first")].concat(),
            _ => vec![Step::Stall],
        })
        .await;
    let file = authority.file();
    let mut service = at(&server.origin());
    service.retries = 1;
    service.connection_timeout = Some(Duration::from_millis(200));
    service.transfer_timeout = Some(Duration::from_millis(600));
    let instance = worker_with(config!(
        ssl_capath = Some(file.path().to_owned()),
        http_version = HttpVersion::Http11,
        ..bound(service)
    ));
    let first = instance.rest_get(&format!("{NAME}/first")).into_future();
    let second = async {
        server
            .wait_for("the first", |record| record.requests.len() == 1)
            .await;
        let second = instance.rest_get(&format!("{NAME}/second")).into_future();
        let meanwhile = async {
            server
                .wait_for("the second", |record| record.accepted == 2)
                .await;
            reply.open();
        };
        tokio::join!(second, meanwhile).0
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first.unwrap().text(), "first");
    let error = second.unwrap_err();
    // It has gone over the connection that the first one left.
    assert_eq!(last(&server).target, "/second");
    assert_eq!(error.kind(), ErrorKind::TransferTimeout, "{error}");
}

/// It would be asked with what opens it, by whoever the other server is.
#[tokio::test]
async fn no_other_server_leads_a_request_to_a_service() {
    let server = Server::start(|_| ok("fine")).await;
    let to_service = format!("{NAME}/charge");
    let elsewhere =
        Server::start(move |_| reply("307 Temporary Redirect", &[("location", &to_service)], b""))
            .await;
    let instance = asking(at(&server.origin()));
    let led = instance
        .rest_post(&elsewhere.url("/"), "x")
        .max_redirects(3);
    assert_eq!(led.await.unwrap_err().kind(), ErrorKind::Denied);
    assert_eq!(server.record().accepted, 0);
    assert_eq!(instance.rest_get(NAME).await.unwrap().text(), "fine");

    let two = [
        ("a".to_owned(), at(&elsewhere.origin())),
        ("billing".to_owned(), at(&server.origin())),
    ];
    let instance = worker_with(config!(services = two.into()));
    let led = instance.rest_post("http://a.service.internal/", "x");
    let error = led.max_redirects(3).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert_eq!(server.record().requests.len(), 1);
}

#[tokio::test]
async fn no_server_is_asked_to_repeat_what_opens_it() {
    let server = Server::start(|_| ok("fine")).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("secret");
    fs::write(&file, "sesame").unwrap();
    let mut service = at(&server.origin());
    let instance = asking(service.clone());
    instance.rest_request("TRACE", NAME).await.unwrap();
    let secret = SecretSource::File(file);
    service.headers.insert("x-key".into(), secret);
    let error = asking(service).rest_request("TRACE", NAME).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Denied);
    assert_eq!(server.record().requests.len(), 1);
}

#[tokio::test]
async fn no_address_of_a_reply_says_where_a_service_is() {
    let server = Server::start(|seen| {
        let host = seen.header("host")[0];
        let named = match &*seen.target {
            "/plain" => format!("http://{host}/a?b#c"),
            "/without-scheme" => format!("//{host}/a?b#c"),
            "/of-another-scheme" => format!("ftp://{host}/a?b#c"),
            _ => format!("HTTP://{}/a?b#c", host.replace(':', ".:")),
        };
        let location = ("location", &*named);
        let fields = [location, location, ("content-location", &named)];
        reply("201 Created", &fields, b"")
    })
    .await;
    let instance = asking(at(&server.origin()));
    for path in ["/plain", "/without-scheme", "/with-a-dot"] {
        let reply = instance.rest_get(&format!("{NAME}{path}")).await.unwrap();
        for field in ["location", "content-location"] {
            for value in reply.headers().get_all(field) {
                assert_eq!(value, &format!("{NAME}/a?b#c"), "{path}");
            }
        }
    }
    // Another scheme is another resource, and is not taken for this one.
    let path = format!("{NAME}/of-another-scheme");
    let reply = instance.rest_get(&path).await.unwrap();
    let location = reply.header("location");
    assert_eq!(location, Some("ftp://billing.service.internal/a?b#c"));
}

/// Neither where it is nor what it shows of itself.
async fn a_plugin_is_told_that_a_service_fails_and_not_where_it_is<P: Puppet>() {
    let stranger = Authority::new("a stranger").issue(&["secret.example"], Validity::Good);
    let untrusted = Server::start_tls(&stranger, |_| ok("")).await;
    let closing = failing(usize::MAX).await;
    let garbage = Server::start(|_| vec![raw("127.0.0.1 is no HTTP\r\n\r\n")]).await;
    for (origin, words) in [
        ("http://127.0.0.1:1", "can't be reached"),
        ("unix:/nonexistent/secret.sock", "can't be reached"),
        (&*untrusted.origin(), "TLS with the service failed"),
        (&*closing.origin(), "connection ended"),
        (&*garbage.origin(), "breaks HTTP"),
    ] {
        let context = PluginCtx::new(asking(at(origin)));
        let mut plugin = Program::asker(P::WASI).start(context).await;
        let message: String = plugin.call("complaint", (format!("{NAME}/"),)).await;
        assert!(message.contains(words), "{origin}: {message}");
        for told in ["127.0.0.1", "secret", "stranger", "sock"] {
            assert!(!message.contains(told), "{origin}: {message}");
        }
    }
}

#[tokio::test]
async fn an_operator_tries_at_the_command_line_what_a_plugin_will_get() {
    let server = Server::start(|_| ok("12.50 EUR")).await;
    let directory = tempfile::tempdir().unwrap();
    let [secret, file] = ["secret", "rest-client.toml"].map(|name| directory.path().join(name));
    fs::write(&secret, "Bearer sesame\n").unwrap();
    let text = format!(
        "[services.billing]\norigin = {:?}\nheaders.authorization = {{ file = {secret:?} }}\n",
        server.origin()
    );
    fs::write(&file, text).unwrap();
    let file = file.display().to_string();
    let arguments = [
        "get",
        "http://billing.service.internal/credit",
        "--config",
        &file,
    ];
    let ended = run(rest_client(), arguments, b"").await;
    assert_eq!((ended.code(), &*ended.stdout), (0, &b"12.50 EUR"[..]));
    assert_eq!(last(&server).header("authorization"), ["Bearer sesame"]);
    let shown = run(rest_client(), ["config", "show", "--config", &file], b"").await;
    let text = String::from_utf8_lossy(&shown.stdout);
    assert!(text.contains("services = { billing = "), "{text}");
    assert!(!text.contains("sesame"), "{text}");
    let other = ["get", "http://credit.service.internal/", "--config", &file];
    let ended = run(rest_client(), other, b"").await;
    assert_eq!(ended.code(), 9);
    assert!(
        ended.stderr.contains("services.credit.origin"),
        "{}",
        ended.stderr
    );
}
