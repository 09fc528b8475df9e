//! The component for WASI 0.2 in a host that is not ours.

use super::{ForeignHost, State};
use rest_client_host::Wasi;
use wasmtime::{
    Config, Engine, Store,
    component::{Component, Linker, Resource},
};
use wasmtime_wasi::WasiCtx;
use wasmtime_wasi_http::{RequestOptions as RequestOptionsOfHost, WasiHttpHooks};

pub(crate) mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "rest-client",
        exports: { default: async },
        with: {
            "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
            "wasi:http": wasmtime_wasi_http::p2::bindings::http,
            "wasi:io": wasmtime_wasi::p2::bindings::io,
        },
    });
}

use bindings::{
    RestClient,
    exports::rest::client::{
        configuration,
        types::{RequestOptions, Response, RestError},
    },
};

/// A host that knows `wasi:http` and nothing of this project.
pub(crate) struct Foreign {
    pub(crate) store: Store<State>,
    pub(crate) component: RestClient,
}

impl Foreign {
    /// In a host with another linker.
    async fn changed(component: &[u8], change: impl FnOnce(&mut Linker<State>)) -> Self {
        let engine = Engine::new(&Config::new()).unwrap();
        let component = Component::new(&engine, component).unwrap();
        let mut linker = Linker::new(&engine);
        wasmtime_wasi_http::p2::add_to_linker_async(&mut linker).unwrap();
        change(&mut linker);
        let state = State::new(WasiCtx::builder().build());
        let mut store = Store::new(&engine, state);
        let component = RestClient::instantiate_async(&mut store, &component, &linker)
            .await
            .unwrap();
        Self { store, component }
    }
}

impl ForeignHost for Foreign {
    const WASI: Wasi = Wasi::P2;

    async fn with(component: &[u8]) -> Self {
        Self::changed(component, |_| {}).await
    }

    async fn without_deadlines() -> Self {
        Self::changed(Self::WASI.component(), |linker| {
            linker.allow_shadowing(true);
            let mut http = linker.instance("wasi:http/types@0.2.12").unwrap();
            for name in ["connect", "first-byte", "between-bytes"] {
                let name = format!("[method]request-options.set-{name}-timeout");
                http.func_wrap(
                    &name,
                    |_, _: (Resource<RequestOptionsOfHost>, Option<u64>)| Ok((Err::<(), ()>(()),)),
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
            .call_configure(&mut self.store, &config)
            .await
            .unwrap()
            .map_err(|error| error.parameter)
    }

    async fn get(
        &mut self,
        url: &str,
        options: Option<RequestOptions>,
    ) -> Result<Response, RestError> {
        self.component
            .rest_client_rest()
            .call_rest_get(&mut self.store, url, options.as_ref())
            .await
            .unwrap()
    }

    async fn post(&mut self, url: &str, body: &[u8]) -> Result<Response, RestError> {
        self.component
            .rest_client_rest()
            .call_rest_post(&mut self.store, url, body, None, None)
            .await
            .unwrap()
    }
}
