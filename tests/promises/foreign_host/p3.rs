//! The component for WASI 0.3 in a host that is not ours.

use super::{
    ForeignHost, State,
    bindings::exports::rest::client::{
        configuration,
        types::{PartialResponse, RequestOptions, Response, RestError},
    },
};
use futures_util::future::join_all;
use rest_client_host::Wasi;
use wasmtime::{
    Config, Engine, Store,
    component::{Component, Linker, Resource},
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
    use wit::types::RestError as E;
    match outcome {
        Ok(it) => Ok(Response {
            status: it.status,
            content_type: it.content_type,
            headers: it.headers,
            body: it.body,
        }),
        Err(error) => Err(match error {
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
        }),
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
