//! `open-replies` of `rest:client-async`, for plugins. The instance gathers a reply before
//! it shows any of it, so that the body of one is there as a whole, and its end is known.

use super::bindings::rest::client_async::open_replies::{Host, HostWithStore, OpenReply};
use crate::plugin::{
    bindings::rest::client::types as wit, call::PluginCall, context::PluginCtx, convert,
};
use wasmtime::component::{Accessor, FutureReader, HasSelf, StreamReader};

impl<T: Send> HostWithStore<T> for HasSelf<PluginCtx> {
    async fn rest_open(
        accessor: &Accessor<T, Self>,
        method: String,
        url: String,
        body: Option<Vec<u8>>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> wasmtime::Result<Result<OpenReply, wit::RestError>> {
        let call = PluginCall::new(method, url, body, content_type, options);
        let asked = accessor.with(|mut access| access.get().begin(call))?;
        let reply = match asked.await? {
            Ok(reply) => reply,
            Err(error) => return Ok(Err(convert::error(error))),
        };
        let reply = convert::response(reply);
        accessor.with(|mut access| {
            Ok(Ok(OpenReply {
                status: reply.status,
                content_type: reply.content_type,
                headers: reply.headers,
                body: StreamReader::new(&mut access, reply.body)?,
                end: FutureReader::new(&mut access, async { wasmtime::error::Ok(Ok(())) })?,
            }))
        })
    }
}

impl Host for PluginCtx {}
