//! A call that its caller waits for, on its way through the driver.

use crate::{
    call::{Call, payer::Held, spec::CallSpec},
    sandbox::CallResult,
};
use std::{
    sync::Arc,
    task::{Context, Poll},
};
use tokio::sync::oneshot;

/// A call as it comes to the driver.
pub(super) struct PendingCall {
    pub(super) spec: Box<CallSpec>,
    pub(super) call: Arc<Call>,
    /// As in the request.
    begun: Option<oneshot::Sender<()>>,
    /// What it takes of somebody's account. Empty once the caller was told.
    held: Option<Held>,
    /// Empty once the caller was told.
    result: Option<oneshot::Sender<CallResult>>,
}

impl PendingCall {
    /// A call, and where its caller waits.
    pub(super) fn new(
        spec: Box<CallSpec>,
        call: Arc<Call>,
        held: Option<Held>,
        begun: Option<oneshot::Sender<()>>,
    ) -> (Self, oneshot::Receiver<CallResult>) {
        let (sender, receiver) = oneshot::channel();
        let pending = Self {
            spec,
            call,
            begun,
            held,
            result: Some(sender),
        };
        (pending, receiver)
    }

    /// Tells whoever started it that it runs beside others, or waits.
    pub(super) fn tell_begun(&mut self) {
        if let Some(begun) = self.begun.take() {
            // Fails only if the caller has gone.
            let _ = begun.send(());
        }
    }

    /// Tells the caller. Whoever has gone wants no result.
    pub(super) fn tell(&mut self, result: CallResult) {
        // Before: whoever hears of the end finds it free.
        self.held = None;
        if let Some(sender) = self.result.take() {
            let _ = sender.send(result);
        }
    }

    /// Whether the caller still waits.
    pub(super) fn is_awaited(&self) -> bool {
        self.result
            .as_ref()
            .is_some_and(|sender| !sender.is_closed())
    }

    /// Whether the caller went away by itself, neither told nor out of time.
    pub(super) fn was_cancelled(&self) -> bool {
        self.result.as_ref().is_some_and(oneshot::Sender::is_closed) && !self.call.record().expired
    }

    /// Ready when the caller has gone.
    pub(super) fn poll_abandoned(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.result {
            Some(sender) => sender.poll_closed(cx),
            None => Poll::Ready(()),
        }
    }
}
