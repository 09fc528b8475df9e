//! One request on one connection.

use super::{
    connection::{Connection, SendError},
    errors,
    expect::{self, Gate},
    proxy::Proxy,
    request_body::{Outgoing, RequestBody},
    upload::Upload,
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
/// body waits until the server asks for it. Over HTTP/2 a large body is the `upload`.
pub(super) async fn send(
    connection: &mut Connection,
    outgoing: &Outgoing,
    upload: Option<&Upload>,
    version: HttpVersion,
    expect: bool,
) -> Result<Response<Incoming>, Unanswered> {
    let http1 = match connection {
        Connection::Http1(http1) => http1,
        Connection::Http2(http2) => {
            return match http2.send(http2_request(outgoing, upload)).await {
                Ok(reply) => Ok(reply),
                Err(error) => Err(unanswered(error, connection, outgoing)),
            };
        }
    };
    http1.ready().await;
    let gate = (expect && version != HttpVersion::Http10 && outgoing.body.len() > expect::SMALL)
        .then(Gate::default);
    let sent = http1.send(http1_request(
        outgoing,
        version,
        gate.as_ref(),
        http1.proxy(),
    ));
    match sent.await {
        Ok(reply)
            if reply.status() == StatusCode::EXPECTATION_FAILED
                && gate.is_some_and(|gate| !gate.is_open()) =>
        {
            Err(Unanswered::ExpectationFailed)
        }
        Ok(reply) => Ok(reply),
        Err(error) => Err(unanswered(error, connection, outgoing)),
    }
}

fn unanswered(error: SendError, connection: &Connection, outgoing: &Outgoing) -> Unanswered {
    let (error, was_sent) = match error {
        SendError::Head(failure) => {
            return Unanswered::Failed {
                failure,
                again: Again::Never,
            };
        }
        SendError::Unsent(error) => (error, false),
        SendError::Failed(error) => (error, true),
    };
    let is_refused = errors::is_refused(&error);
    let is_beyond_the_last = errors::is_beyond_the_last(&error);
    let failure = connection.failure(error);
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

/// Where there is a `gate`, the body waits at it.
fn http1_request(
    outgoing: &Outgoing,
    version: HttpVersion,
    gate: Option<&Gate>,
    proxy: Option<&Proxy>,
) -> Request<RequestBody> {
    let body = outgoing.body.clone();
    let mut request = match gate {
        None => outgoing.with(RequestBody::new(body)),
        Some(gate) => {
            let mut request = outgoing.with(RequestBody::after(gate.wait(), body));
            let value = HeaderValue::from_static("100-continue");
            request.headers_mut().insert(header::EXPECT, value);
            gate.open_at_100(&mut request);
            request
        }
    };
    // The absolute form of a URI is for proxies (RFC 9112, section 3.2).
    match proxy {
        Some(proxy) => proxy.authorize(&mut request),
        None => {
            let path = std::mem::take(request.uri_mut())
                .into_parts()
                .path_and_query;
            *request.uri_mut() = Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
        }
    }
    *request.version_mut() = version.of_http1();
    request
}

/// The host is in a pseudo-header (RFC 9113, section 8.3.1).
fn http2_request(outgoing: &Outgoing, upload: Option<&Upload>) -> Request<RequestBody> {
    let body = match upload {
        Some(upload) => RequestBody::in_pieces(upload.clone()),
        None => RequestBody::new(outgoing.body.clone()),
    };
    let mut request = outgoing.with(body);
    request.headers_mut().remove(header::HOST);
    *request.version_mut() = Version::HTTP_2;
    request
}
