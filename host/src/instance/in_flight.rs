//! A transfer in flight, and how it ends.

use super::{admission::Permit, pending_call::PendingCall};
use crate::sandbox::{GuestCall, Launched, Outcome};
use std::{
    pin::Pin,
    task::{Context, Poll},
};
use tokio::sync::oneshot;

/// A call whose guest has started it.
pub(super) struct StartedCall {
    pub(super) pending: PendingCall,
    pub(super) guest_call: GuestCall,
    pub(super) permit: Permit,
}

/// A transfer that runs. Ends, too, when nobody is left who wants its outcome.
pub(super) struct InFlight(Option<(StartedCall, Launched)>);

/// A transfer that has ended, and whose guest has not been told yet.
pub(super) struct EndedTransfer {
    pub(super) started: StartedCall,
    pub(super) to_guest: oneshot::Sender<Outcome>,
    pub(super) end: End,
}

/// How a transfer ended.
pub(super) enum End {
    /// With a reply or a failure.
    Outcome(Box<Outcome>),
    /// Its caller has gone.
    CallerGone,
    /// The guest has dropped it.
    GuestDropped,
}

impl InFlight {
    pub(super) fn new(started: StartedCall, launched: Launched) -> Self {
        Self(Some((started, launched)))
    }

    /// Ends the transfer: its connection is closed when this returns.
    pub(super) fn abort(self) -> Option<StartedCall> {
        self.0.map(|(started, launched)| {
            drop(launched);
            started
        })
    }
}

impl Future for InFlight {
    type Output = EndedTransfer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<EndedTransfer> {
        let Some((started, launched)) = &mut self.0 else {
            // Polled after its end, which FuturesUnordered does not do.
            return Poll::Pending;
        };
        let end = if let Poll::Ready(outcome) = launched.transfer.as_mut().poll(cx) {
            End::Outcome(Box::new(outcome))
        } else if started.pending.poll_abandoned(cx).is_ready() {
            End::CallerGone
        } else if launched.outcome.poll_closed(cx).is_ready() {
            End::GuestDropped
        } else {
            return Poll::Pending;
        };
        match self.0.take() {
            Some((started, launched)) => {
                // Its connection is closed, or kept, before its slot is free.
                drop(launched.transfer);
                Poll::Ready(EndedTransfer {
                    started,
                    to_guest: launched.outcome,
                    end,
                })
            }
            None => Poll::Pending,
        }
    }
}
