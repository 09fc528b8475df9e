//! The cap on the asynchronous transfers of an instance: who may start one, and
//! what is known of those who could not.
//!
//! A permit is held from before a transfer is started until its connection is
//! idle or closed, and given back by being dropped, whatever way that comes
//! about.

use super::cap_log::{CapLog, Notice};
use crate::{config::AtCap, stats::Stats};
use parking_lot::{Mutex, MutexGuard};
use std::sync::Arc;
use tokio::time::Instant;

/// The cap of one instance.
#[derive(Debug)]
pub(super) struct Admission {
    at_cap: AtCap,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    cap: u32,
    /// Permits held, those of blocking transfers apart.
    held: u32,
    /// Whether the instance does nothing but wait for a blocking transfer.
    is_blocked: bool,
    stats: Stats,
    cap_log: CapLog,
}

/// What becomes of a transfer that is to start.
#[derive(Debug)]
pub(super) enum Admitted {
    /// It runs beside others.
    Concurrent(Permit),
    /// It runs alone: its instance waits for it.
    Exclusive(Permit),
    /// It waits for its turn.
    Queued,
    /// It fails.
    Rejected,
}

impl Admission {
    pub(super) fn new(cap: u32, at_cap: AtCap) -> Arc<Self> {
        Arc::new(Self {
            at_cap,
            state: Mutex::new(State {
                cap,
                held: 0,
                is_blocked: false,
                stats: Stats::default(),
                cap_log: CapLog::default(),
            }),
        })
    }

    /// Decides on one more transfer. `is_next` is false where others have waited
    /// for longer.
    pub(super) fn admit(self: &Arc<Self>, is_next: bool) -> Admitted {
        let mut state = self.lock();
        if is_next && state.held < state.cap {
            return Admitted::Concurrent(self.permit(&mut state, false));
        }
        let admitted = match self.at_cap {
            AtCap::Block => {
                state.stats.blocked += 1;
                Admitted::Exclusive(self.permit(&mut state, true))
            }
            AtCap::Wait => {
                state.stats.waited += 1;
                Admitted::Queued
            }
            AtCap::Reject => {
                state.stats.rejected += 1;
                Admitted::Rejected
            }
        };
        let cap = state.cap;
        if let Some(notice) = state.cap_log.met(Instant::now()) {
            self.say(&notice, cap);
        }
        admitted
    }

    /// A permit for one that waited, if there is one.
    pub(super) fn admit_queued(self: &Arc<Self>) -> Option<Permit> {
        let mut state = self.lock();
        (state.held < state.cap).then(|| self.permit(&mut state, false))
    }

    fn permit(self: &Arc<Self>, state: &mut State, exclusive: bool) -> Permit {
        if exclusive {
            state.is_blocked = true;
        } else {
            state.held += 1;
        }
        state.stats.in_flight += 1;
        state.stats.started += 1;
        Permit {
            admission: self.clone(),
            exclusive,
        }
    }

    /// How many transfers may run at a time from now on. Those that run stay.
    pub(super) fn set_cap(&self, cap: u32) {
        self.lock().cap = cap;
    }

    pub(super) fn cap(&self) -> u32 {
        self.lock().cap
    }

    pub(super) fn at_cap(&self) -> AtCap {
        self.at_cap
    }

    /// Whether the instance waits for a blocking transfer.
    pub(super) fn is_blocked(&self) -> bool {
        self.lock().is_blocked
    }

    /// Counts a call that its caller gave up.
    pub(super) fn count_cancelled(&self) {
        self.lock().stats.cancelled += 1;
    }

    /// Counts a sandbox that died.
    pub(super) fn count_replaced(&self) {
        self.lock().stats.replaced += 1;
    }

    pub(super) fn stats(&self) -> Stats {
        self.lock().stats
    }

    /// When [`Self::report`] has something to say, if an episode goes on.
    pub(super) fn next_report(&self) -> Option<Instant> {
        self.lock().cap_log.next_report()
    }

    /// Logs what became of an episode since it was spoken of last.
    pub(super) fn report(&self, now: Instant) {
        let mut state = self.lock();
        let cap = state.cap;
        if let Some(notice) = state.cap_log.report(now) {
            self.say(&notice, cap);
        }
    }

    fn say(&self, notice: &Notice, cap: u32) {
        let what = match self.at_cap {
            AtCap::Block => "run in a blocking manner",
            AtCap::Wait => "wait",
            AtCap::Reject => "are rejected",
        };
        match notice {
            Notice::Begins => tracing::warn!(
                max_async_transfers = cap,
                "an instance is at its cap; further calls {what}"
            ),
            Notice::GoesOn { calls } => tracing::warn!(
                max_async_transfers = cap,
                calls,
                "an instance is still at its cap"
            ),
            Notice::Ends { calls } => tracing::warn!(
                max_async_transfers = cap,
                calls,
                "an instance is below its cap again"
            ),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let state = self.state.get_mut();
        let cap = state.cap;
        if let Some(notice) = state.cap_log.end() {
            self.say(&notice, cap);
        }
    }
}

/// The right to have a transfer open.
#[derive(Debug)]
pub(super) struct Permit {
    admission: Arc<Admission>,
    exclusive: bool,
}

impl Permit {
    /// Whether the instance waits for its holder.
    pub(super) fn is_exclusive(&self) -> bool {
        self.exclusive
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.admission.lock();
        if self.exclusive {
            state.is_blocked = false;
        } else {
            state.held -= 1;
        }
        state.stats.in_flight -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn concurrent(admission: &Arc<Admission>) -> Permit {
        match admission.admit(true) {
            Admitted::Concurrent(permit) => permit,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_slot_is_free_again_when_its_permit_is_dropped() {
        let admission = Admission::new(2, AtCap::Reject);
        let (one, _two) = (concurrent(&admission), concurrent(&admission));
        assert!(matches!(admission.admit(true), Admitted::Rejected));
        drop(one);
        let _three = concurrent(&admission);
        assert_eq!(admission.stats().in_flight, 2);
        assert_eq!(admission.stats().rejected, 1);
    }

    #[test]
    fn one_beyond_the_cap_runs_alone_and_is_counted() {
        let admission = Admission::new(1, AtCap::Block);
        let _one = concurrent(&admission);
        assert!(!admission.is_blocked());
        let Admitted::Exclusive(permit) = admission.admit(true) else {
            panic!("there was room");
        };
        assert!(permit.is_exclusive() && admission.is_blocked());
        let stats = admission.stats();
        assert_eq!((stats.in_flight, stats.blocked), (2, 1));
        drop(permit);
        assert!(!admission.is_blocked());
        assert_eq!(admission.stats().in_flight, 1);
    }

    #[test]
    fn with_a_cap_of_nothing_each_runs_alone() {
        let admission = Admission::new(0, AtCap::Block);
        for blocked in 1..4 {
            assert!(matches!(admission.admit(true), Admitted::Exclusive(_)));
            assert_eq!(admission.stats().blocked, blocked);
        }
    }

    #[test]
    fn nobody_overtakes_those_who_wait() {
        let admission = Admission::new(1, AtCap::Wait);
        let one = concurrent(&admission);
        assert!(matches!(admission.admit(true), Admitted::Queued));
        drop(one);
        assert!(matches!(admission.admit(false), Admitted::Queued));
        assert!(admission.admit_queued().is_some());
        assert_eq!(admission.stats().waited, 2);
    }

    #[test]
    fn a_cap_that_is_lowered_ends_nobody() {
        let admission = Admission::new(2, AtCap::Reject);
        let (one, two) = (concurrent(&admission), concurrent(&admission));
        admission.set_cap(1);
        drop(one);
        assert!(matches!(admission.admit(true), Admitted::Rejected));
        drop(two);
        let _three = concurrent(&admission);
    }
}
