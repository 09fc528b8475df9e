//! `transfer` of the WIT package: a call that a plugin has started, and the
//! outcome that waits for it.

use crate::{
    error::{Error, ErrorKind},
    response::Response,
};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::sync::oneshot;
use wasmtime_wasi::{
    p2::Pollable,
    runtime::{AbortOnDropJoinHandle, spawn},
};

pub(super) type Outcome = Result<Response, Error>;

/// A call that runs. Dropped, it ends.
#[expect(
    unreachable_pub,
    reason = "generated code names it as if it were public"
)]
pub struct Transfer {
    outcome: Awaited,
    /// Empty if the call was refused.
    _call: Option<AbortOnDropJoinHandle<()>>,
}

enum Awaited {
    Pending(oneshot::Receiver<Waiting>),
    Ready(Waiting),
}

/// An outcome that a plugin has yet to ask for.
struct Waiting {
    outcome: Outcome,
    counted: Counted,
}

/// Bytes of replies that a plugin has the host keep, all together.
#[derive(Clone, Default)]
pub(super) struct Kept(Arc<AtomicUsize>);

/// Some of these bytes, until it is dropped.
pub(super) struct Counted {
    bytes: usize,
    kept: Kept,
}

impl Kept {
    pub(super) fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn count(&self, bytes: usize) -> Counted {
        self.0.fetch_add(bytes, Ordering::Relaxed);
        Counted {
            bytes,
            kept: self.clone(),
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.kept.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Waiting {
    fn new(outcome: Outcome, kept: &Kept) -> Self {
        let bytes = outcome.as_ref().map_or(0, |reply| reply.body().len());
        Self {
            outcome,
            counted: kept.count(bytes),
        }
    }

    fn lost() -> Self {
        let message = "the runtime in which the call worked has been shut down";
        let lost = Error::new(ErrorKind::Internal, message);
        Self::new(Err(lost), &Kept::default())
    }
}

impl Transfer {
    /// Runs `call` in a task of its own.
    pub(super) fn run(call: impl Future<Output = Outcome> + Send + 'static, kept: &Kept) -> Self {
        let (sender, receiver) = oneshot::channel();
        let kept = kept.clone();
        let call = spawn(async move {
            // Nobody listens to a transfer that was dropped.
            let _ = sender.send(Waiting::new(call.await, &kept));
        });
        Self {
            outcome: Awaited::Pending(receiver),
            _call: Some(call),
        }
    }

    /// One that was over before it began.
    pub(super) fn refused(error: Error) -> Self {
        Self {
            outcome: Awaited::Ready(Waiting::new(Err(error), &Kept::default())),
            _call: None,
        }
    }

    /// Whether the outcome is here.
    pub(super) fn look(&mut self) -> bool {
        if let Awaited::Pending(receiver) = &mut self.outcome {
            self.outcome = match receiver.try_recv() {
                Ok(waiting) => Awaited::Ready(waiting),
                Err(oneshot::error::TryRecvError::Closed) => Awaited::Ready(Waiting::lost()),
                Err(oneshot::error::TryRecvError::Empty) => return false,
            };
        }
        true
    }

    /// Waits for the outcome. Its bytes are counted until the second of the two
    /// is dropped.
    pub(super) async fn end(self) -> (Outcome, Counted) {
        let Waiting { outcome, counted } = match self.outcome {
            Awaited::Ready(waiting) => waiting,
            Awaited::Pending(receiver) => receiver.await.unwrap_or_else(|_| Waiting::lost()),
        };
        (outcome, counted)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Transfer {
    async fn ready(&mut self) {
        if let Awaited::Pending(receiver) = &mut self.outcome {
            self.outcome = Awaited::Ready(receiver.await.unwrap_or_else(|_| Waiting::lost()));
        }
    }
}
