//! The clocks of a plugin, as they are on a tape.

use super::Tape;
use std::time::Duration;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock};

/// Said to be as fine as they are written down.
const RESOLUTION: u64 = 1;

pub(super) struct WallTape(pub(super) Tape);

impl HostWallClock for WallTape {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(RESOLUTION)
    }

    fn now(&self) -> Duration {
        Duration::from_nanos(self.0.wall_clock())
    }
}

pub(super) struct MonotonicTape(pub(super) Tape);

impl HostMonotonicClock for MonotonicTape {
    fn resolution(&self) -> u64 {
        RESOLUTION
    }

    fn now(&self) -> u64 {
        self.0.monotonic_clock()
    }
}
