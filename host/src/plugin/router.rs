//! A plugin of the routing contract, and what it is asked.

use super::{
    exports::{Exports, Started},
    p3::bindings::router::{AsyncRouter, AsyncRouterPre},
    runtime::Plugin,
    state::State,
};
use crate::routing::{
    Decision, Request,
    bindings::{Router as PlainRouter, RouterPre as PlainRouterPre},
};
use wasmtime::{Store, error::Context as _};

/// `routing:contract/router`, or that of `routing:contract-async`.
pub(super) enum Router {
    Plain(PlainRouter),
    Async(AsyncRouter),
}

/// What all instances of one have in common.
pub(super) enum RouterPre {
    Plain(PlainRouterPre<State>),
    Async(AsyncRouterPre<State>),
}

impl Exports for Router {
    type Pre = RouterPre;

    fn find(plugin: &Plugin) -> wasmtime::Result<Self::Pre> {
        if let Ok(pre) = AsyncRouterPre::new(plugin.pre.clone()) {
            return Ok(RouterPre::Async(pre));
        }
        let pre = PlainRouterPre::new(plugin.pre.clone()).context(
            "the plugin decides nothing: it does not export routing:contract/router, or routing:contract-async/router of WASI 0.3",
        )?;
        Ok(RouterPre::Plain(pre))
    }

    async fn instantiate(pre: &Self::Pre, store: &mut Store<State>) -> wasmtime::Result<Self> {
        Ok(match pre {
            RouterPre::Plain(pre) => Self::Plain(pre.instantiate_async(store).await?),
            RouterPre::Async(pre) => Self::Async(pre.instantiate_async(store).await?),
        })
    }

    /// `check` of the contract.
    async fn check(&self, store: &mut Store<State>) -> wasmtime::Result<Result<(), String>> {
        match self {
            Self::Plain(router) => router.routing_contract_router().call_check(store).await,
            Self::Async(router) => {
                let router = router.routing_contract_async_router();
                store
                    .run_concurrent(async |accessor| router.call_check(accessor).await)
                    .await?
            }
        }
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
        match &self.exports {
            Router::Plain(router) => {
                let router = router.routing_contract_router();
                router.call_route(&mut self.store, request).await
            }
            Router::Async(router) => {
                let (router, request) = (router.routing_contract_async_router(), request.clone());
                self.store
                    .run_concurrent(async |accessor| router.call_route(accessor, request).await)
                    .await?
            }
        }
    }
}
