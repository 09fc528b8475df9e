//! A request to a plugin that exports `wasi:http/handler` of WASI 0.3, and its answer.

use crate::plugin::{answer::Answer, context::PluginView as _, state::State};
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{Request, Response, header::HOST, uri::Scheme};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, combinators::UnsyncBoxBody};
use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::{
    sync::oneshot,
    task::{unconstrained, yield_now},
};
use wasmtime::component::Accessor;
use wasmtime_wasi_http::{
    Error as WasiError, FieldMap, WasiBody, WasiHttpView as _,
    p3::{Request as WasiRequest, bindings::Service},
};

/// Bytes of a body that goes out as a whole, at most.
const SHORT: usize = 64 * 1024;

/// How often the plugin may go on before a body that it has begun is no whole one.
const TURNS: u32 = 16;

/// Has `service` handle `request`. The answer goes to `answer` before its body has ended;
/// this returns when it has ended, and the plugin does nothing more.
///
/// # Errors
///
/// It traps.
pub(in crate::plugin) async fn handle(
    accessor: &Accessor<State>,
    service: &Service,
    request: Request<UnsyncBoxBody<Bytes, WasiError>>,
    answer: oneshot::Sender<Answer>,
) -> wasmtime::Result<()> {
    let (request, sent) = accessor.with(|mut access| {
        let http = access.data_mut().rest_client().http();
        let (head, body) = request.into_parts();
        let host = head.headers.get(HOST);
        let (request, sent) = WasiRequest::new(
            head.method,
            // What the service is reached by is the operator's matter.
            Some(Scheme::HTTP),
            match head.uri.authority() {
                Some(authority) => Some(authority.clone()),
                None => host.and_then(|it| it.to_str().ok()?.parse().ok()),
            },
            head.uri.path_and_query().cloned(),
            FieldMap::new_immutable(http.hooks, head.headers),
            None,
            body,
        );
        wasmtime::error::Ok((http.table.push(request)?, sent))
    })?;
    let handler = service.wasi_http_handler();
    let response = match handler.call_handle(accessor, request).await? {
        Ok(response) => response,
        Err(code) => {
            // Nobody may wait for it any more.
            let _ = answer.send(Err(format!("{code:?}")));
            return Ok(());
        }
    };
    let response = accessor.with(|mut access| {
        let response = access
            .data_mut()
            .rest_client()
            .http()
            .table
            .delete(response)?;
        response.into_http_with_getter(&mut access, sent, |state| state.rest_client().http())
    })?;
    let (parts, body) = response.into_parts();
    let (body, has_ended) = gathered(body).await;
    if answer.send(Ok(Response::from_parts(parts, body))).is_ok() {
        // The store passes it on. Nobody knows whether a plugin that is done has handed over
        // something which writes on, such as the body of its request.
        let _ = has_ended.await;
    }
    poll_fn(|cx| accessor.poll_no_interesting_tasks(cx)).await;
    Ok(())
}

/// The body as a whole, if the plugin writes it right away and it is short; and what is ready
/// when it has ended, or nobody reads it any more.
async fn gathered(mut body: WasiBody) -> (WasiBody, oneshot::Receiver<()>) {
    let (ended, has_ended) = oneshot::channel();
    let (mut frames, mut length, mut turns) = (VecDeque::new(), 0, 0);
    let mut is_whole = false;
    while turns < TURNS && length < SHORT {
        match unconstrained(body.frame()).now_or_never() {
            Some(Some(frame)) => {
                let data = frame.as_ref().ok().and_then(Frame::data_ref);
                length += data.map_or(0, Bytes::len);
                frames.push_back(frame);
            }
            Some(None) => {
                is_whole = true;
                break;
            }
            None => {
                turns += 1;
                // The store has the plugin go on.
                yield_now().await;
            }
        }
    }
    let body = Watched {
        begun: frames,
        rest: (!is_whole).then_some((body, ended)),
    };
    (body.boxed_unsync(), has_ended)
}

/// A body of which it is known when nobody reads it any more.
struct Watched {
    /// What is here already.
    begun: VecDeque<Result<Frame<Bytes>, WasiError>>,
    /// What comes after that, and what is dropped at its end.
    rest: Option<(WasiBody, oneshot::Sender<()>)>,
}

impl Body for Watched {
    type Data = Bytes;
    type Error = WasiError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, WasiError>>> {
        if let Some(frame) = self.begun.pop_front() {
            return Poll::Ready(Some(frame));
        }
        let Some((rest, _)) = &mut self.rest else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(rest).poll_frame(cx);
        if let Poll::Ready(None | Some(Err(_))) = &polled {
            self.rest = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.begun.is_empty()
            && self
                .rest
                .as_ref()
                .is_none_or(|(rest, _)| rest.is_end_stream())
    }
}
