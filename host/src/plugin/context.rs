//! What the host keeps for one plugin, and the calls that the plugin makes.

use super::{
    bindings::rest::client::types as wit,
    call::PluginCall,
    convert,
    transfer::{Kept, Transfer},
};
use crate::{
    error::{Error, ErrorKind},
    instance::Instance,
    sandbox::Hooks,
};
use std::fmt;
use tokio::sync::oneshot;
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::p2::Pollable as _;
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// Resources that a plugin may hold at once; a transfer is one, and so is what
/// waits for it.
const RESOURCES: usize = 16 * 1024;

/// Bytes of replies that the host keeps for a plugin, in transfers that are over
/// and in bodies. With more it starts no further transfer: the cap counts what is
/// in flight, and says nothing of what is complete.
const KEPT_BYTES: usize = 256 * 1024 * 1024;

/// What the host keeps for one plugin; see the example of the
/// [module](crate::plugin).
pub struct PluginCtx {
    instance: Instance,
    table: ResourceTable,
    http: WasiHttpCtx,
    hooks: Hooks,
    kept: Kept,
}

/// A store's state that has a [`PluginCtx`]; see the example of the
/// [module](crate::plugin).
pub trait PluginView: Send + 'static {
    /// Where it is.
    fn rest_client(&mut self) -> &mut PluginCtx;
}

impl PluginCtx {
    /// For a plugin whose calls are those of `instance`.
    #[must_use]
    pub fn new(instance: Instance) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES);
        Self {
            instance,
            table,
            http: WasiHttpCtx::new(),
            hooks: Hooks,
            kept: Kept::default(),
        }
    }

    /// Whose calls the plugin's are.
    #[must_use]
    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// Where an embedder may keep resources of its own for the plugin.
    pub fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }
}

impl WasiHttpView for PluginCtx {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: &mut self.hooks,
        }
    }
}

impl PluginCtx {
    pub(super) async fn call(&mut self, call: PluginCall) -> Result<wit::Response, wit::RestError> {
        convert::result(call.request(&self.instance).await)
    }

    /// Returns when the call runs beside others, or waits for its turn. One that
    /// runs in a blocking manner is over by then, so that at its cap an instance
    /// blocks its plugins, too.
    pub(super) async fn start(&mut self, call: PluginCall) -> wasmtime::Result<Resource<Transfer>> {
        if self.kept.bytes() > KEPT_BYTES {
            let message = format!(
                "the host keeps more than {KEPT_BYTES} bytes of replies for this plugin; finish transfers, and drop bodies, before another is started"
            );
            let refused = Transfer::refused(Error::new(ErrorKind::PluginLimit, message));
            return Ok(self.table.push(refused)?);
        }
        let (begun, has_begun) = oneshot::channel();
        let request = call.request(&self.instance).tell_begun(begun);
        let mut transfer = Transfer::run(request.into_future(), &self.kept);
        tokio::select! {
            // Also where it is dropped, which is at the end of the call.
            _ = has_begun => {}
            // An instance that is blocked by others may not even look at it.
            () = transfer.ready() => {}
        }
        Ok(self.table.push(transfer)?)
    }
}

impl fmt::Debug for PluginCtx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginCtx")
            .field("instance", &self.instance)
            .finish_non_exhaustive()
    }
}
