//! A plugin that answers HTTP by itself (`wasi:http/incoming-handler` of WASI 0.2, or
//! `wasi:http/handler` of 0.3), and what it is asked.

use super::{
    answer::Answer,
    exports::{Exports, Started},
    p3::handler as p3,
    runtime::Plugin,
    state::State,
};
use bytes::Bytes;
use http::Request;
use http_body_util::combinators::UnsyncBoxBody;
use tokio::sync::oneshot;
use wasmtime::{Store, error::Context as _};
use wasmtime_wasi_http::{
    Error as WasiError, WasiHttpView as _,
    p2::bindings::{Proxy, ProxyPre, http::types::Scheme},
    p3::bindings::{Service, ServicePre},
};

/// A handler of either generation.
pub(super) enum Handler {
    P2(Proxy),
    P3(Service),
}

/// What all instances of one have in common.
pub(super) enum HandlerPre {
    P2(ProxyPre<State>),
    P3(ServicePre<State>),
}

impl Exports for Handler {
    type Pre = HandlerPre;

    fn find(plugin: &Plugin) -> wasmtime::Result<Self::Pre> {
        if let Ok(pre) = ServicePre::new(plugin.pre.clone()) {
            return Ok(HandlerPre::P3(pre));
        }
        let pre = ProxyPre::new(plugin.pre.clone()).context(
            "the plugin answers no HTTP: it does not export wasi:http/incoming-handler of WASI 0.2, or wasi:http/handler of 0.3",
        )?;
        Ok(HandlerPre::P2(pre))
    }

    async fn instantiate(pre: &Self::Pre, store: &mut Store<State>) -> wasmtime::Result<Self> {
        Ok(match pre {
            HandlerPre::P2(pre) => Self::P2(pre.instantiate_async(store).await?),
            HandlerPre::P3(pre) => Self::P3(pre.instantiate_async(store).await?),
        })
    }

    /// It has no way to say so.
    async fn check(&self, _: &mut Store<State>) -> wasmtime::Result<Result<(), String>> {
        Ok(Ok(()))
    }
}

impl Started<Handler> {
    /// `handle` of `wasi:http`. The answer goes to `answer`, before its body has ended.
    ///
    /// # Errors
    ///
    /// It traps.
    pub(super) async fn handle(
        &mut self,
        request: Request<UnsyncBoxBody<Bytes, WasiError>>,
        answer: oneshot::Sender<Answer>,
    ) -> wasmtime::Result<()> {
        self.asked = self.asked.saturating_add(1);
        match &self.exports {
            Handler::P2(proxy) => {
                let mut http = self.store.data_mut().rest_client.http();
                // What the service is reached by is the operator's matter.
                let request = http.new_incoming_request(Scheme::Http, request)?;
                let answer = http.new_response_outparam_from_callback(move |said| {
                    // Nobody may wait for it any more.
                    let _ = answer.send(said.map_err(|code| format!("{code:?}")));
                })?;
                let handler = proxy.wasi_http_incoming_handler();
                handler.call_handle(&mut self.store, request, answer).await
            }
            Handler::P3(service) => {
                self.store
                    .run_concurrent(async |accessor| {
                        p3::handle(accessor, service, request, answer).await
                    })
                    .await?
            }
        }
    }
}
