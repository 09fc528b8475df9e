//! Whether a plugin computes for long, or waits for others most of the time.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

/// How long a plugin may compute at a stretch before others have their turn.
const STRETCH: Duration = Duration::from_millis(10);

/// Of one run of a plugin.
#[derive(Debug)]
pub(super) struct Pace {
    began: Instant,
    /// When it was polled last, in nanoseconds since it began.
    polled: AtomicU64,
    is_slow: AtomicBool,
}

impl Pace {
    pub(super) fn begin() -> Self {
        Self {
            began: Instant::now(),
            polled: AtomicU64::new(0),
            is_slow: AtomicBool::new(false),
        }
    }

    /// It is polled.
    pub(super) fn polled(&self) {
        self.polled.store(self.elapsed(), Relaxed);
    }

    /// Whether it has to give way, at a tick of the clock, which says by itself neither
    /// how long it has computed nor whether it was waiting.
    pub(super) fn gives_way(&self) -> bool {
        let stretch = self.elapsed().saturating_sub(self.polled.load(Relaxed));
        let gives_way = u128::from(stretch) >= STRETCH.as_nanos();
        if gives_way {
            self.is_slow.store(true, Relaxed);
        }
        gives_way
    }

    /// Whether it had to give way at least once.
    pub(super) fn is_slow(&self) -> bool {
        self.is_slow.load(Relaxed)
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}
