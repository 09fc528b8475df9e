//! A plugin whose instances trap at their start is set aside for a while, which is longer
//! each time.
//!
//! What a plugin does with a request says nothing here: who asks could make it trap, and
//! would have it set aside for all others.

use parking_lot::Mutex;
use std::time::{Duration, Instant};

/// Starts that trapped, one after the other, after which it is set aside.
const AFTER: u32 = 3;

const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(30);

/// What is known of one plugin.
#[derive(Debug, Default)]
pub(super) struct Health(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// One after the other.
    traps: u32,
    until: Option<Instant>,
}

impl Health {
    /// Whether it may be started now.
    ///
    /// # Errors
    ///
    /// Not for so long.
    pub(super) fn pass(&self, now: Instant) -> Result<(), Duration> {
        match self.0.lock().until {
            Some(until) if now < until => Err(until - now),
            _ => Ok(()),
        }
    }

    /// It was started.
    pub(super) fn started(&self) {
        *self.0.lock() = State::default();
    }

    /// It has trapped before it was.
    pub(super) fn trapped(&self, now: Instant) {
        let mut state = self.0.lock();
        // Those that were under way when it was set aside say nothing new.
        if state.until.is_some_and(|until| now < until) {
            return;
        }
        state.traps = state.traps.saturating_add(1);
        if let Some(doublings) = state.traps.checked_sub(AFTER) {
            let pause = SHORTEST.saturating_mul(2_u32.saturating_pow(doublings));
            state.until = Some(now + pause.min(LONGEST));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_is_longer_with_every_trap_and_over_with_a_start() {
        let (health, mut now) = (Health::default(), Instant::now());
        for _ in 0..AFTER {
            assert_eq!(health.pass(now), Ok(()));
            health.trapped(now);
        }
        for pause in [100, 200, 400, 800] {
            let pause = Duration::from_millis(pause);
            assert_eq!(health.pass(now), Err(pause));
            health.trapped(now);
            assert_eq!(health.pass(now), Err(pause));
            now += pause;
            assert_eq!(health.pass(now), Ok(()));
            health.trapped(now);
        }
        now += LONGEST;
        for _ in 0..100 {
            health.trapped(now);
            now += LONGEST;
        }
        health.trapped(now);
        assert_eq!(health.pass(now), Err(LONGEST));
        health.started();
        assert_eq!(health.pass(now), Ok(()));
        health.trapped(now);
        assert_eq!(health.pass(now), Ok(()));
    }
}
