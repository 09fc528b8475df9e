//! A plugin of the routing contract, and what it is asked.

use super::{
    PluginCtx,
    pace::Pace,
    runtime::{Plugin, State},
};
use crate::routing::{
    Decision, Request,
    bindings::{Router as Exports, RouterPre},
};
use std::sync::Arc;
use wasmtime::{Store, error::Context as _};

/// Bytes that a plugin may hand over in one call of the host, or in a decision.
const AT_ONCE: usize = 16 << 20;

/// A plugin that decides. Clones are the same one.
#[derive(Clone)]
pub(super) struct Router {
    pub(super) plugin: Plugin,
    pre: RouterPre<State>,
}

/// An instance of it.
pub(super) struct Started {
    store: Store<State>,
    exports: Exports,
    /// Decisions that it has made.
    pub(super) decisions: u32,
}

impl Router {
    /// # Errors
    ///
    /// `plugin` does not export what the contract says.
    pub(super) fn new(plugin: &Plugin) -> wasmtime::Result<Self> {
        let pre = RouterPre::new(plugin.pre.clone())
            .context("the plugin decides nothing: it does not export routing:contract/router")?;
        Ok(Self {
            plugin: plugin.clone(),
            pre,
        })
    }

    /// Starts one, which goes at `pace`.
    ///
    /// # Errors
    ///
    /// It traps.
    pub(super) async fn start(
        &self,
        context: PluginCtx,
        pace: &Arc<Pace>,
    ) -> wasmtime::Result<Started> {
        let mut store = self.plugin.store(context);
        store.set_hostcall_fuel(AT_ONCE);
        store.data_mut().pace = pace.clone();
        let exports = self.pre.instantiate_async(&mut store).await?;
        Ok(Started {
            store,
            exports,
            decisions: 0,
        })
    }
}

impl Started {
    /// What the host keeps for it.
    pub(super) fn context(&mut self) -> &mut PluginCtx {
        &mut self.store.data_mut().rest_client
    }

    /// Has it go at `pace` from now on.
    pub(super) fn keep_to(&mut self, pace: &Arc<Pace>) {
        self.store.data_mut().pace = pace.clone();
    }

    /// `check` of the contract.
    pub(super) async fn check(&mut self) -> wasmtime::Result<Result<(), String>> {
        let router = self.exports.routing_contract_router();
        router.call_check(&mut self.store).await
    }

    /// `route` of the contract.
    pub(super) async fn route(
        &mut self,
        request: &Request,
    ) -> wasmtime::Result<Result<Decision, String>> {
        self.decisions = self.decisions.saturating_add(1);
        let router = self.exports.routing_contract_router();
        router.call_route(&mut self.store, request).await
    }
}
