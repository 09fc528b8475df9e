//! What is said and counted of requests that the policy refuses.

use crate::{
    call::{failure::Failure, origin::Origin},
    line_budget::LineBudget,
};
use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Instant,
};

/// Whoever asks without end fills no log.
const LINES: u32 = 10;

/// Those of one tenant.
#[derive(Debug)]
pub(super) struct Refusals {
    count: AtomicU64,
    lines: LineBudget,
}

impl Default for Refusals {
    fn default() -> Self {
        Self {
            count: AtomicU64::new(0),
            lines: LineBudget::new(LINES),
        }
    }
}

impl Refusals {
    /// Tells the operator of one.
    pub(super) fn add(&self, origin: &Origin, failure: &Failure) {
        self.count.fetch_add(1, Relaxed);
        let Some(left_out) = self.lines.next(Instant::now()) else {
            return;
        };
        if left_out > 0 {
            tracing::warn!(left_out, "more requests were refused than are logged");
        }
        tracing::warn!(%origin, "a request is refused: {}", failure.sentence);
    }

    /// How many there were.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Relaxed)
    }
}
