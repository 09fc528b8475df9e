//! What a plugin hands over is one request, to the server that it names and nobody else,
//! or it is refused.

use super::{BUSY, CONNECTION_TIMEOUT, worker, worker_with};
use crate::puppets::Puppet;
use rest_client_host::{Instance, plugin::PluginCtx};
use std::time::Duration;
use support::{
    config,
    plugin::{Arguments, Options, Plugin, Program},
    server::{Seen, Server},
    steps::{ok, reply},
};

const TRANSFER_TIMEOUT: i32 = -3;
const INVALID_URL: i32 = -10;
const INVALID_HEADER: i32 = -11;

async fn hostile_to<P: Puppet>(instance: &Instance) -> Plugin {
    let context = PluginCtx::new(instance.clone());
    Program::hostile(P::WASI).start(context).await
}

fn get(url: &str) -> Arguments {
    ("GET".to_owned(), url.to_owned(), None, None, None)
}

fn with(arguments: Arguments, options: Options) -> Arguments {
    let (method, url, body, content_type, _) = arguments;
    (method, url, body, content_type, Some(options))
}

fn field(name: &str, value: &[u8]) -> Options {
    Options {
        headers: vec![(name.to_owned(), value.to_vec())],
        ..Options::default()
    }
}

async fn ask(plugin: &mut Plugin, arguments: Arguments) -> i32 {
    plugin.call("request", arguments).await
}

/// The request is one of those that `server` is asked, in the form that it is asked in.
fn assert_one_request(server: &Server, seen: &Seen) {
    assert_eq!(seen.header("host"), [server.address().to_string()]);
    assert!(seen.target.starts_with('/'), "{}", seen.target);
    assert!(seen.header("content-length").len() <= 1);
    assert!(seen.header("transfer-encoding").is_empty());
    assert!(seen.header("smuggled").is_empty());
}

for_each_wasi! {
    crate::puppets::Plain, crate::puppets::Async:
    no_header_field_adds_a_line_or_says_where_a_request_ends,
    no_method_is_more_than_a_method,
    no_url_reaches_another_host_than_the_one_it_names,
    times_of_any_length_are_times,
    a_million_header_fields_are_refused,
    redirects_without_end_end_at_the_deadline,
}

async fn no_header_field_adds_a_line_or_says_where_a_request_ends<P: Puppet>() {
    let server = Server::start(|_| ok("")).await;
    let mut plugin = hostile_to::<P>(&worker()).await;
    let post = |options| {
        let body = Some(b"0123456789".to_vec());
        let url = server.url("/");
        ("POST".to_owned(), url, body, None, Some(options))
    };
    for options in [
        field("x", b"a\r\nsmuggled: b"),
        field("x", b"a\nsmuggled: b"),
        field("x", b"a\rsmuggled: b"),
        field("x", b"a\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: h\r\n\r\n"),
        field("x", b"a\r\n b"),
        field("x", b"a\0b"),
        field("x\r\nsmuggled", b"a"),
        field("smuggled:", b"a"),
        field(" smuggled", b"a"),
        field("", b"a"),
        field("content-length", b"5"),
        field("Content-Length", b"10"),
        field("transfer-encoding", b"chunked"),
        field("Transfer-Encoding", b"identity"),
        field("host", b"evil.example"),
        field("HOST", b""),
        field("connection", b"upgrade"),
        field("upgrade", b"h2c"),
        field("http2-settings", b"AAMAAABkAAQAAP__"),
        field("te", b"trailers"),
        field("trailer", b"x"),
        field("expect", b"100-continue"),
        field("proxy-connection", b"keep-alive"),
        field("keep-alive", b"timeout=9"),
    ] {
        let what = format!("{:?}", options.headers);
        let told = ask(&mut plugin, post(options)).await;
        assert_eq!(told, INVALID_HEADER, "{what}");
    }
    let (method, url, body, _, _) = post(Options::default());
    let content_type = Some("text/plain\r\nsmuggled: a".to_owned());
    let told = ask(&mut plugin, (method, url, body, content_type, None)).await;
    assert_eq!(told, INVALID_HEADER);
    assert_eq!(server.record().accepted, 0);
    // Nothing of it stays for the next one.
    assert_eq!(ask(&mut plugin, post(Options::default())).await, 200);
    assert_one_request(&server, &server.only_request());
    assert_eq!(server.only_request().body, "0123456789");
}

async fn no_method_is_more_than_a_method<P: Puppet>() {
    let server = Server::start(|_| ok("")).await;
    let mut plugin = hostile_to::<P>(&worker()).await;
    for method in [
        "",
        "G ET",
        "GET\t",
        "GET /smuggled HTTP/1.1\r\nx:",
        "GET http://evil.example/",
        "GET\r\n",
        "CONNECT",
        "connect",
        "G\u{c9}T",
        "G\0T",
    ] {
        let (_, url, body, content_type, options) = get(&server.url("/"));
        let arguments = (method.to_owned(), url, body, content_type, options);
        let told = ask(&mut plugin, arguments).await;
        assert_eq!(told, INVALID_HEADER, "{method:?}");
    }
    assert_eq!(server.record().accepted, 0);
}

async fn no_url_reaches_another_host_than_the_one_it_names<P: Puppet>() {
    let server = Server::start(|_| ok("")).await;
    let elsewhere = Server::start(|_| ok("")).await;
    let mut plugin = hostile_to::<P>(&worker()).await;
    let (here, there) = (server.address(), elsewhere.address());
    let mut asked = 0;
    for (url, told) in [
        (format!("http://{here}/http://{there}/smuggled"), None),
        (format!("http://{here}//{there}/"), None),
        (format!("http://{there}@{here}/"), None),
        (format!("http://a:{there}@{here}/"), None),
        (format!("http://{here}/\\@{there}/"), None),
        (format!("http://{here}?@{there}/"), None),
        (format!("http://{here}#@{there}/"), None),
        (format!("http://{here}/%0d%0asmuggled:%20a"), None),
        (
            format!("http://{here}/%20HTTP/1.1%0d%0ahost:%20{there}"),
            None,
        ),
        (format!("http://{here}\\@{there}/"), Some(INVALID_URL)),
        (
            format!("http://{here}/ HTTP/1.1\r\nsmuggled: a"),
            Some(INVALID_URL),
        ),
        (format!("http://{here}/\u{a0}a"), Some(INVALID_URL)),
        (format!("http://{here} @{there}/"), Some(INVALID_URL)),
        (format!("http://{here}\t/"), Some(INVALID_URL)),
        (format!("http:/{here}/"), Some(INVALID_URL)),
        (format!("http://{here},{there}/"), Some(INVALID_URL)),
        (format!("http://{here}:1/"), Some(INVALID_URL)),
        ("*".to_owned(), Some(INVALID_URL)),
        ("/".to_owned(), Some(INVALID_URL)),
        (here.to_string(), Some(INVALID_URL)),
    ] {
        let sent = told.is_none();
        assert_eq!(
            ask(&mut plugin, get(&url)).await,
            told.unwrap_or(200),
            "{url:?}"
        );
        asked += usize::from(sent);
        assert_eq!(server.record().requests.len(), asked, "{url:?}");
    }
    for seen in &server.record().requests {
        assert_one_request(&server, seen);
    }
    assert_eq!(elsewhere.record().accepted, 0);
}

async fn times_of_any_length_are_times<P: Puppet>() {
    let server = Server::start(|_| ok("")).await;
    let instance = worker();
    let mut plugin = hostile_to::<P>(&instance).await;
    for (connection_timeout, transfer_timeout, expected) in [
        (None, Some(0), &[TRANSFER_TIMEOUT, CONNECTION_TIMEOUT][..]),
        (Some(0), None, &[CONNECTION_TIMEOUT]),
        (Some(0), Some(0), &[TRANSFER_TIMEOUT, CONNECTION_TIMEOUT]),
        (Some(u64::MAX), Some(u64::MAX), &[200]),
        (Some(u64::MAX), None, &[200]),
    ] {
        let options = Options {
            connection_timeout,
            transfer_timeout,
            ..Options::default()
        };
        let told = ask(&mut plugin, with(get(&server.url("/")), options)).await;
        assert!(
            expected.contains(&told),
            "{connection_timeout:?}, {transfer_timeout:?}: {told}"
        );
    }
    assert_eq!(instance.stats().replaced, 0);
}

async fn a_million_header_fields_are_refused<P: Puppet>() {
    let server = Server::start(|_| ok("")).await;
    let instance = worker();
    let mut plugin = hostile_to::<P>(&instance).await;
    let options = Options {
        headers: vec![("a".to_owned(), Vec::new()); 1_000_000],
        ..Options::default()
    };
    let told = ask(&mut plugin, with(get(&server.url("/")), options)).await;
    assert!([BUSY, INVALID_HEADER].contains(&told), "{told}");
    assert_eq!(plugin.context().memory_taken(), 0);
    assert_eq!(server.record().accepted, 0);
    assert_eq!(instance.stats().replaced, 0);
}

async fn redirects_without_end_end_at_the_deadline<P: Puppet>() {
    let server = Server::start(|_| reply("302 Found", &[("location", "/")], b"")).await;
    let instance = worker_with(config!(transfer_timeout = Duration::from_millis(300)));
    let mut plugin = hostile_to::<P>(&instance).await;
    let options = Options {
        max_redirects: Some(u32::MAX),
        ..Options::default()
    };
    let told = ask(&mut plugin, with(get(&server.url("/")), options)).await;
    assert_eq!(told, TRANSFER_TIMEOUT);
    assert_eq!(instance.stats().in_flight, 0);
}
