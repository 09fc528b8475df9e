//! `Expect: 100-continue`: a large body waits until the server asks for it (RFC
//! 9110, section 10.1.1).

use http::{Request, StatusCode};
use parking_lot::Mutex;
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};
use tokio::time::{Sleep, sleep};

/// Bodies up to this many bytes are sent at once, as libcurl does.
pub(super) const SMALL: usize = 1024;

/// How long a server has for its answer, after which the body is sent anyway:
/// there are servers that do not know of the question.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// What a body waits at. Clones are the same gate.
#[derive(Debug, Clone, Default)]
pub(super) struct Gate(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    is_open: bool,
    waker: Option<Waker>,
}

impl Gate {
    /// Opens when the server asks for the body of `request`.
    pub(super) fn open_at_100<B>(&self, request: &mut Request<B>) {
        let gate = self.clone();
        hyper::ext::on_informational(request, move |reply| {
            if reply.status() == StatusCode::CONTINUE {
                gate.open();
            }
        });
    }

    /// Lets the body through.
    fn open(&self) {
        let mut state = self.0.lock();
        state.is_open = true;
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }

    /// Whether the body may have been sent.
    pub(super) fn is_open(&self) -> bool {
        self.0.lock().is_open
    }

    /// What its body waits for.
    pub(super) fn wait(&self) -> Waiting {
        Waiting {
            gate: self.clone(),
            max_wait: Box::pin(sleep(MAX_WAIT)),
        }
    }
}

/// A body that waits.
pub(super) struct Waiting {
    gate: Gate,
    max_wait: Pin<Box<Sleep>>,
}

impl Waiting {
    /// Ready when the server has asked for the body, or had the time to.
    pub(super) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.gate.0.lock();
        if !state.is_open {
            if self.max_wait.as_mut().poll(cx).is_pending() {
                state.waker = Some(cx.waker().clone());
                return Poll::Pending;
            }
            state.is_open = true;
        }
        Poll::Ready(())
    }
}
