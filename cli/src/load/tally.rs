//! What came of calls, counted.

use crate::exit::Exit;
use hdrhistogram::Histogram;
use rest_client_host::{Error, Response};
use std::collections::{BTreeMap, btree_map::Entry};

/// The longest time that is told from those above it, an hour in microseconds.
const LONGEST: u64 = 3_600_000_000;

/// What came of calls.
pub(super) struct Tally {
    /// Of those that had a reply, in microseconds.
    pub(super) times: Histogram<u64>,
    pub(super) statuses: BTreeMap<u16, u64>,
    pub(super) errors: BTreeMap<&'static str, Errors>,
}

/// The errors of one kind.
pub(super) struct Errors {
    pub(super) count: u64,
    /// What the first of them said.
    pub(super) message: String,
    pub(super) exit: Exit,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            // Never fails: these bounds and digits are among those that can be had.
            times: Histogram::new_with_bounds(1, LONGEST, 3)
                .unwrap_or_else(|_| unreachable!("1 is less than half of an hour")),
            statuses: BTreeMap::new(),
            errors: BTreeMap::new(),
        }
    }

    pub(super) fn count(&mut self, outcome: &Result<Response, Error>) {
        match outcome {
            Ok(reply) => {
                let total = reply.timings().total.as_micros();
                self.times
                    .saturating_record(u64::try_from(total).unwrap_or(u64::MAX));
                *self.statuses.entry(reply.status().as_u16()).or_default() += 1;
            }
            Err(error) => {
                let of_kind = self
                    .errors
                    .entry(error.kind().name())
                    .or_insert_with(|| Errors {
                        count: 0,
                        message: error.to_string(),
                        exit: error.into(),
                    });
                of_kind.count += 1;
            }
        }
    }

    pub(super) fn with(mut self, other: Self) -> Self {
        // Never fails: the bounds of all are the same.
        let _ = self.times.add(&other.times);
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        for (kind, errors) in other.errors {
            match self.errors.entry(kind) {
                Entry::Vacant(entry) => {
                    entry.insert(errors);
                }
                Entry::Occupied(mut entry) => entry.get_mut().count += errors.count,
            }
        }
        self
    }
}
