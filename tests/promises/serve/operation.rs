//! A server in operation: new versions, and its end.

use super::Serving;
use crate::worker;
use rest_client_host::{Error, Response};
use socket2::{Domain, SockAddr, Socket, Type};
use std::{
    fs,
    io::ErrorKind,
    os::unix::fs::{FileTypeExt as _, PermissionsExt as _},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};
use support::{
    plugin,
    process::{Running, rest_client, run},
    server::Server,
    steps::{Gate, Step, ok},
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    task::JoinHandle,
    time::timeout,
};

pub(super) const ASKED: &str = r#"{"protocol": "http", "method": "GET", "target": "/",
    "fields": [{"name": "x-do", "value": "show settings"}]}"#;

pub(super) async fn decide(url: &str) -> String {
    let request = worker()
        .rest_post(url, ASKED)
        .content_type("application/json");
    let reply = request.await.unwrap();
    assert_eq!(reply.status(), 200, "{}", reply.text());
    reply.text().into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_version_takes_over_and_no_request_is_lost() {
    let mut serving = Serving::start("puppet", &["--name", "plugin"]).await;
    let url = serving.url("/v1/route/plugin");
    assert!(decide(&url).await.contains("x-settings"));
    let is_over = Arc::new(AtomicBool::new(false));
    let load = {
        let (url, is_over) = (url.clone(), is_over.clone());
        tokio::spawn(async move {
            while !is_over.load(Relaxed) {
                decide(&url).await;
            }
        })
    };
    // The next version knows nothing of what the requests have it do.
    let file = serving.file("puppet.wasm");
    fs::write(&file, plugin::built("location")).unwrap();
    serving.process.signal("HUP").await;
    serving.process.wait_for_complaint("has taken over").await;
    assert!(decide(&url).await.contains("failed"));

    // One that can't be loaded changes nothing.
    fs::write(&file, "no plugin").unwrap();
    serving.process.signal("HUP").await;
    serving.process.wait_for_complaint("stays in service").await;
    assert!(decide(&url).await.contains("failed"));
    is_over.store(true, Relaxed);
    load.await.unwrap();
}

/// `--config <(decrypt FILE)`: nothing is left in the pipe when it is opened again.
#[tokio::test]
async fn a_configuration_that_can_be_read_once_is_kept_at_a_reload() {
    let folder = super::folder();
    let pipe = folder.path().join("pipe.toml");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let writer = {
        let pipe = pipe.clone();
        thread::spawn(move || fs::write(pipe, "plugins.puppet.settings.tariff = \"night\"\n"))
    };
    let arguments = ["--listen=127.0.0.1:0", "--config", pipe.to_str().unwrap()];
    let mut serving = Serving::start_in(folder, "puppet", &arguments).await;
    writer.join().unwrap().unwrap();
    let url = serving.url("/v1/route/puppet");
    assert!(decide(&url).await.contains("night"));
    serving.process.signal("HUP").await;
    let complaint = "the configuration stays as it was";
    serving.process.wait_for_complaint(complaint).await;
    serving.process.wait_for_complaint("has taken over").await;
    assert!(decide(&url).await.contains("night"));
}

/// Nobody has asked for anything on it.
#[tokio::test]
async fn a_kept_connection_is_nothing_to_give_up() {
    let mut serving = Serving::start("puppet", &["--drain-timeout=0"]).await;
    let mut connection = TcpStream::connect(&serving.at).await.unwrap();
    send(&mut connection, ASKED).await;
    head_of_reply(&mut connection).await;
    serving.process.signal("TERM").await;
    serving.process.wait_for_complaint("ending; 1").await;
    assert_eq!(serving.process.ended().await.code(), 0);
}

/// It may be about a file that was read already.
#[tokio::test]
async fn a_reload_that_is_asked_for_too_early_is_made_later() {
    let gate = Gate::default();
    let billing = {
        let gate = gate.clone();
        Server::start(move |_| [vec![Step::Wait(gate.clone())], ok("")].concat()).await
    };
    let folder = super::folder();
    let config = super::configuration(&folder, Some(("billing", &billing)));
    let file = folder.path().join("puppet.wasm");
    fs::write(&file, plugin::built("puppet")).unwrap();
    let arguments = [
        "serve",
        "--listen=127.0.0.1:0",
        "--set=check=trap-unless http://billing.service.internal/",
        "--decision-timeout=20s",
        "--config",
        &config,
        file.to_str().unwrap(),
    ];
    let mut starting = Running::start(rest_client(), arguments);
    billing
        .wait_for("its question", |record| !record.requests.is_empty())
        .await;
    starting.signal("HUP").await;
    // For both versions.
    gate.open();
    gate.open();
    assert!(starting.line().await.starts_with("listening on"));
    starting.wait_for_complaint("has taken over").await;
}

#[tokio::test]
async fn a_file_that_is_watched_takes_over_by_itself() {
    let mut serving = Serving::start("puppet", &["--name", "plugin", "--watch"]).await;
    let url = serving.url("/v1/route/plugin");
    fs::write(serving.file("puppet.wasm"), plugin::built("location")).unwrap();
    serving.process.wait_for_complaint("has taken over").await;
    assert!(decide(&url).await.contains("failed"));
}

#[tokio::test]
async fn a_plugin_that_cannot_work_here_is_not_served() {
    let folder = super::folder();
    let file = folder.path().join("puppet.wasm");
    fs::write(&file, plugin::built("puppet")).unwrap();
    let file = file.to_str().unwrap();
    let arguments = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--set",
        "check=no tariff",
        file,
    ];
    let ended = run(rest_client(), arguments, b"").await;
    assert_eq!(ended.code(), 2);
    assert!(ended.stderr.contains("no tariff"), "{}", ended.stderr);
}

#[tokio::test]
async fn at_sigterm_what_is_under_way_is_done_first() {
    let gate = Gate::default();
    let waiting = gate.clone();
    let billing =
        Server::start(move |_| [vec![Step::Wait(waiting.clone())], ok("")].concat()).await;
    let arguments = ["--decision-timeout", "20s"];
    let mut serving = Serving::asking("puppet", ("billing", &billing), &arguments).await;
    let url = serving.url("/v1/route/puppet");
    let request = ASKED.replace("show settings", "ask http://billing.service.internal/");
    let mut connection = TcpStream::connect(&serving.at).await.unwrap();
    send(&mut connection, &request).await;
    let asking = tokio::spawn(async move {
        let request = worker().rest_post(&url, request);
        request.content_type("application/json").await.unwrap()
    });
    billing
        .wait_for("the questions", |record| record.requests.len() == 2)
        .await;
    serving.process.signal("TERM").await;
    serving.process.wait_for_complaint("ending; 2").await;
    gate.open();
    gate.open();
    let reply = head_of_reply(&mut connection).await;
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    assert!(reply.contains("connection: close"), "{reply}");
    let ended = serving.process.ended().await;
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    assert!(asking.await.unwrap().text().contains("x-answer-0"));
}

/// A server with a decision under way that never ends by itself.
async fn spinning(arguments: &[&str]) -> (Serving, JoinHandle<Result<Response, Error>>) {
    let always = ["--decision-timeout", "1h", "--admin", "127.0.0.1:0"];
    let serving = Serving::start("puppet", &[&always[..], arguments].concat()).await;
    let url = serving.url("/v1/route/puppet");
    let request = ASKED.replace("show settings", "spin");
    let asking = tokio::spawn(async move {
        let request = worker().rest_post(&url, request);
        request.content_type("application/json").await
    });
    serving
        .wait_for_metric("rest_client_decisions_in_flight 1")
        .await;
    (serving, asking)
}

#[tokio::test]
async fn what_takes_too_long_at_the_end_is_given_up() {
    let (serving, asking) = spinning(&["--drain-timeout", "200ms"]).await;
    serving.process.signal("TERM").await;
    let ended = serving.process.ended().await;
    assert_eq!(ended.code(), 143, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("after --drain-timeout"),
        "{}",
        ended.stderr
    );
    asking.await.unwrap().unwrap_err();
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let (mut serving, asking) = spinning(&["--drain-timeout", "1h"]).await;
    serving.process.signal("TERM").await;
    serving.process.wait_for_complaint("ending").await;
    serving.process.signal("INT").await;
    let ended = serving.process.ended().await;
    assert_eq!(ended.code(), 143, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("at a second signal"),
        "{}",
        ended.stderr
    );
    asking.await.unwrap().unwrap_err();
}

#[tokio::test]
async fn a_socket_goes_with_its_server_and_one_that_was_left_behind_is_replaced() {
    let serving = Serving::at_socket("puppet", None, &[]).await;
    let path = serving.file("decide.sock");
    assert!(fs::metadata(&path).unwrap().file_type().is_socket());
    let file = serving.file("puppet.wasm");
    let listen = format!("unix:{}", path.display());
    let arguments = ["serve", "--listen", &listen, file.to_str().unwrap()];
    // Somebody listens there.
    let second = run(rest_client(), arguments, b"").await;
    assert_eq!(second.code(), 2, "{}", second.stderr);
    assert!(second.stderr.contains("in use"), "{}", second.stderr);
    serving.process.signal("KILL").await;
    serving.process.ended().await;
    // Nobody does.
    drop(std::os::unix::net::UnixListener::bind(&path));
    let folder = super::folder();
    let abandoned = folder.path().join("decide.sock");
    drop(std::os::unix::net::UnixListener::bind(&abandoned).unwrap());
    assert!(abandoned.exists());
    let listen = format!("unix:{}", abandoned.display());
    let serving = Serving::start_in(folder, "puppet", &["--listen", &listen]).await;
    serving.process.signal("TERM").await;
    assert_eq!(serving.process.ended().await.code(), 0);
    assert!(!abandoned.exists());
}

/// Its queue may be full, or it may be another user's.
#[tokio::test]
async fn a_socket_that_does_not_answer_is_not_taken_from_its_server() {
    let folder = super::folder();
    let path = folder.path().join("decide.sock");
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    socket.bind(&SockAddr::unix(&path).unwrap()).unwrap();
    socket.listen(0).unwrap();
    let mut waiting = Vec::new();
    let full = loop {
        let client = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        client.set_nonblocking(true).unwrap();
        match client.connect(&SockAddr::unix(&path).unwrap()) {
            Ok(()) => waiting.push(client),
            Err(error) => break error.kind(),
        }
    };
    assert_eq!(full, ErrorKind::WouldBlock);
    let plugin = folder.path().join("puppet.wasm");
    fs::write(&plugin, plugin::built("puppet")).unwrap();
    let listen = format!("unix:{}", path.display());
    let arguments = ["serve", "--listen", &listen, plugin.to_str().unwrap()];
    let second = run(rest_client(), arguments, b"").await;
    assert_eq!(second.code(), 2, "{}", second.stderr);
    assert!(second.stderr.contains("in use"), "{}", second.stderr);
    socket.accept().unwrap();
    std::os::unix::net::UnixStream::connect(&path).unwrap();
    // What is no socket is no server's.
    let listen = format!("unix:{}", plugin.display());
    let arguments = ["serve", "--listen", &listen, plugin.to_str().unwrap()];
    let refused = run(rest_client(), arguments, b"").await;
    assert_eq!(refused.code(), 2, "{}", refused.stderr);
    assert!(
        refused.stderr.contains("not a socket"),
        "{}",
        refused.stderr
    );
}

/// Whoever moves the old one away, to have a new server begin before the old one ends.
#[tokio::test]
async fn a_server_that_ends_leaves_the_socket_of_another() {
    let first = Serving::at_socket("puppet", None, &[]).await;
    let path = first.file("decide.sock");
    fs::rename(&path, first.file("old.sock")).unwrap();
    let listen = format!("unix:{}", path.display());
    let second = Serving::start_in(super::folder(), "puppet", &["--listen", &listen]).await;
    let Serving {
        process,
        folder: _folder,
        ..
    } = first;
    process.signal("TERM").await;
    assert_eq!(process.ended().await.code(), 0);
    std::os::unix::net::UnixStream::connect(&path).unwrap();
    second.process.signal("TERM").await;
    assert_eq!(second.process.ended().await.code(), 0);
    assert!(!path.exists());
}

#[tokio::test]
async fn a_socket_is_for_whom_the_operator_lets_and_none_is_left_behind() {
    let folder = super::folder();
    let path = |name: &str| folder.path().join(name);
    let unix = |name: &str| format!("unix:{}", path(name).display());
    let (listen, admin) = (unix("decide.sock"), unix("admin.sock"));
    let arguments = [
        "--listen",
        &listen,
        "--admin",
        &admin,
        "--listen-mode",
        "660",
    ];
    let serving = Serving::start_in(super::folder(), "puppet", &arguments).await;
    let mode = |name: &str| fs::metadata(path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("decide.sock"), 0o660);
    assert_eq!(mode("admin.sock"), 0o600);
    serving.process.signal("TERM").await;
    assert_eq!(serving.process.ended().await.code(), 0);
    assert!(!path("decide.sock").exists());
    assert!(!path("admin.sock").exists());
}

/// Sends a request over `connection`, which may be one of several, takes all of its reply and
/// returns its head.
async fn ask(connection: &mut TcpStream, target: &str, body: &[u8]) -> String {
    let fields = format!("content-length: {}\r\n", body.len());
    send_head(connection, target, &fields).await;
    connection.write_all(body).await.unwrap();
    head_of_reply(connection).await
}

/// Sends a whole request for a decision of the puppet.
pub(super) async fn send(connection: &mut TcpStream, json: &str) {
    let length = json.len();
    let fields = format!("content-type: application/json\r\ncontent-length: {length}\r\n");
    send_head(connection, "/v1/route/puppet", &fields).await;
    connection.write_all(json.as_bytes()).await.unwrap();
}

/// Sends the head of a request, and returns that of what comes.
async fn begin(connection: &mut TcpStream, target: &str, fields: &str) -> String {
    send_head(connection, target, fields).await;
    head_of_reply(connection).await
}

async fn send_head(connection: &mut TcpStream, target: &str, fields: &str) {
    let head = format!("POST {target} HTTP/1.1\r\nhost: h\r\n{fields}\r\n");
    connection.write_all(head.as_bytes()).await.unwrap();
}

/// Takes all of a reply, and returns its head.
pub(super) async fn head_of_reply(connection: &mut TcpStream) -> String {
    let mut connection = BufReader::with_capacity(1, connection);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        let read = connection.read_line(&mut head).await.unwrap();
        assert!(read > 0, "the connection ended: {head:?}");
    }
    let length = head
        .lines()
        .find_map(|it| it.strip_prefix("content-length: "));
    let mut body = vec![0; length.unwrap_or("0").parse().unwrap()];
    connection.read_exact(&mut body).await.unwrap();
    head
}

/// Where it is closed here, a request that comes in that moment is lost, and with it a decision.
#[tokio::test]
async fn a_proxy_keeps_a_connection_that_it_does_not_use() {
    /// Less than any proxy keeps one, and more than the first head has.
    const UNUSED: Duration = Duration::from_secs(12);
    let serving = Serving::start("puppet", &[]).await;
    let unused_after = async |more: &[u8]| {
        let mut connection = TcpStream::connect(&serving.at).await.unwrap();
        // Longer than what is read at once.
        let reply = ask(&mut connection, "/nothing", &[b'a'; 20_000]).await;
        assert!(reply.starts_with("HTTP/1.1 404 "), "{reply}");
        connection.write_all(more).await.unwrap();
        let ended = timeout(UNUSED, connection.read(&mut [0; 64])).await;
        assert!(ended.is_err(), "{ended:?}");
        let reply = ask(&mut connection, "/nothing", b"").await;
        assert!(reply.starts_with("HTTP/1.1 404 "), "{reply}");
    };
    // Some end a body with an empty line that belongs to nothing (RFC 9112, section 2.2).
    tokio::join!(unused_after(b""), unused_after(b"\r\n"));
}

/// A proxy would take it for one that is kept, and its next request would be lost.
#[tokio::test]
async fn a_body_that_nobody_reads_costs_no_connection() {
    let (api, website) = tokio::join!(
        Serving::start("puppet", &[]),
        Serving::start("website", &[])
    );
    for (serving, target, length, status) in [
        (&api, "/nothing", 100_000, 404),
        (&api, "/v1/route/puppet", 3_000_000, 413),
        (&website, "/nowhere", 1_000_000, 404),
    ] {
        let mut connection = TcpStream::connect(&serving.at).await.unwrap();
        for _ in 0..3 {
            let reply = ask(&mut connection, target, &vec![b'a'; length]).await;
            assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{reply}");
        }
    }
}

/// Of which the head is answered before it comes.
#[tokio::test]
async fn a_body_that_comes_after_its_reply_costs_no_connection() {
    let serving = Serving::start("puppet", &[]).await;
    let mut connection = TcpStream::connect(&serving.at).await.unwrap();
    for _ in 0..3 {
        let reply = begin(&mut connection, "/nothing", "content-length: 5\r\n").await;
        assert!(reply.starts_with("HTTP/1.1 404 "), "{reply}");
        connection.write_all(b"aaaaa").await.unwrap();
    }
    // One that never comes is not waited for.
    begin(&mut connection, "/nothing", "content-length: 5\r\n").await;
    let ended = timeout(Duration::from_secs(25), connection.read_u8()).await;
    assert_eq!(ended.unwrap().unwrap_err().kind(), ErrorKind::UnexpectedEof);
}

/// Nobody can tell whether what comes next is that body or the next request.
#[tokio::test]
async fn where_a_body_may_come_or_not_the_connection_ends_and_the_reply_says_so() {
    const LENGTH: &str = "content-length: 5\r\n";
    const EXPECTS: &str = "expect: 100-continue\r\ncontent-length: 5\r\n";
    const EXPECTS_MORE: &str = "expect: more, 100-continue\r\ncontent-length: 5\r\n";
    const TOO_LONG: &str = "content-length: 20000000\r\n";
    let (api, website, nginx) = tokio::join!(
        Serving::start("puppet", &[]),
        Serving::start("website", &[]),
        Serving::start("puppet", &["--form", "nginx"]),
    );
    for (serving, target, fields, status) in [
        (&api, "/nothing", EXPECTS, 404),
        (&api, "/nothing", EXPECTS_MORE, 404),
        (&api, "/nothing", TOO_LONG, 404),
        (&website, "/nowhere", EXPECTS, 404),
        // nginx sends the length of a body that it does not send.
        (&nginx, "/", LENGTH, 400),
    ] {
        let mut connection = TcpStream::connect(&serving.at).await.unwrap();
        let reply = begin(&mut connection, target, fields).await;
        assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{reply}");
        let says_so = reply.contains("\r\nconnection: close\r\n");
        assert!(says_so, "{target} {fields}: {reply}");
    }
}

#[tokio::test]
async fn a_body_that_waits_to_be_asked_for_is_asked_for() {
    let (api, website) = tokio::join!(
        Serving::start("puppet", &[]),
        Serving::start("website", &[])
    );
    for (serving, target, status) in [
        (&api, "/v1/route/puppet", 415),
        // It answers before it reads.
        (&website, "/echo", 200),
    ] {
        let mut connection = TcpStream::connect(&serving.at).await.unwrap();
        let fields = "expect: 100-continue\r\ncontent-length: 5\r\n";
        let reply = begin(&mut connection, target, fields).await;
        assert!(reply.starts_with("HTTP/1.1 100 "), "{reply}");
        connection.write_all(b"aaaaa").await.unwrap();
        let reply = head_of_reply(&mut connection).await;
        assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{reply}");
        assert!(!reply.contains("\r\nconnection: close\r\n"), "{reply}");
    }
}

#[tokio::test]
async fn a_request_that_never_comes_to_an_end_takes_no_place_for_long() {
    /// More than its head has, and less than it would have without a time of its own.
    const PATIENCE: Duration = Duration::from_secs(25);
    let serving = Serving::start("puppet", &[]).await;
    let mut connection = TcpStream::connect(&serving.at).await.unwrap();
    connection.write_all(b"GET /nothing HTT").await.unwrap();
    let ended = timeout(PATIENCE, connection.read(&mut [0; 64])).await;
    assert_eq!(ended.unwrap().unwrap(), 0);
}
