//! `wasi:config/store`: what the operator has set for a plugin. The same as long as the
//! plugin lives, and always in the same order.

use super::context::{PluginCtx, PluginView};
use wasmtime::component::{HasSelf, Linker};

mod bindings {
    #![allow(missing_docs, unreachable_pub, reason = "generated")]

    wasmtime::component::bindgen!({
        path: "wit/routing/deps/config.wit",
        world: "wasi:config/imports",
    });
}

use bindings::wasi::config::store;

/// Adds it to what a plugin may import.
pub(super) fn add_to_linker<T: PluginView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    store::add_to_linker::<_, HasSelf<PluginCtx>>(linker, T::rest_client)
}

impl store::Host for PluginCtx {
    fn get(&mut self, key: String) -> Result<Option<String>, store::Error> {
        Ok(self.settings().get(&key).cloned())
    }

    fn get_all(&mut self) -> Result<Vec<(String, String)>, store::Error> {
        let pair = |(name, value): (&String, &String)| (name.clone(), value.clone());
        Ok(self.settings().iter().map(pair).collect())
    }
}
