//! One request on one connection.

use super::{
    connection::Connection,
    errors,
    expect::{self, HeldBack},
    proxy::Proxy,
};
use crate::{
    call::failure::{Cause, Failure},
    config::HttpVersion,
};
use http::{Method, Request, Response, StatusCode, Uri, Version, header, uri::PathAndQuery};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Empty};
use hyper::{body::Incoming, client::conn::TrySendError};
use wasmtime_wasi_http::WasiBody;

/// Why there is no answer.
pub(super) enum Unanswered {
    /// The server does not know `Expect` (417); here is the request without.
    Refused(Box<Request<WasiBody>>),
    /// The connection ended first.
    Failed {
        failure: Failure,
        /// The request once more, if nothing of it was sent, or nothing of a
        /// reply came and it may be sent twice.
        again: Option<Box<Request<WasiBody>>>,
    },
}

/// Sends `request`, and waits for the head of its reply. With `expect`, a large
/// body waits until the server asks for it.
pub(super) async fn send(
    connection: &mut Connection,
    mut request: Box<Request<WasiBody>>,
    version: HttpVersion,
    expect: bool,
) -> Result<Response<Incoming>, Unanswered> {
    let head = Head::of(&request);
    let empty = request.body().is_end_stream();
    match connection {
        Connection::Http1(http1) => {
            let expect = expect && version != HttpVersion::Http10;
            let held = match expect {
                true => expect::hold_back(&mut request),
                false => None,
            };
            for_http1(&mut request, version, http1.proxy());
            let reply = match http1.send(request).await {
                Ok(reply) => reply,
                Err(error) => return Err(unanswered(error, head, empty, held)),
            };
            if reply.status() == StatusCode::EXPECTATION_FAILED
                && let Some(body) = held.as_ref().and_then(HeldBack::take_back)
            {
                return Err(Unanswered::Refused(head.with(body)));
            }
            Ok(reply)
        }
        Connection::Http2(http2) => http2
            .try_send_request(for_http2(*request))
            .await
            .map_err(|error| unanswered(error, head, empty, None)),
    }
}

fn unanswered(
    mut error: TrySendError<Request<WasiBody>>,
    head: Head,
    empty: bool,
    held: Option<HeldBack>,
) -> Unanswered {
    let unsent = error.take_message();
    let failure = errors::exchanging(error.into_error());
    let body = match (unsent, held) {
        (Some(_), Some(held)) => held.take_back(),
        (Some(request), None) => Some(request.into_body()),
        (None, _) if empty && head.is_idempotent() && failure.cause == Cause::Incomplete => {
            Some(nothing())
        }
        (None, _) => None,
    };
    Unanswered::Failed {
        failure,
        again: body.map(|body| head.with(body)),
    }
}

/// The absolute form of a URI is for proxies (RFC 9112, section 3.2).
fn for_http1(request: &mut Request<WasiBody>, version: HttpVersion, proxy: Option<&Proxy>) {
    match proxy {
        Some(proxy) => proxy.authorize(request),
        None => {
            let path = std::mem::take(request.uri_mut())
                .into_parts()
                .path_and_query;
            *request.uri_mut() = Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
        }
    }
    *request.version_mut() = version.of_http1();
}

/// The host is in a pseudo-header (RFC 9113, section 8.3.1).
fn for_http2(mut request: Request<WasiBody>) -> Request<WasiBody> {
    request.headers_mut().remove(header::HOST);
    *request.version_mut() = Version::HTTP_2;
    request
}

/// A request without its body, which can be sent once more.
struct Head {
    method: Method,
    uri: Uri,
    headers: http::HeaderMap,
}

impl Head {
    fn of(request: &Request<WasiBody>) -> Self {
        Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            headers: request.headers().clone(),
        }
    }

    fn with(self, body: WasiBody) -> Box<Request<WasiBody>> {
        let mut request = Request::new(body);
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        *request.headers_mut() = self.headers;
        Box::new(request)
    }

    /// RFC 9110, section 9.2.2.
    fn is_idempotent(&self) -> bool {
        matches!(
            self.method,
            Method::GET
                | Method::HEAD
                | Method::OPTIONS
                | Method::TRACE
                | Method::PUT
                | Method::DELETE
        )
    }
}

fn nothing() -> WasiBody {
    Empty::new()
        .map_err(|never: std::convert::Infallible| match never {})
        .boxed_unsync()
}
