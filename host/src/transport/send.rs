//! One request on one connection.

use super::{
    connection::{Connection, SendError},
    errors,
    expect::{self, Gate},
    interim::{Interim, MAX_INTERIM},
    proxy::Proxy,
    request_body::{Outgoing, RequestBody},
};
use crate::{
    call::failure::{Cause, Failure},
    config::HttpVersion,
};
use http::{HeaderValue, Request, Response, StatusCode, Uri, Version, header, uri::PathAndQuery};
use hyper::body::Incoming;

/// Why there is no reply.
pub(super) enum Unanswered {
    /// The server does not know `Expect` (417), and has seen nothing of the body.
    ExpectationFailed,
    /// The connection failed.
    Failed {
        failure: Failure,
        /// Whether the request may be sent once more.
        again: Again,
    },
}

/// Whether a request may be sent once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// The server may have processed it.
    Never,
    /// It may be processed twice, and nothing came of a reply. A connection that
    /// was kept may have been closed before the request came.
    IfReused,
    /// The server has not processed it, and the connection is over.
    Elsewhere,
    /// The server has not processed it.
    Anywhere,
}

/// Sends a request, and waits for the head of its reply. With `expect`, a large
/// body waits until the server asks for it.
pub(super) async fn send(
    connection: &mut Connection,
    outgoing: &Outgoing,
    version: HttpVersion,
    expect: bool,
) -> Result<Response<Incoming>, Unanswered> {
    let body = outgoing.body.clone();
    let http1 = match connection {
        Connection::Http1(http1) => http1,
        Connection::Http2(http2) => {
            let request = for_http2(outgoing.with(RequestBody::new(body)));
            let sent = http2.send(request).await;
            return sent.map_err(|error| unanswered(error, outgoing));
        }
    };
    let gate = (expect && version != HttpVersion::Http10 && body.len() > expect::SMALL)
        .then(Gate::default);
    let mut request = match &gate {
        Some(gate) => {
            let mut request = outgoing.with(RequestBody::after(gate.wait(), body));
            let value = HeaderValue::from_static("100-continue");
            request.headers_mut().insert(header::EXPECT, value);
            request
        }
        None => outgoing.with(RequestBody::new(body)),
    };
    for_http1(&mut request, version, http1.proxy());
    let interim = Interim::watch(&mut request, gate.clone());
    let reply = match http1.send(request, &interim).await {
        Ok(reply) => reply,
        Err(SendError::Failed(error)) if error.is_parse_too_large() => {
            return Err(Unanswered::Failed {
                failure: http1.head_too_large(),
                again: Again::Never,
            });
        }
        Err(error) => return Err(unanswered(error, outgoing)),
    };
    if reply.status() == StatusCode::EXPECTATION_FAILED && gate.is_some_and(|gate| !gate.is_open())
    {
        return Err(Unanswered::ExpectationFailed);
    }
    Ok(reply)
}

fn unanswered(error: SendError, outgoing: &Outgoing) -> Unanswered {
    let (error, was_sent) = match error {
        SendError::TooManyInterim => {
            let what = format!("the server sent more than {MAX_INTERIM} interim replies (1xx)");
            return Unanswered::Failed {
                failure: Failure::new(Cause::Protocol, what),
                again: Again::Never,
            };
        }
        SendError::Unsent(error) => (error, false),
        SendError::Failed(error) => (error, true),
    };
    let is_refused = errors::is_refused(&error);
    let is_beyond_the_last = errors::is_beyond_the_last(&error);
    let failure = errors::exchanging(error);
    let again = if is_refused {
        Again::Anywhere
    } else if !was_sent || is_beyond_the_last {
        Again::Elsewhere
    } else if outgoing.may_repeat() && failure.cause == Cause::Incomplete {
        Again::IfReused
    } else {
        Again::Never
    };
    Unanswered::Failed { failure, again }
}

/// The absolute form of a URI is for proxies (RFC 9112, section 3.2).
fn for_http1(request: &mut Request<RequestBody>, version: HttpVersion, proxy: Option<&Proxy>) {
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
fn for_http2(mut request: Request<RequestBody>) -> Request<RequestBody> {
    request.headers_mut().remove(header::HOST);
    *request.version_mut() = Version::HTTP_2;
    request
}
