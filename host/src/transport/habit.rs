//! Whether a server keeps its connections, or closes them behind its replies
//! without a word.
//!
//! The kernel knows of the end of a connection once it has come. With a server that
//! closes behind its reply, it comes a moment after the reply, and a request that is
//! sent in between is lost. One that may be sent again is. For others, a server has
//! to show first that it keeps what it seems to keep.

use std::time::Duration;
use tokio::time::Instant;

/// How long after a reply its connection may still be about to end.
const PROBATION: Duration = Duration::from_millis(5);

/// A connection that ends so soon was not kept. Later ends are those of servers that
/// do keep connections, for a time.
const SOON: Duration = Duration::from_secs(1);

/// For how long it is remembered that a server closes.
const MEMORY: Duration = Duration::from_secs(60);

/// What connections to a server have shown of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Habit {
    #[default]
    Unknown,
    /// One has served a second request.
    Keeps,
    /// One has ended behind a reply.
    Closes { until: Instant },
}

impl Habit {
    /// When a connection that is kept `since` may take a request that must not be
    /// lost. Never, if `None`.
    pub(super) fn safe_from(self, since: Instant, now: Instant) -> Option<Instant> {
        match self {
            Self::Keeps => Some(since),
            Self::Closes { until } if now < until => None,
            Self::Unknown | Self::Closes { .. } => Some(since + PROBATION),
        }
    }

    /// A connection has served a further request.
    pub(super) fn served_again(&mut self) {
        *self = Self::Keeps;
    }

    /// A connection has ended after it was kept for that long. Of a server that did
    /// keep connections before, nothing is known then: it may have been restarted.
    pub(super) fn ended(&mut self, kept: Duration, now: Instant) {
        if kept < SOON {
            *self = match self {
                Self::Keeps => Self::Unknown,
                Self::Unknown | Self::Closes { .. } => Self::Closes {
                    until: now + MEMORY,
                },
            };
        }
    }

    /// Whether there is something to remember when no connection is left.
    pub(super) fn is_memorable(self, now: Instant) -> bool {
        matches!(self, Self::Closes { until } if now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_earns_its_trust_and_loses_it() {
        let now = Instant::now();
        let mut habit = Habit::default();
        assert_eq!(habit.safe_from(now, now), Some(now + PROBATION));
        habit.ended(SOON, now);
        assert_eq!(habit, Habit::Unknown);
        habit.served_again();
        assert_eq!(habit.safe_from(now, now), Some(now));
        habit.ended(Duration::ZERO, now);
        assert_eq!(habit, Habit::Unknown);
        habit.ended(Duration::ZERO, now);
        assert_eq!(habit.safe_from(now, now), None);
        assert!(habit.is_memorable(now));
        let later = now + MEMORY;
        assert_eq!(habit.safe_from(later, later), Some(later + PROBATION));
        assert!(!habit.is_memorable(later));
    }
}
