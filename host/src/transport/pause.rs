//! How a server is slowed down that sends more than is read at a time, and nothing
//! that anybody waits for: interim replies, lengths, trailers without end. It has
//! its deadline, and until then the transfers beside it want the processor.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Sleep, sleep};

/// The first pause. Each further one is twice as long.
const FIRST: Duration = Duration::from_millis(1);

/// Doublings, at most: 16 ms.
const MAX_DOUBLINGS: u32 = 4;

/// The pauses of a connection.
#[derive(Default)]
pub(super) struct Pause {
    /// Pauses so far, in one exchange.
    taken: u32,
    current: Option<Pin<Box<Sleep>>>,
}

impl Pause {
    /// Ready when the connection may be read.
    pub(super) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(current) = &mut self.current {
            if current.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.current = None;
        }
        Poll::Ready(())
    }

    /// Nothing came of all that was read: the next look at it is later.
    pub(super) fn begin(&mut self, cx: &mut Context<'_>) {
        let length = FIRST * 2_u32.pow(self.taken.min(MAX_DOUBLINGS));
        self.taken += 1;
        let mut pause = Box::pin(sleep(length));
        if pause.as_mut().poll(cx).is_pending() {
            self.current = Some(pause);
        }
    }

    /// Something came.
    pub(super) fn reset(&mut self) {
        self.taken = 0;
    }
}
