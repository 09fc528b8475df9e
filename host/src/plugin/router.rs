//! A plugin of the routing contract, and what it is asked.

use super::{
    exports::{Exports, Started},
    runtime::{Plugin, State},
};
use crate::routing::{
    Decision, Request,
    bindings::{Router, RouterPre},
};
use wasmtime::{Store, error::Context as _};

impl Exports for Router {
    type Pre = RouterPre<State>;

    fn find(plugin: &Plugin) -> wasmtime::Result<Self::Pre> {
        RouterPre::new(plugin.pre.clone())
            .context("the plugin decides nothing: it does not export routing:contract/router")
    }

    async fn instantiate(pre: &Self::Pre, store: &mut Store<State>) -> wasmtime::Result<Self> {
        pre.instantiate_async(store).await
    }

    /// `check` of the contract.
    async fn check(&self, store: &mut Store<State>) -> wasmtime::Result<Result<(), String>> {
        self.routing_contract_router().call_check(store).await
    }
}

impl Started<Router> {
    /// `route` of the contract.
    ///
    /// # Errors
    ///
    /// It traps.
    pub(super) async fn route(
        &mut self,
        request: &Request,
    ) -> wasmtime::Result<Result<Decision, String>> {
        self.asked = self.asked.saturating_add(1);
        let router = self.exports.routing_contract_router();
        router.call_route(&mut self.store, request).await
    }
}
