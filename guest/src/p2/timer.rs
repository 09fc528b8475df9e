//! The deadline of a transfer, where this component enforces it.

use super::stop::Stop;
use std::time::Duration;
use wasip2::{
    clocks::monotonic_clock,
    io::poll::{self, Pollable},
};

/// Holds `None` where the host enforces the deadline.
pub(super) struct Timer(Option<Pollable>);

impl Timer {
    pub(super) fn start(after: Option<Duration>) -> Self {
        Self(after.map(|after| monotonic_clock::subscribe_duration(nanoseconds(after))))
    }

    /// Suspends the instance until `pollable` is ready or the deadline has
    /// passed.
    pub(super) fn wait(&self, pollable: &Pollable) -> Result<(), Stop> {
        let Some(deadline) = &self.0 else {
            pollable.block();
            return Ok(());
        };
        if poll::poll(&[pollable, deadline]).contains(&0) {
            Ok(())
        } else {
            Err(Stop::DeadlinePassed)
        }
    }

    /// Whether the deadline has passed.
    pub(super) fn has_passed(&self) -> bool {
        self.0.as_ref().is_some_and(Pollable::ready)
    }

    /// Whether the component enforces a deadline.
    pub(super) fn is_set(&self) -> bool {
        self.0.is_some()
    }
}

/// The unit of time of `wasi:http` and `wasi:clocks`.
pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
