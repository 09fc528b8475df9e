//! What is said and counted of requests that the policy refuses.

use crate::call::{failure::Failure, origin::Origin};
use parking_lot::Mutex;
use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

/// Whoever asks without end fills no log.
const LINES: u32 = 10;

/// Of time, in which there are so many lines at most.
const INTERVAL: Duration = Duration::from_secs(10);

/// Those of one tenant.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    count: AtomicU64,
    lines: Mutex<Lines>,
}

#[derive(Debug, Default)]
struct Lines {
    /// When the first of these was written.
    since: Option<Instant>,
    written: u32,
    left_out: u64,
}

impl Refusals {
    /// Tells the operator of one.
    pub(super) fn add(&self, origin: &Origin, failure: &Failure) {
        self.count.fetch_add(1, Relaxed);
        let Some(left_out) = self.lines.lock().next(Instant::now()) else {
            return;
        };
        if left_out > 0 {
            tracing::warn!(left_out, "more requests were refused than there are lines");
        }
        tracing::warn!(%origin, "a request is refused: {}", failure.sentence);
    }

    /// How many there were.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Relaxed)
    }
}

impl Lines {
    /// Whether there is a further line, and how many were left out before it.
    fn next(&mut self, now: Instant) -> Option<u64> {
        if self.since.is_none_or(|since| now - since >= INTERVAL) {
            self.since = Some(now);
            self.written = 0;
        }
        if self.written == LINES {
            self.left_out += 1;
            return None;
        }
        self.written += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_refusals_are_a_few_lines() {
        let start = Instant::now();
        let mut lines = Lines::default();
        let written = (0..1_000_000).filter(|_| lines.next(start).is_some());
        assert_eq!(written.count(), 10);
        assert_eq!(lines.next(start + INTERVAL), Some(999_990));
        assert_eq!(lines.next(start + INTERVAL), Some(0));
    }
}
