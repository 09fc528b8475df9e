//! The body of a reply on its way into the sandbox.

use crate::{
    call::Call,
    expect::HeldBack,
    failure::Failure,
    origin::Origin,
    pool::{Lease, Pool},
    send::Answer,
    transfer::{fail, too_large, transfer_timeout},
};
use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::time::{Instant, Sleep, sleep_until};
use wasmtime_wasi_http::{Error as WasiError, WasiBody};

/// Ends at the deadline of its call, at the size limit, or when it is complete:
/// then its connection goes back to the pool. Dropped before, it closes it.
pub(crate) struct ReplyBody {
    incoming: Incoming,
    origin: Origin,
    lease: Option<Lease>,
    /// The body of a request that was answered without it.
    unasked: Option<HeldBack>,
    deadline: Pin<Box<Sleep>>,
    left: u64,
    limit: u64,
    call: Arc<Call>,
}

impl ReplyBody {
    /// The reply in `answer`, with its body under the rules of `call` and under
    /// `limit`, in bytes.
    ///
    /// # Errors
    ///
    /// The head announces a body that is larger.
    pub(crate) fn wrap(
        answer: Answer,
        pool: &Pool,
        origin: &Origin,
        call: &Arc<Call>,
        limit: u64,
    ) -> Result<Response<WasiBody>, Failure> {
        let Answer {
            reply,
            http1,
            http2,
            unasked,
        } = answer;
        if reply.body().size_hint().lower() > limit {
            return Err(too_large(limit));
        }
        if let Some(sender) = http2 {
            pool.share(origin, sender);
        }
        let (head, incoming) = reply.into_parts();
        let mut body = Self {
            incoming,
            origin: origin.clone(),
            lease: http1.map(|sender| pool.lease(origin.clone(), sender)),
            unasked,
            deadline: Box::pin(sleep_until(call.transfer_deadline())),
            left: limit,
            limit,
            call: call.clone(),
        };
        // A reply without a body may never be read, and its connection is free
        // all the same.
        if body.incoming.is_end_stream() {
            body.finish();
        }
        Ok(Response::from_parts(head, body.boxed_unsync()))
    }

    fn finish(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.give_back();
        }
    }

    fn fail(&mut self, failure: Failure) -> Option<Result<Frame<Bytes>, WasiError>> {
        self.lease = None;
        Some(Err(fail(&self.call, &self.origin, failure)))
    }
}

impl Drop for ReplyBody {
    fn drop(&mut self) {
        if let Some(unasked) = &self.unasked {
            unasked.give_up();
        }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = WasiError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, WasiError>>> {
        // The deadline comes first: a server that never pauses is no reason to
        // go on.
        if self.deadline.as_mut().poll(cx).is_ready() || Instant::now() >= self.deadline.deadline()
        {
            let failure = transfer_timeout(&self.call);
            return Poll::Ready(self.fail(failure));
        }
        let frame = ready!(Pin::new(&mut self.incoming).poll_frame(cx));
        Poll::Ready(match frame {
            None => {
                self.finish();
                None
            }
            Some(Err(error)) => {
                let failure = Failure::from_hyper(&error);
                self.fail(failure)
            }
            Some(Ok(frame)) => {
                let length = frame.data_ref().map_or(0, |data| data.len() as u64);
                match self.left.checked_sub(length) {
                    Some(left) => {
                        self.left = left;
                        Some(Ok(frame))
                    }
                    None => {
                        let limit = self.limit;
                        self.fail(too_large(limit))
                    }
                }
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
