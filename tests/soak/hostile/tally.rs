//! What callers have met, and when.

use hdrhistogram::Histogram;
use std::time::Duration;

/// Of times above a minute nothing more is asked.
const LONGEST: u64 = 60_000_000;

/// Times, in microseconds.
#[derive(Clone)]
pub(super) struct Times(Histogram<u64>);

impl Default for Times {
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, LONGEST, 3).expect("sound bounds"))
    }
}

impl Times {
    pub(super) fn add(&mut self, time: Duration) {
        let microseconds = u64::try_from(time.as_micros()).unwrap_or(LONGEST);
        self.0.saturating_record(microseconds);
    }

    pub(super) fn p99(&self) -> Duration {
        Duration::from_micros(self.0.value_at_quantile(0.99))
    }

    pub(super) fn max(&self) -> Duration {
        Duration::from_micros(self.0.max())
    }

    fn merge(&mut self, other: &Self) {
        self.0.add(&other.0).expect("the same bounds");
    }
}

/// Of one caller, or of several.
#[derive(Clone, Default)]
pub(super) struct Tally {
    pub(super) honest: u64,
    pub(super) hostile: u64,
    /// How late calls ended whose deadline passed.
    pub(super) late: Times,
    /// What honest calls of the neighbour took.
    pub(super) neighbour: Times,
}

impl Tally {
    pub(super) fn merge(&mut self, other: &Self) {
        self.honest += other.honest;
        self.hostile += other.hostile;
        self.late.merge(&other.late);
        self.neighbour.merge(&other.neighbour);
    }

    pub(super) fn calls(&self) -> u64 {
        self.honest + self.hostile
    }
}
