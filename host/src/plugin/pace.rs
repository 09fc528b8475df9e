//! Whether a plugin computes for long, or waits for others most of the time.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

/// How long a plugin may compute at a stretch before others have their turn.
const STRETCH: Duration = Duration::from_millis(10);

/// One that computes gives way at each tick of the clock, which may be late.
const LATELY: Duration = Duration::from_millis(100);

/// Of one run of a plugin. Times are in nanoseconds since it began.
#[derive(Debug)]
pub(super) struct Pace {
    began: Instant,
    /// When it was polled last.
    polled: AtomicU64,
    /// When it gave way last; 0 if it never did.
    gave_way: AtomicU64,
}

impl Pace {
    pub(super) fn begin() -> Self {
        Self {
            began: Instant::now(),
            polled: AtomicU64::new(0),
            gave_way: AtomicU64::new(0),
        }
    }

    /// It is polled.
    pub(super) fn polled(&self) {
        self.polled.store(self.elapsed(), Relaxed);
    }

    /// Whether it has to give way, at a tick of the clock, which says by itself neither
    /// how long it has computed nor whether it was waiting.
    pub(super) fn gives_way(&self) -> bool {
        let now = self.elapsed();
        let stretch = now.saturating_sub(self.polled.load(Relaxed));
        let gives_way = Duration::from_nanos(stretch) >= STRETCH;
        if gives_way {
            self.gave_way.store(now, Relaxed);
        }
        gives_way
    }

    /// Whether it had to give way at least once.
    pub(super) fn has_given_way(&self) -> bool {
        self.gave_way.load(Relaxed) != 0
    }

    /// Whether it computes now, and does not wait for others.
    pub(super) fn computes(&self) -> bool {
        let since = self.elapsed().saturating_sub(self.gave_way.load(Relaxed));
        self.has_given_way() && Duration::from_nanos(since) <= LATELY
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}
