//! How much is logged of what others can have happen as often as they like.

use parking_lot::Mutex;
use std::time::{Duration, Instant};

/// Of time, in which there are so many lines at most.
const INTERVAL: Duration = Duration::from_secs(10);

/// So many lines every ten seconds.
#[derive(Debug)]
pub(crate) struct LineBudget {
    lines: u32,
    written: Mutex<Written>,
}

#[derive(Debug, Default)]
struct Written {
    /// When the first of these was written.
    since: Option<Instant>,
    lines: u32,
    left_out: u64,
}

impl LineBudget {
    pub(crate) fn new(lines: u32) -> Self {
        Self {
            lines,
            written: Mutex::default(),
        }
    }

    /// Whether there is a further line, and how many were left out before it.
    pub(crate) fn next(&self, now: Instant) -> Option<u64> {
        let mut written = self.written.lock();
        if written.since.is_none_or(|since| now - since >= INTERVAL) {
            written.since = Some(now);
            written.lines = 0;
        }
        if written.lines == self.lines {
            written.left_out += 1;
            return None;
        }
        written.lines += 1;
        Some(std::mem::take(&mut written.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_lines_are_a_few() {
        let start = Instant::now();
        let budget = LineBudget::new(10);
        let written = (0..1_000_000).filter(|_| budget.next(start).is_some());
        assert_eq!(written.count(), 10);
        assert_eq!(budget.next(start + INTERVAL), Some(999_990));
        assert_eq!(budget.next(start + INTERVAL), Some(0));
    }
}
