//! What is said of the times at the cap: one line when they begin, one for all
//! of them every now and then, and one at the end. (The original logs two lines
//! for every call.)

use std::time::Duration;
use tokio::time::Instant;

/// Between two lines. An episode is over when that long nobody met the cap.
const INTERVAL: Duration = Duration::from_secs(10);

/// A time at the cap, if there is one.
#[derive(Debug, Default)]
pub(super) struct CapLog(Option<Open>);

#[derive(Debug)]
struct Open {
    /// Calls that met the cap since the last line.
    calls: u64,
    /// And since it began.
    all_calls: u64,
    next_report: Instant,
}

/// What is to be said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// The first call met the cap.
    Begins,
    /// So many did since it was spoken of last.
    GoesOn { calls: u64 },
    /// So many did in all.
    Ends { calls: u64 },
}

impl CapLog {
    /// A call met the cap.
    pub(super) fn met(&mut self, now: Instant) -> Option<Notice> {
        match &mut self.0 {
            Some(open) => {
                open.calls += 1;
                open.all_calls += 1;
                None
            }
            none => {
                *none = Some(Open {
                    calls: 1,
                    all_calls: 1,
                    next_report: now + INTERVAL,
                });
                Some(Notice::Begins)
            }
        }
    }

    /// When [`Self::report`] has something to say.
    pub(super) fn next_report(&self) -> Option<Instant> {
        self.0.as_ref().map(|open| open.next_report)
    }

    /// What there is to say at `now`.
    pub(super) fn report(&mut self, now: Instant) -> Option<Notice> {
        let open = self.0.as_mut().filter(|open| open.next_report <= now)?;
        if open.calls == 0 {
            return self.end();
        }
        open.next_report = now + INTERVAL;
        let calls = std::mem::take(&mut open.calls);
        Some(Notice::GoesOn { calls })
    }

    /// Ends it, if there is one.
    pub(super) fn end(&mut self) -> Option<Notice> {
        self.0.take().map(|open| Notice::Ends {
            calls: open.all_calls,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_calls_at_the_cap_are_three_lines() {
        let start = Instant::now();
        let mut log = CapLog::default();
        let mut said = Vec::new();
        for millisecond in 0..1000 {
            said.extend(log.met(start + Duration::from_millis(millisecond)));
        }
        assert_eq!(log.next_report(), Some(start + INTERVAL));
        said.extend(log.report(start + INTERVAL));
        said.extend(log.report(start + INTERVAL * 2));
        assert_eq!(
            said,
            [
                Notice::Begins,
                Notice::GoesOn { calls: 1000 },
                Notice::Ends { calls: 1000 }
            ]
        );
        assert_eq!(log.next_report(), None);
    }

    #[test]
    fn nothing_is_said_before_its_time_or_twice() {
        let start = Instant::now();
        let mut log = CapLog::default();
        assert_eq!(log.report(start), None);
        assert_eq!(log.end(), None);
        log.met(start);
        assert_eq!(log.report(start), None);
        log.report(start + INTERVAL);
        assert_eq!(log.report(start + INTERVAL), None);
    }

    #[test]
    fn what_begins_again_is_said_again() {
        let start = Instant::now();
        let mut log = CapLog::default();
        log.met(start);
        assert_eq!(log.end(), Some(Notice::Ends { calls: 1 }));
        assert_eq!(log.met(start), Some(Notice::Begins));
    }
}
