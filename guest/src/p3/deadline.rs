//! The deadline of a transfer.

use super::{bindings::clocks::monotonic_clock, stop::Stop};
use crate::duration::{LONGEST, nanoseconds};
use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

/// Holds `None` where there is none.
pub(super) struct Deadline(Option<Timer>);

struct Timer {
    at: monotonic_clock::Mark,
    /// Ready when it has passed.
    passed: Pin<Box<dyn Future<Output = ()>>>,
}

/// When it passes. A copy, to look at while the deadline itself is waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct End(Option<monotonic_clock::Mark>);

impl Deadline {
    pub(super) fn after(span: Option<Duration>) -> Self {
        let at = |span| monotonic_clock::now().saturating_add(nanoseconds(span));
        Self::at(End(span.map(at)))
    }

    /// Another one that passes at the same time.
    pub(super) fn at(End(end): End) -> Self {
        Self(end.map(|at| Timer {
            at,
            passed: timer(at),
        }))
    }

    /// What `work` comes to, unless the deadline passes before that: then it is dropped.
    pub(super) async fn bound<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Stop> {
        let mut work = pin!(work);
        poll_fn(|cx| {
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                return Poll::Ready(Ok(done));
            }
            let Some(Timer { at, passed }) = &mut self.0 else {
                return Poll::Pending;
            };
            // The clock counts: a timer may be over before.
            while passed.as_mut().poll(cx).is_ready() {
                if monotonic_clock::now() >= *at {
                    return Poll::Ready(Err(Stop::DeadlinePassed));
                }
                *passed = timer(*at);
            }
            Poll::Pending
        })
        .await
    }

    pub(super) fn end(&self) -> End {
        End(self.0.as_ref().map(|timer| timer.at))
    }
}

/// Over at that time, or before, if it is far away.
fn timer(at: monotonic_clock::Mark) -> Pin<Box<dyn Future<Output = ()>>> {
    Box::pin(async move {
        let longest = monotonic_clock::now().saturating_add(nanoseconds(LONGEST));
        monotonic_clock::wait_until(at.min(longest)).await;
    })
}

impl End {
    /// What is left until then. `None` where there is no end.
    pub(super) fn left(self) -> Option<Duration> {
        let left = self.0?.saturating_sub(monotonic_clock::now());
        Some(Duration::from_nanos(left))
    }

    /// Fails if it has passed. A server may send faster than somebody reads, who then never
    /// waits for a timer.
    pub(super) fn check(self) -> Result<(), Stop> {
        match self.left() {
            Some(Duration::ZERO) => Err(Stop::DeadlinePassed),
            _ => Ok(()),
        }
    }
}
