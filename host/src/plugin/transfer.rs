//! `transfer` of the WIT package: a call that a plugin has started, and the
//! outcome that waits for it.

use super::{
    outcome::Outcome,
    record::{Noting, Tape},
};
use crate::{
    call::budget::Charge,
    error::{Error, ErrorKind},
};
use std::{
    future::poll_fn,
    pin::pin,
    task::{Context, Poll, ready},
};
use tokio::sync::oneshot;
use wasmtime_wasi::{
    p2::Pollable,
    runtime::{AbortOnDropJoinHandle, spawn},
};

/// A call that runs. Dropped, it ends.
#[expect(
    unreachable_pub,
    reason = "generated code names it as if it were public"
)]
pub struct Transfer {
    outcome: Awaited,
    /// Empty if the call was over before it began.
    _call: Option<Running>,
    /// Where it is taken down what the plugin is told.
    noting: Option<Noting>,
}

struct Running {
    _task: AbortOnDropJoinHandle<()>,
    _charge: Charge,
}

enum Awaited {
    Pending(oneshot::Receiver<Outcome>),
    Ready(Box<Outcome>),
    /// In a recording that is played: the plugin was never told.
    Never,
}

fn lost() -> Outcome {
    let message = "the runtime in which the call worked has been shut down";
    Err(Error::new(ErrorKind::Internal, message))
}

impl Transfer {
    /// Runs `call` in a task of its own. `charge` is for the transfer itself.
    pub(super) fn run(
        call: impl Future<Output = Outcome> + Send + 'static,
        charge: Charge,
    ) -> Self {
        let (sender, receiver) = oneshot::channel();
        let task = spawn(async move {
            // Nobody listens to a transfer that was dropped.
            let _ = sender.send(call.await);
        });
        Self {
            outcome: Awaited::Pending(receiver),
            _call: Some(Running {
                _task: task,
                _charge: charge,
            }),
            noting: None,
        }
    }

    /// One that was over before it began.
    pub(super) fn over(outcome: Outcome) -> Self {
        Self {
            outcome: Awaited::Ready(Box::new(outcome)),
            _call: None,
            noting: None,
        }
    }

    /// One of which the plugin was not told when a decision was recorded that is played.
    pub(super) fn unanswered() -> Self {
        Self {
            outcome: Awaited::Never,
            _call: None,
            noting: None,
        }
    }

    /// The same, of which it is taken down what the plugin is told.
    pub(super) fn noted_by(self, noting: Option<Noting>) -> Self {
        Self { noting, ..self }
    }

    /// Whether the outcome is here.
    pub(super) fn look(&mut self) -> bool {
        if let Awaited::Pending(receiver) = &mut self.outcome {
            self.outcome = match receiver.try_recv() {
                Ok(outcome) => Awaited::Ready(Box::new(outcome)),
                Err(oneshot::error::TryRecvError::Closed) => Awaited::Ready(Box::new(lost())),
                Err(oneshot::error::TryRecvError::Empty) => return false,
            };
        }
        true
    }

    /// Ready when the outcome is here.
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Awaited::Pending(receiver) = &mut self.outcome {
            let outcome = ready!(pin!(receiver).poll(cx));
            self.outcome = Awaited::Ready(Box::new(outcome.unwrap_or_else(|_| lost())));
        }
        Poll::Ready(())
    }

    /// Waits for the outcome, of which the plugin is told.
    ///
    /// # Errors
    ///
    /// A recording is played, which has none.
    pub(super) async fn end(self) -> wasmtime::Result<Outcome> {
        let outcome = match self.outcome {
            Awaited::Ready(outcome) => *outcome,
            Awaited::Pending(receiver) => receiver.await.unwrap_or_else(|_| lost()),
            Awaited::Never => return Err(Tape::unanswered()),
        };
        if let Some(noting) = self.noting {
            noting.end(&outcome);
        }
        Ok(outcome)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Transfer {
    async fn ready(&mut self) {
        poll_fn(|cx| self.poll_ready(cx)).await;
    }
}
