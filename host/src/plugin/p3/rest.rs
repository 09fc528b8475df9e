//! `rest` of `rest:client-async`, for plugins.

use super::bindings::rest::client_async::rest::{Host, HostWithStore};
use crate::plugin::{
    bindings::rest::client::types as wit, call::PluginCall, context::PluginCtx, convert,
};
use wasmtime::component::{Accessor, HasSelf};

type Reply = wasmtime::Result<Result<wit::Response, wit::RestError>>;

impl<T: Send> HostWithStore<T> for HasSelf<PluginCtx> {
    async fn rest_get(
        accessor: &Accessor<T, Self>,
        url: String,
        options: Option<wit::RequestOptions>,
    ) -> Reply {
        ask(accessor, PluginCall::new("GET", url, None, None, options)).await
    }

    async fn rest_post(
        accessor: &Accessor<T, Self>,
        url: String,
        body: Vec<u8>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> Reply {
        let call = PluginCall::new("POST", url, Some(body), content_type, options);
        ask(accessor, call).await
    }

    async fn rest_put(
        accessor: &Accessor<T, Self>,
        url: String,
        body: Vec<u8>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> Reply {
        let call = PluginCall::new("PUT", url, Some(body), content_type, options);
        ask(accessor, call).await
    }

    async fn rest_request(
        accessor: &Accessor<T, Self>,
        method: String,
        url: String,
        body: Option<Vec<u8>>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> Reply {
        let call = PluginCall::new(method, url, body, content_type, options);
        ask(accessor, call).await
    }
}

/// The plugin goes on with other things meanwhile. Dropped, it ends the call.
async fn ask<T: Send>(accessor: &Accessor<T, HasSelf<PluginCtx>>, call: PluginCall) -> Reply {
    let asked = accessor.with(|mut access| access.get().begin(call))?;
    Ok(convert::result(asked.await?))
}

impl Host for PluginCtx {
    fn rest_escape(&mut self, text: String) -> wasmtime::Result<String> {
        self.escape(&text)
    }

    fn rest_unescape(&mut self, text: String) -> wasmtime::Result<Result<String, String>> {
        Ok(self.unescape(&text))
    }
}
