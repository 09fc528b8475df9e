//! A call that its caller waits for, on its way through the driver.

use crate::{
    call::{Call, payer::Held, spec::CallSpec},
    sandbox::CallResult,
};
use parking_lot::Mutex;
use std::{
    sync::Arc,
    task::{Context, Poll},
};
use tokio::sync::oneshot;

/// A call as it comes to the driver.
pub(super) struct PendingCall {
    pub(super) call: Arc<Call>,
    pub(super) max_redirects: u32,
    /// Empty once it has begun, or its caller has gone.
    asked: Arc<Mutex<Option<Asked>>>,
    /// As in the request.
    begun: Option<oneshot::Sender<()>>,
    /// What it takes of somebody's account. Empty until it has begun, and once the caller was
    /// told.
    held: Option<Held>,
    /// Empty once the caller was told.
    result: Option<oneshot::Sender<CallResult>>,
}

/// What a call takes until it has begun.
struct Asked {
    spec: Box<CallSpec>,
    held: Option<Held>,
}

/// Where the caller waits for the result.
pub(super) struct Caller {
    pub(super) result: oneshot::Receiver<CallResult>,
    asked: Arc<Mutex<Option<Asked>>>,
}

/// A driver whose instance is blocked, or at its cap, looks at a call much later. Nothing is kept
/// so long for a caller that has gone.
impl Drop for Caller {
    fn drop(&mut self) {
        self.result.close();
        let asked = self.asked.lock().take();
        drop(asked);
    }
}

impl PendingCall {
    /// A call, and where its caller waits.
    pub(super) fn new(
        spec: Box<CallSpec>,
        call: Arc<Call>,
        held: Option<Held>,
        begun: Option<oneshot::Sender<()>>,
    ) -> (Self, Caller) {
        let (sender, result) = oneshot::channel();
        let max_redirects = spec.max_redirects;
        let asked = Arc::new(Mutex::new(Some(Asked { spec, held })));
        let pending = Self {
            call,
            max_redirects,
            asked: asked.clone(),
            begun,
            held: None,
            result: Some(sender),
        };
        (pending, Caller { result, asked })
    }

    /// What is asked for, now that it begins; `None` if the caller has gone.
    pub(super) fn begin(&mut self) -> Option<Box<CallSpec>> {
        let Asked { spec, held } = self.asked.lock().take()?;
        self.held = held;
        Some(spec)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::budget::Budget;
    use std::time::Duration;

    fn pending(budget: &Budget) -> (PendingCall, Caller) {
        let held = Held {
            _charge: budget.charge(10).unwrap(),
            _place: None,
        };
        let spec = Box::new(CallSpec::new("GET", "http://h/"));
        let call = Call::start(Duration::ZERO, Duration::ZERO);
        PendingCall::new(spec, Arc::new(call), Some(held), None)
    }

    #[test]
    fn nothing_is_held_for_a_caller_that_goes_before_its_call_begins() {
        let budget = Budget::new(10);
        let (mut pending, caller) = pending(&budget);
        assert!(budget.charge(1).is_err());
        drop(caller);
        assert!(budget.charge(10).is_ok());
        assert!(!pending.is_awaited() && pending.was_cancelled());
        assert!(pending.begin().is_none());
    }

    #[test]
    fn what_a_call_holds_that_has_begun_is_held_until_it_is_over() {
        let budget = Budget::new(10);
        let (mut pending, caller) = pending(&budget);
        assert!(pending.begin().is_some());
        drop(caller);
        assert!(budget.charge(1).is_err());
        pending.tell(Err(crate::Error::new(crate::ErrorKind::Internal, "")));
        assert!(budget.charge(10).is_ok());
    }
}
