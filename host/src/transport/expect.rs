//! `Expect: 100-continue`: a large body waits until the server asks for it (RFC
//! 9110, section 10.1.1).

use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use parking_lot::{Mutex, MutexGuard};
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};
use tokio::time::{Sleep, sleep};
use wasmtime_wasi_http::{Error as WasiError, WasiBody};

/// Bodies up to this many bytes are sent at once, as libcurl does.
const SMALL: u64 = 1024;

/// How long a server has for its answer, after which the body is sent anyway:
/// there are servers that do not know of the question.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// Has the body of `request` wait, if it is large enough.
pub(super) fn hold_back(request: &mut Request<WasiBody>) -> Option<HeldBack> {
    let length = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if request.body().is_end_stream() || length.is_some_and(|length| length <= SMALL) {
        return None;
    }
    let held = HeldBack(Arc::default());
    let waiting = Waiting {
        held: HeldBack(held.0.clone()),
        max_wait: Box::pin(sleep(MAX_WAIT)),
    };
    let body = std::mem::replace(request.body_mut(), waiting.boxed_unsync());
    held.lock().body = Some(body);
    request
        .headers_mut()
        .insert(header::EXPECT, HeaderValue::from_static("100-continue"));
    let gate = HeldBack(held.0.clone());
    hyper::ext::on_informational(request, move |reply| {
        if reply.status() == StatusCode::CONTINUE {
            gate.open();
        }
    });
    Some(held)
}

/// A body that waits, shared between the request that will send it and those
/// who decide whether it does.
#[derive(Debug)]
pub(super) struct HeldBack(Arc<Mutex<Gate>>);

#[derive(Debug, Default)]
struct Gate {
    open: bool,
    closed: bool,
    body: Option<WasiBody>,
    waker: Option<Waker>,
}

impl HeldBack {
    /// Takes the body back, if none of it was sent. The connection on which it
    /// was announced is of no more use.
    pub(super) fn take_back(&self) -> Option<WasiBody> {
        let mut gate = self.lock();
        if gate.open {
            return None;
        }
        gate.closed = true;
        gate.body.take()
    }

    fn open(&self) {
        let mut gate = self.lock();
        gate.open = true;
        if let Some(waker) = gate.waker.take() {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Gate> {
        self.0.lock()
    }
}

/// The body as the connection sees it: nothing yet, then all of it.
struct Waiting {
    held: HeldBack,
    max_wait: Pin<Box<Sleep>>,
}

impl Body for Waiting {
    type Data = Bytes;
    type Error = WasiError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, WasiError>>> {
        let this = &mut *self;
        let mut gate = this.held.lock();
        if gate.closed {
            return Poll::Ready(Some(Err(WasiError::HttpRequestDenied)));
        }
        if !gate.open {
            if this.max_wait.as_mut().poll(cx).is_pending() {
                gate.waker = Some(cx.waker().clone());
                return Poll::Pending;
            }
            gate.open = true;
        }
        match &mut gate.body {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        false
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
