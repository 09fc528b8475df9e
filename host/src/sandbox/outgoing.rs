//! Where the sandbox meets the transport: a request on its way out, and the
//! reply to come.
//!
//! wasmtime's own `handle` starts a task for each request, and its
//! `future-incoming-response` knows nothing until somebody has polled it. Here
//! the driver of an instance runs the transfers itself, and knows when one is
//! complete. So these two are made anew, over the same resources as the rest of
//! `wasi:http`, which stays wasmtime's.

use super::{
    outbox::{Launched, Outbox, PendingReply},
    state::State,
};
use http::{HeaderMap, HeaderValue, Uri, header, uri};
use http_body_util::{BodyExt as _, Empty};
use tokio::sync::oneshot;
use wasmtime::{
    StoreContextMut,
    component::{Linker, Resource, ResourceType},
};
use wasmtime_wasi::p2::{DynPollable, subscribe};
use wasmtime_wasi_http::{
    FieldMap, RequestOptions, WasiBody,
    p2::{
        bindings::http::types::{ErrorCode, Scheme},
        body::HostIncomingBody,
        types::{HostIncomingResponse, HostOutgoingRequest},
    },
};

/// Puts this module's functions in place of wasmtime's.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut types = linker.instance("wasi:http/types@0.2.12")?;
    types.resource(
        "future-incoming-response",
        ResourceType::host::<PendingReply>(),
        |mut store, rep| {
            let resource = Resource::<PendingReply>::new_own(rep);
            store.data_mut().table.delete(resource)?;
            Ok(())
        },
    )?;
    types.func_wrap(
        "[method]future-incoming-response.get",
        |mut store: StoreContextMut<'_, State>, (pending,): (Resource<PendingReply>,)| {
            get(store.data_mut(), &pending).map(|reply| (reply,))
        },
    )?;
    types.func_wrap(
        "[method]future-incoming-response.subscribe",
        |mut store: StoreContextMut<'_, State>,
         (pending,): (Resource<PendingReply>,)|
         -> wasmtime::Result<(Resource<DynPollable>,)> {
            Ok((subscribe(&mut store.data_mut().table, pending)?,))
        },
    )?;
    linker
        .instance("wasi:http/outgoing-handler@0.2.12")?
        .func_wrap(
            "handle",
            |mut store: StoreContextMut<'_, State>,
             (request, options): (
                Resource<HostOutgoingRequest>,
                Option<Resource<RequestOptions>>,
            )| { handle(store.data_mut(), request, options).map(|pending| (pending,)) },
        )?;
    linker.allow_shadowing(false);
    Ok(())
}

type Got = Option<Result<Result<Resource<HostIncomingResponse>, ErrorCode>, ()>>;

fn get(state: &mut State, pending: &Resource<PendingReply>) -> wasmtime::Result<Got> {
    let pending = state.table.get_mut(pending)?;
    pending.look();
    let outcome = match std::mem::replace(pending, PendingReply::Consumed) {
        PendingReply::Ready(outcome) => outcome,
        PendingReply::Consumed => return Ok(Some(Err(()))),
        waiting @ PendingReply::Pending(_) => {
            *pending = waiting;
            return Ok(None);
        }
    };
    let reply = match outcome {
        Ok(reply) => reply.shown().into_wasi(),
        Err(failure) => return Ok(Some(Ok(Err(failure.to_code())))),
    };
    let (head, body) = reply.into_parts();
    let response = HostIncomingResponse {
        status: head.status.as_u16(),
        headers: FieldMap::new_immutable(&mut state.hooks, head.headers),
        body: Some(HostIncomingBody::new(body)),
    };
    Ok(Some(Ok(Ok(state.table.push(response)?))))
}

type Handled = Result<Resource<PendingReply>, ErrorCode>;

fn handle(
    state: &mut State,
    request: Resource<HostOutgoingRequest>,
    options: Option<Resource<RequestOptions>>,
) -> wasmtime::Result<Handled> {
    let connect_timeout = match options {
        // The other two never outlast transfer-timeout, which is kept for every
        // request.
        Some(options) => state.table.delete(options)?.connect_timeout,
        None => None,
    };
    let request = state.table.delete(request)?;
    let request = match http_request(request) {
        Ok(request) => request,
        Err(code) => return Ok(Err(code)),
    };
    let Outbox {
        transport,
        tenant,
        call,
        launched,
    } = &mut state.outbox;
    let Some(call) = call.clone() else {
        return Ok(Err(ErrorCode::InternalError(Some(
            "a request outside of every call".into(),
        ))));
    };
    let transfer =
        transport
            .clone()
            .transfer(tenant.clone(), call, Box::new(request), connect_timeout);
    let (sender, receiver) = oneshot::channel();
    // A guest that sends two requests at a time would lose the first.
    *launched = Some(Launched {
        transfer: Box::pin(transfer),
        outcome: sender,
    });
    Ok(Ok(state.table.push(PendingReply::Pending(receiver))?))
}

/// The request that a guest has put together, checked as far as `wasi:http`
/// leaves that to this point.
fn http_request(request: HostOutgoingRequest) -> Result<http::Request<WasiBody>, ErrorCode> {
    let HostOutgoingRequest {
        method,
        scheme,
        authority,
        path_with_query,
        headers,
        body,
    } = request;
    let scheme = match scheme {
        Some(Scheme::Http) => uri::Scheme::HTTP,
        Some(Scheme::Https) | None => uri::Scheme::HTTPS,
        Some(Scheme::Other(_)) => return Err(ErrorCode::HttpProtocolError),
    };
    let authority = authority.unwrap_or_default();
    let mut headers = HeaderMap::from(headers);
    if body.is_none() && !announces_nothing(&headers) {
        return Err(ErrorCode::HttpRequestBodySize(Some(0)));
    }
    let host = HeaderValue::from_str(&authority).map_err(|_| ErrorCode::HttpRequestUriInvalid)?;
    headers.insert(header::HOST, host);

    let mut out = http::Request::new(body.unwrap_or_else(nothing));
    *out.method_mut() = method
        .try_into()
        .map_err(|_| ErrorCode::HttpRequestMethodInvalid)?;
    *out.uri_mut() = Uri::builder()
        .scheme(scheme)
        .authority(authority)
        .path_and_query(path_with_query.unwrap_or_else(|| "/".into()))
        .build()
        .map_err(|_| ErrorCode::HttpRequestUriInvalid)?;
    *out.headers_mut() = headers;
    Ok(out)
}

fn announces_nothing(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::CONTENT_LENGTH)
        .iter()
        .all(|length| length.as_bytes() == b"0")
}

fn nothing() -> WasiBody {
    Empty::new()
        .map_err(|never: std::convert::Infallible| match never {})
        .boxed_unsync()
}
