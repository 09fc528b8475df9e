//! The deadline of a transfer, where this component enforces it.

use super::stop::Stop;
use crate::duration::{LONGEST, nanoseconds};
use std::time::Duration;
use wasip2::{
    clocks::monotonic_clock,
    io::poll::{self, Pollable},
};

/// Holds `None` where the host enforces the deadline.
pub(super) struct Timer(Option<Deadline>);

struct Deadline {
    at: monotonic_clock::Instant,
    /// Ready when it has passed, in a host that goes on with other things than
    /// this component.
    pollable: Pollable,
}

impl Timer {
    pub(super) fn start(after: Option<Duration>) -> Self {
        Self(after.map(|after| {
            let now = monotonic_clock::now();
            let at = now.saturating_add(nanoseconds(after));
            let timer = now.saturating_add(nanoseconds(after.min(LONGEST)));
            Deadline {
                at,
                pollable: monotonic_clock::subscribe_instant(timer),
            }
        }))
    }

    /// Suspends the instance until `pollable` is ready or the deadline has
    /// passed. Where both are true, the deadline counts: something may always be
    /// ready.
    pub(super) fn wait(&self, pollable: &Pollable) -> Result<(), Stop> {
        let Some(deadline) = &self.0 else {
            pollable.block();
            return Ok(());
        };
        poll::poll(&[pollable, &deadline.pollable]);
        self.check()
    }

    /// Fails if the deadline has passed.
    pub(super) fn check(&self) -> Result<(), Stop> {
        if self.has_passed() {
            Err(Stop::DeadlinePassed)
        } else {
            Ok(())
        }
    }

    /// Whether the deadline has passed. The clock says so: a host may not look
    /// at its timers while this component never waits.
    pub(super) fn has_passed(&self) -> bool {
        self.0
            .as_ref()
            .is_some_and(|deadline| monotonic_clock::now() >= deadline.at)
    }

    /// What is left until it passes. `None` where there is no deadline.
    pub(super) fn left(&self) -> Option<Duration> {
        let deadline = self.0.as_ref()?;
        let left = deadline.at.saturating_sub(monotonic_clock::now());
        Some(Duration::from_nanos(left))
    }

    /// Ready when the deadline has passed.
    pub(super) fn pollable(&self) -> Option<&Pollable> {
        self.0.as_ref().map(|deadline| &deadline.pollable)
    }

    /// That of the two which passes first.
    pub(super) fn sooner<'a>(&'a self, other: &'a Self) -> &'a Self {
        match (&self.0, &other.0) {
            (Some(one), Some(two)) if two.at < one.at => other,
            (None, Some(_)) => other,
            _ => self,
        }
    }

    /// Whether the component enforces a deadline.
    pub(super) fn is_set(&self) -> bool {
        self.0.is_some()
    }
}
