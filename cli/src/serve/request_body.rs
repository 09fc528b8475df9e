//! The body of a request, which is read to its end even where nobody wants it.
//!
//! hyper closes a connection of HTTP/1.1 behind the reply where a part of the body is still to
//! come, and tells nobody before. A proxy takes it for one that is kept, and loses its next
//! request with it, or this very reply: closing a socket that holds unread bytes resets it.

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Version, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
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
use tokio::{runtime::Handle, task::yield_now, time::timeout};

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
    connection: EndOfConnection,
}

/// Whether a connection ends with the reply: the rest of the body may come or not, or is too
/// long. What comes is nothing of a next request then.
#[derive(Clone)]
pub(super) struct EndOfConnection {
    /// Empty where there is no body that could end it.
    ends: Option<Arc<AtomicBool>>,
    /// The body waits until it is asked for (RFC 9110, section 10.1.1).
    waits: bool,
}

impl EndOfConnection {
    fn set(&self, ends: bool) {
        if let Some(it) = &self.ends {
            it.store(ends, Relaxed);
        }
    }

    fn is_set(&self) -> bool {
        self.ends.as_ref().is_some_and(|it| it.load(Relaxed))
    }

    /// Has `reply` say so.
    pub(super) async fn announce<B>(&self, reply: &mut Response<B>) {
        if self.is_set() {
            let close = HeaderValue::from_static("close");
            reply.headers_mut().insert(header::CONNECTION, close);
        } else if self.waits {
            // It is asked for by now. hyper tells its sender when it reads the next time, and
            // not any more once there is a reply.
            yield_now().await;
        }
    }
}

impl RequestBody {
    /// The same request with its body, and whether its connection ends.
    pub(super) fn of(request: Request<Incoming>) -> (Request<Self>, EndOfConnection) {
        // Streams of HTTP/2 end by themselves.
        let is_left_to_us = request.version() < Version::HTTP_2 && !request.body().is_end_stream();
        // In HTTP/1.0 nobody waits.
        let expects = request.headers().contains_key(header::EXPECT);
        let waits = is_left_to_us && expects && request.version() == Version::HTTP_11;
        let connection = EndOfConnection {
            ends: is_left_to_us.then(|| Arc::new(AtomicBool::new(waits))),
            waits,
        };
        let request = request.map(|incoming| Self {
            incoming: Some(incoming),
            reader: is_left_to_us.then(Handle::current),
            connection: connection.clone(),
        });
        (request, connection)
    }

    /// Leaves it where it is: some who announce one never send it.
    pub(super) fn ignore(self) {
        self.connection.set(true);
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(incoming) = &mut self.incoming else {
            return Poll::Ready(None);
        };
        let frame = Pin::new(incoming).poll_frame(cx);
        // Now it is asked for. What is broken off ends its connection.
        self.connection
            .set(matches!(frame, Poll::Ready(Some(Err(_)))));
        frame
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
        let Some(incoming) = self.incoming.take() else {
            return;
        };
        let Some(reader) = &self.reader else {
            return;
        };
        if self.connection.is_set() || incoming.is_end_stream() {
            return;
        }
        if incoming.size_hint().lower() > MOST_UNWANTED {
            self.connection.set(true);
            return;
        }
        reader.spawn(async { timeout(UNWANTED_TIME, throw_away(incoming)).await });
    }
}

/// Reads it to its end, if that is near enough.
async fn throw_away(mut incoming: Incoming) {
    let mut left = MOST_UNWANTED;
    while let Some(Ok(frame)) = incoming.frame().await {
        let length = frame.data_ref().map_or(0, |data| data.len() as u64);
        match left.checked_sub(length) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}
