//! `transfer` of the WIT package: a call that a plugin has started, and the
//! outcome that waits for it.

use crate::{
    call::budget::Charge,
    error::{Error, ErrorKind},
    response::Response,
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
    _call: Option<Running>,
}

struct Running {
    _task: AbortOnDropJoinHandle<()>,
    _charge: Charge,
}

enum Awaited {
    Pending(oneshot::Receiver<Outcome>),
    Ready(Box<Outcome>),
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
        }
    }

    /// One that was over before it began.
    pub(super) fn refused(error: Error) -> Self {
        Self {
            outcome: Awaited::Ready(Box::new(Err(error))),
            _call: None,
        }
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

    /// Waits for the outcome.
    pub(super) async fn end(self) -> Outcome {
        match self.outcome {
            Awaited::Ready(outcome) => *outcome,
            Awaited::Pending(receiver) => receiver.await.unwrap_or_else(|_| lost()),
        }
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Transfer {
    async fn ready(&mut self) {
        if let Awaited::Pending(receiver) = &mut self.outcome {
            let outcome = receiver.await.unwrap_or_else(|_| lost());
            self.outcome = Awaited::Ready(Box::new(outcome));
        }
    }
}
