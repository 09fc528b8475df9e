//! `open-replies` of `rest:client-async`, for plugins. The instance gathers a reply before
//! it shows any of it, so that the body of one is there as a whole, and its end is known.

use super::bindings::rest::client_async::open_replies::{Host, HostWithStore, OpenReply};
use crate::plugin::{
    bindings::rest::client::types as wit, call::PluginCall, context::PluginCtx, convert,
};
use bytes::{Buf as _, Bytes};
use std::{
    pin::Pin,
    task::{Context, Poll},
};
use wasmtime::{
    StoreContextMut,
    component::{
        Accessor, Destination, FutureReader, HasSelf, StreamProducer, StreamReader, StreamResult,
        VecBuffer,
    },
};

/// Bytes that are handed over at a time to one who has no room of his own for them.
const PIECE: usize = 64 * 1024;

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
        let (head, body) = convert::head(reply);
        accessor.with(|mut access| {
            Ok(Ok(OpenReply {
                status: head.status,
                content_type: head.content_type,
                headers: head.headers,
                body: StreamReader::new(&mut access, Body(body))?,
                end: FutureReader::new(&mut access, async { wasmtime::error::Ok(Ok(())) })?,
            }))
        })
    }
}

impl Host for PluginCtx {}

/// What a plugin has not read yet of a body, which is on its account until it is dropped.
struct Body(Bytes);

impl<D> StreamProducer<D> for Body {
    type Item = u8;
    type Buffer = VecBuffer<u8>;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        store: StoreContextMut<'a, D>,
        destination: Destination<'a, u8, VecBuffer<u8>>,
        _: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let mut room = destination.as_direct(store, PIECE);
        let place = room.remaining();
        let count = place.len().min(self.0.len());
        place[..count].copy_from_slice(&self.0[..count]);
        room.mark_written(count);
        self.0.advance(count);
        Poll::Ready(Ok(match self.0.is_empty() {
            true => StreamResult::Dropped,
            false => StreamResult::Completed,
        }))
    }
}
