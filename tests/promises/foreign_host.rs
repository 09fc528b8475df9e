//! The components are as strict in a host that is not ours: they keep their deadlines
//! themselves, and refuse parameters that this host would not keep. Each promise is tried with
//! the component for WASI 0.2 and with the one for WASI 0.3.

mod p2;
pub(crate) mod p3;

pub(crate) use p2::{Foreign, bindings};

use bindings::exports::rest::client::{
    configuration,
    types::{RequestOptions, Response, RestError},
};
use bytes::Bytes;
use futures_util::stream::repeat_with;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use p3::AsyncForeign;
use rest_client_host::{Preset, Wasi};
use std::{future::pending, time::Duration};
use support::{
    server::Server,
    steps::{Step, head, ok, raw},
    unresponsive::{FullBacklog, Refusing},
};
use tokio::time::Instant;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{
    Error as WasiError, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

/// The state of a host as wasmtime's own documentation makes it.
pub(crate) struct State {
    pub(crate) table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    /// In place of a network.
    network: Option<Box<dyn WasiHttpHooks + Send>>,
}

impl State {
    /// That of a host which gives its guests `wasi`, and the network by HTTP.
    pub(crate) fn new(wasi: WasiCtx) -> Self {
        Self {
            table: ResourceTable::new(),
            wasi,
            http: WasiHttpCtx::new(),
            network: None,
        }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: match &mut self.network {
                Some(network) => &mut **network,
                None => wasmtime_wasi_http::default_hooks(),
            },
        }
    }
}

/// A host that knows `wasi:http` and nothing of this project, with one of the components.
/// Calls are in the types of `rest:client` that are generated for 0.2.
pub(crate) trait ForeignHost: Sized {
    const WASI: Wasi;

    async fn with(component: &[u8]) -> Self;

    async fn new() -> Self {
        Self::with(Self::WASI.component()).await
    }

    /// One that takes no deadlines.
    async fn without_deadlines() -> Self;

    /// Has it ask nobody: each request is one of `network`.
    fn ask(&mut self, network: impl WasiHttpHooks + 'static);

    async fn configure(&mut self, config: configuration::Config) -> Result<(), String>;

    async fn get(
        &mut self,
        url: &str,
        options: Option<RequestOptions>,
    ) -> Result<Response, RestError>;

    async fn post(&mut self, url: &str, body: &[u8]) -> Result<Response, RestError>;
}

for_each_wasi! {
    super::Foreign, super::AsyncForeign:
    it_asks_and_is_answered,
    it_keeps_the_transfer_timeout_itself,
    it_keeps_the_transfer_timeout_in_a_host_that_knows_none,
    it_keeps_what_is_written_into_it_and_nobody_raises_that,
    it_keeps_the_transfer_timeout_where_there_is_always_more_to_read,
    it_has_the_host_keep_the_connection_timeout,
    it_keeps_the_size_limit_itself,
    it_refuses_what_only_a_host_can_keep,
}

/// A configuration that sets nothing.
pub(crate) fn nothing() -> configuration::Config {
    configuration::Config {
        connection_timeout: None,
        transfer_timeout: None,
        max_async_transfers: None,
        at_cap: None,
        ssl_verifypeer: None,
        ssl_verifyhost: None,
        ssl_capath: None,
        max_transfer_size: None,
        http_version: None,
        enable_expect100: None,
        no_concurrent_connects: None,
        conn_lifetime: None,
        connect_poll_interval: None,
    }
}

async fn it_asks_and_is_answered<F: ForeignHost>() {
    let server = Server::start(|_| ok("12.50 EUR")).await;
    let mut foreign = F::new().await;
    let reply = foreign.get(&server.url("/"), None).await.unwrap();
    assert_eq!((reply.status, &reply.body[..]), (200, &b"12.50 EUR"[..]));
    let body = vec![b'x'; 3_000_000];
    foreign.post(&server.url("/"), &body).await.unwrap();
    assert!(server.record().requests[1].body == body);
    let refusing = Refusing::default();
    let error = foreign.get(&refusing.url(), None).await.unwrap_err();
    assert!(
        matches!(error, RestError::ConnectionRefused(_)),
        "{error:?}"
    );
}

async fn it_keeps_the_transfer_timeout_itself<F: ForeignHost>() {
    let server = Server::start(|seen| match &*seen.target {
        "/body" => vec![
            head("200 OK", &[("content-length", "9")]),
            raw("abc"),
            Step::Stall,
        ],
        _ => vec![Step::Stall],
    })
    .await;
    let mut foreign = F::new().await;
    foreign
        .configure(configuration::Config {
            transfer_timeout: Some(300),
            ..nothing()
        })
        .await
        .unwrap();
    for (path, status, body) in [("/", 0, &b""[..]), ("/body", 200, b"abc")] {
        let started = Instant::now();
        let error = foreign.get(&server.url(path), None).await.unwrap_err();
        assert!(started.elapsed() >= Duration::from_millis(300));
        assert!(started.elapsed() < Duration::from_secs(2));
        let RestError::TransferTimeout(partial) = error else {
            panic!("{error:?}");
        };
        assert_eq!((partial.status, &partial.body[..]), (status, body));
    }
}

/// A host that knows no deadlines, and whose network never answers.
pub(crate) struct Silent;

impl WasiHttpHooks for Silent {
    fn send_request(
        &mut self,
        _: hyper::Request<WasiBody>,
        _: Option<wasmtime_wasi_http::RequestOptions>,
        _: IoDone,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        Box::new(pending())
    }
}

async fn it_keeps_the_transfer_timeout_in_a_host_that_knows_none<F: ForeignHost>() {
    // One that says so, too.
    let mut foreign = F::without_deadlines().await;
    foreign.ask(Silent);
    foreign
        .configure(configuration::Config {
            transfer_timeout: Some(300),
            ..nothing()
        })
        .await
        .unwrap();
    let started = Instant::now();
    let error = foreign.get("http://h/", None).await.unwrap_err();
    assert!(matches!(error, RestError::TransferTimeout(_)), "{error:?}");
    assert!(started.elapsed() >= Duration::from_millis(300));
    assert!(started.elapsed() < Duration::from_secs(5));
}

async fn it_keeps_what_is_written_into_it_and_nobody_raises_that<F: ForeignHost>() {
    let mut preset = Preset::default();
    preset.transfer_timeout = Some(Duration::from_millis(300));
    preset.max_transfer_size = Some(10);
    let component = preset.component(F::WASI).unwrap();
    let mut foreign = F::with(&component).await;
    let server = Server::start(|seen| match &*seen.target {
        "/long" => ok("more than ten bytes"),
        _ => vec![Step::Stall],
    })
    .await;
    for config in [
        configuration::Config {
            transfer_timeout: Some(301),
            ..nothing()
        },
        configuration::Config {
            max_transfer_size: Some(0),
            ..nothing()
        },
    ] {
        foreign.configure(config).await.unwrap_err();
        let started = Instant::now();
        let error = foreign.get(&server.url("/"), None).await.unwrap_err();
        assert!(matches!(error, RestError::TransferTimeout(_)), "{error:?}");
        assert!(started.elapsed() < Duration::from_secs(5));
        let error = foreign.get(&server.url("/long"), None).await.unwrap_err();
        assert!(matches!(error, RestError::TooLarge(_)), "{error:?}");
    }
}

/// A host whose replies have bodies without end, of which more is there whenever
/// it is asked for.
struct Endless;

type Sent = Result<(hyper::Response<WasiBody>, IoDone), WasiError>;
type IoDone = Box<dyn Future<Output = Result<(), WasiError>> + Send>;

impl WasiHttpHooks for Endless {
    fn send_request(
        &mut self,
        _: hyper::Request<WasiBody>,
        _: Option<wasmtime_wasi_http::RequestOptions>,
        _: IoDone,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let frames = repeat_with(|| Ok(Frame::data(Bytes::from_static(b"x"))));
        let reply = hyper::Response::new(StreamBody::new(frames).boxed_unsync());
        let done: IoDone = Box::new(async { Ok(()) });
        Box::new(async { Ok((reply, done)) })
    }
}

async fn it_keeps_the_transfer_timeout_where_there_is_always_more_to_read<F: ForeignHost>() {
    let mut foreign = F::new().await;
    foreign.ask(Endless);
    foreign
        .configure(configuration::Config {
            transfer_timeout: Some(200),
            ..nothing()
        })
        .await
        .unwrap();
    let started = Instant::now();
    let error = foreign.get("http://h/", None).await.unwrap_err();
    let elapsed = started.elapsed();
    assert!(elapsed < Duration::from_secs(2), "{elapsed:?}: {error:?}");
    let RestError::TransferTimeout(partial) = error else {
        panic!("{error:?}");
    };
    assert_eq!(partial.status, 200);
    assert!(!partial.body.is_empty());
}

async fn it_has_the_host_keep_the_connection_timeout<F: ForeignHost>() {
    let full = FullBacklog::default();
    let mut foreign = F::new().await;
    let options = RequestOptions {
        headers: Vec::new(),
        connection_timeout: Some(200),
        transfer_timeout: None,
        max_redirects: None,
    };
    let error = foreign.get(&full.url(), Some(options)).await.unwrap_err();
    assert!(
        matches!(error, RestError::ConnectionTimeout(_)),
        "{error:?}"
    );
}

async fn it_keeps_the_size_limit_itself<F: ForeignHost>() {
    let server = Server::start(|_| ok("more than ten bytes")).await;
    let mut foreign = F::new().await;
    foreign
        .configure(configuration::Config {
            max_transfer_size: Some(10),
            ..nothing()
        })
        .await
        .unwrap();
    let error = foreign.get(&server.url("/"), None).await.unwrap_err();
    assert!(matches!(error, RestError::TooLarge(_)), "{error:?}");
}

async fn it_refuses_what_only_a_host_can_keep<F: ForeignHost>() {
    let mut foreign = F::new().await;
    for (config, parameter) in [
        (
            configuration::Config {
                ssl_verifypeer: Some(false),
                ..nothing()
            },
            "ssl-verifypeer",
        ),
        (
            configuration::Config {
                at_cap: Some(configuration::AtCap::Wait),
                // Which makes it wrong with 0.3, too.
                max_async_transfers: Some(0),
                ..nothing()
            },
            "at-cap",
        ),
        (
            configuration::Config {
                transfer_timeout: Some(0),
                ..nothing()
            },
            "transfer-timeout",
        ),
    ] {
        assert_eq!(foreign.configure(config).await, Err(parameter.to_owned()));
    }
    foreign
        .configure(configuration::Config {
            ssl_verifypeer: Some(true),
            http_version: Some(configuration::HttpVersion::Auto),
            ..nothing()
        })
        .await
        .unwrap();
}
