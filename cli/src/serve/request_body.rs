//! The body of a request, which is read to its end even where nobody wants it.
//!
//! hyper closes a connection of HTTP/1.1 behind the reply where a part of the body is still to
//! come, and tells nobody before. A proxy takes it for one that is kept, and loses its next
//! request with it, or this very reply: closing a socket that holds unread bytes resets it.

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Version, header};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{runtime::Handle, time::timeout};

/// Bytes that are read and thrown away.
const MOST_UNWANTED: u64 = 16 << 20;

/// How long that may take.
const UNWANTED_TIME: Duration = Duration::from_secs(5);

/// A body as it comes. What is left of it where this is dropped goes nowhere.
pub(super) struct RequestBody {
    /// Empty once this is dropped.
    incoming: Option<Incoming>,
    /// What reads the rest. Empty where nothing has to.
    reader: Option<Handle>,
    expectation: Option<Expectation>,
}

/// That of who waits until the body is asked for (RFC 9110, section 10.1.1).
#[derive(Clone, Default)]
struct Expectation(Arc<AtomicBool>);

impl Expectation {
    fn fulfil(&self) {
        self.0.store(true, Relaxed);
    }

    fn is_fulfilled(&self) -> bool {
        self.0.load(Relaxed)
    }
}

/// What a reply has to say of a body that nobody wanted.
pub(super) struct Unread(Option<Expectation>);

impl RequestBody {
    /// The same request with its body, and what its reply has to say of it.
    pub(super) fn of(request: Request<Incoming>) -> (Request<Self>, Unread) {
        // Streams of HTTP/2 end by themselves.
        let is_http1 = request.version() < Version::HTTP_2;
        let has_body = !request.body().is_end_stream();
        let expects = request
            .headers()
            .get(header::EXPECT)
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
        let expectation = (is_http1 && has_body && expects).then(Expectation::default);
        let unread = Unread(expectation.clone());
        let request = request.map(|incoming| Self {
            incoming: Some(incoming),
            reader: (is_http1 && has_body).then(Handle::current),
            expectation,
        });
        (request, unread)
    }
}

impl Unread {
    /// The connection ends with `reply` where the body was not asked for: who waits for that
    /// may send it or not.
    pub(super) fn note_in<B>(&self, reply: &mut Response<B>) {
        if let Some(expectation) = &self.0
            && !expectation.is_fulfilled()
        {
            let close = HeaderValue::from_static("close");
            reply.headers_mut().insert(header::CONNECTION, close);
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Some(expectation) = &self.expectation {
            expectation.fulfil();
        }
        match &mut self.incoming {
            Some(incoming) => Pin::new(incoming).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        let is_expected = |it: &Expectation| it.is_fulfilled();
        if let Some(incoming) = self.incoming.take()
            && let Some(reader) = &self.reader
            && !incoming.is_end_stream()
            && incoming.size_hint().lower() <= MOST_UNWANTED
            && self.expectation.as_ref().is_none_or(is_expected)
        {
            reader.spawn(timeout(UNWANTED_TIME, throw_away(incoming)));
        }
    }
}

/// Reads it to its end, if that is near enough.
async fn throw_away(mut incoming: Incoming) {
    let mut left = MOST_UNWANTED;
    while let Some(Ok(frame)) =
        std::future::poll_fn(|cx| Pin::new(&mut incoming).poll_frame(cx)).await
    {
        let length = frame.data_ref().map_or(0, |data| data.len() as u64);
        match left.checked_sub(length) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}
