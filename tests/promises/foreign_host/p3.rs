//! The component for WASI 0.3 in a host that is not ours.

use super::{
    ForeignHost, State,
    bindings::exports::rest::client::{
        configuration,
        types::{PartialResponse, RequestOptions, Response, RestError},
    },
};
use futures_util::{StreamExt as _, future::join_all, stream::FuturesUnordered};
use rest_client_host::Wasi;
use std::{
    pin::Pin,
    task::{Context, Poll},
};
use tokio::sync::{mpsc, oneshot};
use wasmtime::{
    Config, Engine, Store, StoreContextMut,
    component::{
        Component, FutureConsumer, Linker, Resource, Source, StreamConsumer, StreamResult,
    },
};
use wasmtime_wasi::WasiCtx;
use wasmtime_wasi_http::{
    WasiHttpHooks,
    p3::bindings::http::types::{RequestOptions as RequestOptionsOfHost, RequestOptionsError},
};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit/async",
        world: "rest-client-async",
        exports: { default: async },
        with: {
            "wasi:clocks": wasmtime_wasi::p3::bindings::clocks,
            "wasi:http": wasmtime_wasi_http::p3::bindings::http,
        },
    });
}

use bindings::{RestClientAsync, exports::rest::client as wit};

/// A host that knows `wasi:http` and nothing of this project.
pub(crate) struct AsyncForeign {
    store: Store<State>,
    component: RestClientAsync,
}

impl AsyncForeign {
    /// In a host with another linker.
    async fn changed(component: &[u8], change: impl FnOnce(&mut Linker<State>)) -> Self {
        let engine = Engine::new(&Config::new()).unwrap();
        let component = Component::new(&engine, component).unwrap();
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p3::add_to_linker(&mut linker).unwrap();
        wasmtime_wasi_http::p3::add_to_linker(&mut linker).unwrap();
        change(&mut linker);
        let state = State::new(WasiCtx::builder().build());
        let mut store = Store::new(&engine, state);
        let component = RestClientAsync::instantiate_async(&mut store, &component, &linker)
            .await
            .unwrap();
        Self { store, component }
    }

    /// Asks all of them at a time.
    pub(crate) async fn get_all(&mut self, urls: &[String]) -> Vec<Result<Response, RestError>> {
        let rest = self.component.rest_client_async_rest();
        self.store
            .run_concurrent(async |accessor| {
                let calls = urls.iter().map(async |url| {
                    let called = rest.call_rest_get(accessor, url.clone(), None).await;
                    outcome(called.unwrap())
                });
                join_all(calls).await
            })
            .await
            .unwrap()
    }
}

impl AsyncForeign {
    /// Asks all of them at a time, and says in which order they were answered.
    pub(crate) async fn order_of(&mut self, urls: &[String]) -> Vec<usize> {
        let rest = self.component.rest_client_async_rest();
        self.store
            .run_concurrent(async |accessor| {
                let calls = urls.iter().enumerate().map(async |(place, url)| {
                    let called = rest.call_rest_get(accessor, url.clone(), None).await;
                    called.unwrap().unwrap();
                    place
                });
                FuturesUnordered::from_iter(calls).collect().await
            })
            .await
            .unwrap()
    }

    /// Reads a body as it arrives, and does `then` when its first bytes are here. The result
    /// is its bytes, and how it ended.
    pub(crate) async fn open(
        &mut self,
        url: &str,
        mut then: impl FnMut() + Send + 'static,
    ) -> Result<(Vec<u8>, Result<(), RestError>), RestError> {
        let replies = self.component.rest_client_async_open_replies();
        let url = url.to_owned();
        let (bytes, mut read) = mpsc::unbounded_channel();
        let (done, end) = oneshot::channel();
        self.store
            .run_concurrent(async |accessor| {
                let opened = replies.call_rest_open(accessor, "GET".into(), url, None, None, None);
                let reply = match opened.await.unwrap() {
                    Ok(reply) => reply,
                    Err(error) => return Err(as_of_p2(error)),
                };
                accessor
                    .with(|mut access| {
                        reply.body.pipe(&mut access, Reading(bytes))?;
                        reply.end.pipe(&mut access, Ending(Some(done)))
                    })
                    .unwrap();
                let mut body = Vec::new();
                while let Some(bytes) = read.recv().await {
                    body.extend(bytes);
                    then();
                }
                Ok((body, end.await.unwrap().map_err(as_of_p2)))
            })
            .await
            .unwrap()
    }
}

/// Reads a stream to its end.
struct Reading(mpsc::UnboundedSender<Vec<u8>>);

impl<T> StreamConsumer<T> for Reading {
    type Item = u8;

    fn poll_consume(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut store: StoreContextMut<T>,
        mut source: Source<'_, u8>,
        _: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let mut bytes = Vec::with_capacity(source.remaining(&mut store));
        source.read(&mut store, &mut bytes)?;
        let _ = self.0.send(bytes);
        Poll::Ready(Ok(StreamResult::Completed))
    }
}

type End = Result<(), wit::types::RestError>;

struct Ending(Option<oneshot::Sender<End>>);

impl<T> FutureConsumer<T> for Ending {
    type Item = End;

    fn poll_consume(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut store: StoreContextMut<T>,
        mut source: Source<'_, End>,
        _: bool,
    ) -> Poll<wasmtime::Result<()>> {
        let mut end = None;
        source.read(&mut store, &mut end)?;
        if let (Some(done), Some(end)) = (self.0.take(), end) {
            let _ = done.send(end);
        }
        Poll::Ready(Ok(()))
    }
}

impl ForeignHost for AsyncForeign {
    const WASI: Wasi = Wasi::P3;

    async fn with(component: &[u8]) -> Self {
        Self::changed(component, |_| {}).await
    }

    async fn without_deadlines() -> Self {
        Self::changed(Self::WASI.component(), |linker| {
            linker.allow_shadowing(true);
            let mut http = linker.instance("wasi:http/types@0.3.0").unwrap();
            for name in ["connect", "first-byte", "between-bytes"] {
                let name = format!("[method]request-options.set-{name}-timeout");
                http.func_wrap(
                    &name,
                    |_, _: (Resource<RequestOptionsOfHost>, Option<u64>)| {
                        Ok((Err::<(), _>(RequestOptionsError::NotSupported),))
                    },
                )
                .unwrap();
            }
        })
        .await
    }

    fn ask(&mut self, network: impl WasiHttpHooks + 'static) {
        self.store.data_mut().network = Some(Box::new(network));
    }

    async fn configure(&mut self, config: configuration::Config) -> Result<(), String> {
        self.component
            .rest_client_configuration()
            .call_configure(&mut self.store, &as_generated_here(config))
            .await
            .unwrap()
            .map_err(|error| error.parameter)
    }

    async fn get(
        &mut self,
        url: &str,
        options: Option<RequestOptions>,
    ) -> Result<Response, RestError> {
        let options = options.map(|it| wit::types::RequestOptions {
            headers: it.headers,
            connection_timeout: it.connection_timeout,
            transfer_timeout: it.transfer_timeout,
            max_redirects: it.max_redirects,
        });
        let (rest, url) = (self.component.rest_client_async_rest(), url.to_owned());
        self.store
            .run_concurrent(async |accessor| rest.call_rest_get(accessor, url, options).await)
            .await
            .unwrap()
            .map(outcome)
            .unwrap()
    }

    async fn post(&mut self, url: &str, body: &[u8]) -> Result<Response, RestError> {
        let (rest, url) = (self.component.rest_client_async_rest(), url.to_owned());
        let body = body.to_vec();
        self.store
            .run_concurrent(async |accessor| {
                rest.call_rest_post(accessor, url, body, None, None).await
            })
            .await
            .unwrap()
            .map(outcome)
            .unwrap()
    }
}

fn outcome(
    outcome: Result<wit::types::Response, wit::types::RestError>,
) -> Result<Response, RestError> {
    match outcome {
        Ok(it) => Ok(Response {
            status: it.status,
            content_type: it.content_type,
            headers: it.headers,
            body: it.body,
        }),
        Err(error) => Err(as_of_p2(error)),
    }
}

fn as_of_p2(error: wit::types::RestError) -> RestError {
    use wit::types::RestError as E;
    match error {
        E::ConnectionRefused(it) => RestError::ConnectionRefused(it),
        E::ConnectionTimeout(it) => RestError::ConnectionTimeout(it),
        E::TransferTimeout(it) => RestError::TransferTimeout(PartialResponse {
            status: it.status,
            content_type: it.content_type,
            headers: it.headers,
            body: it.body,
        }),
        E::AlreadyConnecting(it) => RestError::AlreadyConnecting(it),
        E::TooLarge(it) => RestError::TooLarge(it),
        E::Dns(it) => RestError::Dns(it),
        E::Tls(it) => RestError::Tls(it),
        E::Denied(it) => RestError::Denied(it),
        E::Busy(it) => RestError::Busy(it),
        E::InvalidUrl(it) => RestError::InvalidUrl(it),
        E::InvalidHeader(it) => RestError::InvalidHeader(it),
        E::Protocol(it) => RestError::Protocol(it),
        E::Internal(it) => RestError::Internal(it),
    }
}

fn as_generated_here(config: configuration::Config) -> wit::configuration::Config {
    use wit::configuration::{AtCap, HttpVersion};
    wit::configuration::Config {
        connection_timeout: config.connection_timeout,
        transfer_timeout: config.transfer_timeout,
        max_async_transfers: config.max_async_transfers,
        at_cap: config.at_cap.map(|it| match it {
            configuration::AtCap::Block => AtCap::Block,
            configuration::AtCap::Wait => AtCap::Wait,
            configuration::AtCap::Reject => AtCap::Reject,
        }),
        ssl_verifypeer: config.ssl_verifypeer,
        ssl_verifyhost: config.ssl_verifyhost,
        ssl_capath: config.ssl_capath,
        max_transfer_size: config.max_transfer_size,
        // No test states another one.
        http_version: config.http_version.map(|_| HttpVersion::Auto),
        enable_expect100: config.enable_expect100,
        no_concurrent_connects: config.no_concurrent_connects,
        conn_lifetime: config.conn_lifetime,
        connect_poll_interval: config.connect_poll_interval,
    }
}
