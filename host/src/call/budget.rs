//! A budget: how many bytes one party may have the host keep, in whatever hands
//! they are.
//!
//! Bytes are charged where they are taken, and released where they are dropped:
//! a [`Charge`] lies beside the bytes that it pays for, and goes where they go.

use super::failure::{Cause, Failure};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

/// Clones are the same budget.
#[derive(Debug, Clone)]
pub(crate) struct Budget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limit: usize,
    taken: AtomicUsize,
}

/// Some of a budget, until it is dropped.
#[derive(Debug)]
pub(crate) struct Charge {
    bytes: usize,
    budget: Budget,
}

/// More was wanted than a budget has left.
#[derive(Debug)]
pub(crate) struct OverBudget {
    /// In bytes, of the whole budget.
    limit: usize,
}

impl Budget {
    /// `limit` is in bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self(Arc::new(Inner {
            limit,
            taken: AtomicUsize::new(0),
        }))
    }

    /// In bytes.
    pub(crate) fn limit(&self) -> usize {
        self.0.limit
    }

    /// Bytes that are taken.
    pub(crate) fn taken(&self) -> usize {
        self.0.taken.load(Relaxed)
    }

    /// Takes so many bytes.
    pub(crate) fn charge(&self, bytes: usize) -> Result<Charge, OverBudget> {
        let mut charge = Charge {
            bytes: 0,
            budget: self.clone(),
        };
        charge.add(bytes)?;
        Ok(charge)
    }
}

impl Charge {
    /// Takes so many bytes more, or none.
    pub(crate) fn add(&mut self, bytes: usize) -> Result<(), OverBudget> {
        let Inner { limit, taken } = &*self.budget.0;
        taken
            .fetch_update(Relaxed, Relaxed, |taken| {
                taken.checked_add(bytes).filter(|sum| sum <= limit)
            })
            .map_err(|_| OverBudget { limit: *limit })?;
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.0.taken.fetch_sub(self.bytes, Relaxed);
    }
}

impl fmt::Display for OverBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = self.limit;
        write!(
            f,
            "the host would keep more than the budget of this plugin, {limit} bytes; finish transfers, and drop bodies and fields, before another call"
        )
    }
}

impl std::error::Error for OverBudget {}

impl From<OverBudget> for Failure {
    fn from(over: OverBudget) -> Self {
        Self::new(Cause::OverBudget, over.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_is_free_again() {
        let budget = Budget::new(100);
        let mut charge = budget.charge(60).unwrap();
        assert!(budget.charge(41).is_err());
        assert!(charge.add(usize::MAX).is_err());
        charge.add(40).unwrap();
        assert_eq!(budget.taken(), 100);
        drop(charge);
        assert_eq!(budget.taken(), 0);
        budget.charge(100).unwrap();
    }
}
