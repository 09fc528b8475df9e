//! A service that fails and fails is not asked for a time, and then by one request at
//! a time until it answers.

use crate::config::FailFast;
use parking_lot::Mutex;
use std::time::{Duration, Instant};

/// What is known of one service.
#[derive(Debug)]
pub(super) struct Health {
    rules: FailFast,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It is asked; so many requests failed, one after the other.
    Asked { failures: u32 },
    /// It is left alone.
    LeftAlone { until: Instant },
    /// One request finds out, and another one where it takes longer than that.
    Probed { until: Instant },
}

/// A request that may be made. Dropped without a verdict, it says nothing of the
/// service.
#[derive(Debug)]
pub(in crate::transport) struct Pass<'a> {
    health: &'a Health,
    /// Until when it holds up others, which no other probe has. Empty for a usual request.
    probe: Option<Instant>,
    has_verdict: bool,
}

impl Health {
    pub(super) fn new(rules: FailFast) -> Self {
        Self {
            rules,
            state: Mutex::new(State::Asked { failures: 0 }),
        }
    }

    /// Lets a request through.
    ///
    /// # Errors
    ///
    /// It is not to be made. The duration is how long that goes on at least, zero
    /// where a probe is under way.
    pub(super) fn pass(&self, now: Instant) -> Result<Pass<'_>, Duration> {
        let mut state = self.state.lock();
        let probe = match *state {
            State::Asked { .. } => None,
            State::LeftAlone { until } if now < until => return Err(until - now),
            State::Probed { until } if now < until => return Err(Duration::ZERO),
            State::LeftAlone { .. } | State::Probed { .. } => Some(now + self.rules.pause),
        };
        if let Some(until) = probe {
            *state = State::Probed { until };
        }
        Ok(Pass {
            health: self,
            probe,
            has_verdict: false,
        })
    }

    /// Of failures, after which it is left alone.
    pub(super) fn after(&self) -> u32 {
        self.rules.after
    }
}

impl Pass<'_> {
    /// The service has answered.
    pub(in crate::transport) fn answered(mut self) {
        self.has_verdict = true;
        *self.health.state.lock() = State::Asked { failures: 0 };
    }

    /// It has not.
    pub(in crate::transport) fn failed(mut self, now: Instant) {
        self.has_verdict = true;
        let FailFast { after, pause } = self.health.rules;
        let mut state = self.health.state.lock();
        let failures = match *state {
            State::Asked { failures } => failures + 1,
            State::Probed { until } if self.probe == Some(until) => after,
            // It was asked before that was known, or another one finds out by now.
            State::LeftAlone { .. } | State::Probed { .. } => return,
        };
        *state = match failures >= after {
            true => State::LeftAlone { until: now + pause },
            false => State::Asked { failures },
        };
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if let Some(until) = self.probe
            && !self.has_verdict
        {
            let mut state = self.health.state.lock();
            if *state == (State::Probed { until }) {
                // The next one finds out.
                *state = State::LeftAlone {
                    until: Instant::now(),
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(2);

    fn health() -> Health {
        Health::new(FailFast {
            after: 2,
            pause: PAUSE,
        })
    }

    #[test]
    fn failures_in_a_row_have_it_left_alone_for_a_time() {
        let (health, now) = (health(), Instant::now());
        health.pass(now).unwrap().failed(now);
        health.pass(now).unwrap().answered();
        health.pass(now).unwrap().failed(now);
        let late = health.pass(now).unwrap();
        health.pass(now).unwrap().failed(now);
        assert_eq!(health.pass(now).unwrap_err(), PAUSE);
        late.failed(now + PAUSE / 2);
        assert_eq!(health.pass(now).unwrap_err(), PAUSE);
    }

    #[test]
    fn one_that_another_has_followed_decides_nothing() {
        let (health, now) = (health(), Instant::now());
        for _ in 0..2 {
            health.pass(now).unwrap().failed(now);
        }
        let given_up = health.pass(now + PAUSE).unwrap();
        let failed = health.pass(now + PAUSE * 2).unwrap();
        let _finds_out = health.pass(now + PAUSE * 3).unwrap();
        drop(given_up);
        failed.failed(now + PAUSE * 3);
        assert_eq!(health.pass(now + PAUSE * 3).unwrap_err(), Duration::ZERO);
    }

    #[test]
    fn one_that_takes_its_time_to_find_out_holds_up_nobody_for_longer_than_that() {
        let (health, now) = (health(), Instant::now());
        for _ in 0..2 {
            health.pass(now).unwrap().failed(now);
        }
        let slow = health.pass(now + PAUSE).unwrap();
        let other = health.pass(now + PAUSE * 2).unwrap();
        assert_eq!(health.pass(now + PAUSE * 2).unwrap_err(), Duration::ZERO);
        other.answered();
        slow.failed(now + PAUSE * 3);
        health.pass(now + PAUSE * 3).unwrap();
    }

    #[test]
    fn one_at_a_time_finds_out_whether_it_answers() {
        let (health, now) = (health(), Instant::now());
        for _ in 0..2 {
            health.pass(now).unwrap().failed(now);
        }
        let later = now + PAUSE;
        let probe = health.pass(later).unwrap();
        assert_eq!(health.pass(later).unwrap_err(), Duration::ZERO);
        probe.failed(later);
        assert_eq!(health.pass(later).unwrap_err(), PAUSE);
        let later = later + PAUSE;
        drop(health.pass(later).unwrap());
        let probe = health.pass(later).unwrap();
        probe.answered();
        health.pass(later).unwrap();
    }
}
