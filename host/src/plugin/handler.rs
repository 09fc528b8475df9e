//! A plugin that answers HTTP by itself (`wasi:http/incoming-handler`), and what it is
//! asked.

use super::{
    exports::{Exports, Started},
    runtime::{Plugin, State},
};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use tokio::sync::oneshot;
use wasmtime::{Store, error::Context as _};
use wasmtime_wasi_http::{
    Error as WasiError, WasiHttpView as _,
    p2::{
        bindings::{
            Proxy, ProxyPre,
            http::types::{ErrorCode, Scheme},
        },
        body::HyperOutgoingBody,
    },
};

/// What the plugin says of a request.
pub(super) type Answer = Result<Response<HyperOutgoingBody>, ErrorCode>;

impl Exports for Proxy {
    type Pre = ProxyPre<State>;

    fn find(plugin: &Plugin) -> wasmtime::Result<Self::Pre> {
        ProxyPre::new(plugin.pre.clone()).context(
            "the plugin answers no HTTP: it does not export wasi:http/incoming-handler of WASI 0.2",
        )
    }

    async fn instantiate(pre: &Self::Pre, store: &mut Store<State>) -> wasmtime::Result<Self> {
        pre.instantiate_async(store).await
    }

    /// It has no way to say so.
    async fn check(&self, _: &mut Store<State>) -> wasmtime::Result<Result<(), String>> {
        Ok(Ok(()))
    }
}

impl Started<Proxy> {
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
        let mut http = self.store.data_mut().rest_client.http();
        // What the service is reached by is the operator's matter.
        let request = http.new_incoming_request(Scheme::Http, request)?;
        let answer = http.new_response_outparam(answer)?;
        let handler = self.exports.wasi_http_incoming_handler();
        handler.call_handle(&mut self.store, request, answer).await
    }
}
