//! A request that can be sent more than once, and its body on the way.

use super::{
    expect::Waiting,
    upload::{TakenBack, Upload},
};
use crate::call::failure::{Cause, Failure};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Uri};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};
use wasmtime_wasi_http::WasiBody;

/// A request with the whole of its body. Clones share the body.
pub(super) struct Outgoing {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    /// Empty if there is none.
    pub(super) body: Bytes,
}

impl Outgoing {
    /// Takes the body of a guest's request, which the guest has written before it
    /// sent the request.
    pub(super) async fn collect(request: Box<Request<WasiBody>>) -> Result<Self, Failure> {
        let (head, body) = (*request).into_parts();
        let body = body.collect().await.map_err(|error| {
            let what = format!("the body of the request is not what it announced: {error}");
            Failure::new(Cause::Protocol, what)
        })?;
        Ok(Self {
            method: head.method,
            uri: head.uri,
            headers: head.headers,
            body: body.to_bytes(),
        })
    }

    /// The request as it is sent, `body` being its own.
    pub(super) fn with(&self, body: RequestBody) -> Request<RequestBody> {
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        request.headers_mut().clone_from(&self.headers);
        request
    }

    /// Whether a server that has seen it once may see it again (RFC 9110, section
    /// 9.2.2).
    pub(super) fn may_repeat(&self) -> bool {
        let is_idempotent = matches!(
            self.method,
            Method::GET
                | Method::HEAD
                | Method::OPTIONS
                | Method::TRACE
                | Method::PUT
                | Method::DELETE
        );
        is_idempotent && self.body.is_empty()
    }
}

/// The body as a connection sends it, once it may.
pub(super) struct RequestBody {
    content: Content,
    waiting: Option<Waiting>,
}

enum Content {
    Whole(Bytes),
    Pieces(Upload),
}

impl RequestBody {
    /// One that is sent at once.
    pub(super) fn new(bytes: Bytes) -> Self {
        Self {
            content: Content::Whole(bytes),
            waiting: None,
        }
    }

    /// One that is sent piece by piece.
    pub(super) fn in_pieces(upload: Upload) -> Self {
        Self {
            content: Content::Pieces(upload),
            waiting: None,
        }
    }

    /// One that is sent when `waiting` is over.
    pub(super) fn after(waiting: Waiting, bytes: Bytes) -> Self {
        Self {
            content: Content::Whole(bytes),
            waiting: Some(waiting),
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = TakenBack;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TakenBack>>> {
        if let Some(waiting) = &mut self.waiting {
            ready!(waiting.poll_over(cx));
            self.waiting = None;
        }
        let next = match &mut self.content {
            Content::Whole(bytes) if bytes.is_empty() => None,
            Content::Whole(bytes) => Some(Ok(std::mem::take(bytes))),
            Content::Pieces(upload) => upload.next(),
        };
        Poll::Ready(next.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Whole(bytes) => bytes.is_empty(),
            Content::Pieces(upload) => upload.is_handed_out(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        let left = match &self.content {
            Content::Whole(bytes) => bytes.len(),
            Content::Pieces(upload) => upload.left(),
        };
        SizeHint::with_exact(left as u64)
    }
}

/// Whoever sends it has all of it by then, or sends no more.
impl Drop for RequestBody {
    fn drop(&mut self) {
        if let Content::Pieces(upload) = &self.content {
            upload.end();
        }
    }
}
