//! The bound on connections that all pools of a host keep without use.
//!
//! Each such connection takes a descriptor of the process, which the program
//! around us needs as well, and one tenant's may not take those of the others.

use parking_lot::Mutex;
use std::{
    collections::HashMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::time::Instant;

/// Counts connections without use, and has the oldest closed where there are too
/// many.
pub(super) struct IdleBudget {
    /// Of all pools together.
    most: usize,
    kept: AtomicUsize,
    keepers: Mutex<Keepers>,
}

#[derive(Default)]
struct Keepers {
    by_id: HashMap<u64, Weak<dyn Keeper>>,
    next: u64,
}

/// Whoever keeps connections without use.
pub(super) trait Keeper: Send + Sync {
    /// Adds since when each has been without use.
    fn ages(&self, ages: &mut Vec<Instant>);

    /// Closes those that have been without use since `then` or longer, and returns
    /// how many there were.
    fn close(&self, then: Instant) -> usize;
}

/// A connection without use, until it is dropped.
pub(super) struct Counted {
    budget: Arc<IdleBudget>,
    own: Arc<AtomicUsize>,
}

impl IdleBudget {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            kept: AtomicUsize::new(0),
            keepers: Mutex::default(),
        }
    }

    /// Adds a keeper. The result is for [`remove`](Self::remove).
    pub(super) fn add(&self, keeper: Weak<dyn Keeper>) -> u64 {
        let mut keepers = self.keepers.lock();
        let id = keepers.next;
        keepers.next += 1;
        keepers.by_id.insert(id, keeper);
        id
    }

    pub(super) fn remove(&self, id: u64) {
        self.keepers.lock().by_id.remove(&id);
    }

    /// Counts a connection here and in `own`.
    pub(super) fn count(self: &Arc<Self>, own: &Arc<AtomicUsize>) -> Counted {
        self.kept.fetch_add(1, Ordering::Relaxed);
        own.fetch_add(1, Ordering::Relaxed);
        Counted {
            budget: self.clone(),
            own: own.clone(),
        }
    }

    /// Closes what is too much. No keeper may be locked meanwhile.
    pub(super) fn enforce(&self) {
        let excess = excess(self.kept.load(Ordering::Relaxed), self.most);
        if excess > 0 {
            self.close_oldest(excess);
        }
    }

    /// Closes the `count` connections that were used longest ago, whose ever they
    /// are. Returns how many there were. No keeper may be locked meanwhile.
    pub(super) fn close_oldest(&self, count: usize) -> usize {
        // The last one to hold a keeper locks this.
        let keepers: Vec<_> = {
            let keepers = self.keepers.lock();
            keepers.by_id.values().filter_map(Weak::upgrade).collect()
        };
        let mut ages = Vec::new();
        keepers.iter().for_each(|keeper| keeper.ages(&mut ages));
        let Some(then) = oldest(&mut ages, count) else {
            return 0;
        };
        keepers.iter().map(|keeper| keeper.close(then)).sum()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.budget.kept.fetch_sub(1, Ordering::Relaxed);
        self.own.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How many to close where there are `kept` and `most` may be: an eighth more than
/// is needed, so that the oldest are not looked for every time.
pub(super) fn excess(kept: usize, most: usize) -> usize {
    match kept.checked_sub(most) {
        None | Some(0) => 0,
        Some(excess) => excess + most / 8,
    }
}

/// When the youngest of the `count` oldest was used. `None` for none.
pub(super) fn oldest(ages: &mut [Instant], count: usize) -> Option<Instant> {
    let last = count.min(ages.len()).checked_sub(1)?;
    Some(*ages.select_nth_unstable(last).1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_oldest_are_found() {
        let now = Instant::now();
        let mut ages: Vec<_> = [3, 1, 4, 2].map(|it| now + Duration::from_secs(it)).into();
        assert_eq!(oldest(&mut ages, 0), None);
        assert_eq!(oldest(&mut ages, 2), Some(now + Duration::from_secs(2)));
        assert_eq!(oldest(&mut ages, 9), Some(now + Duration::from_secs(4)));
        assert_eq!(oldest(&mut [], 1), None);
    }

    #[test]
    fn more_than_the_excess_is_closed_where_there_are_many() {
        assert_eq!(excess(8, 8), 0);
        assert_eq!(excess(3, 2), 1);
        assert_eq!(excess(1001, 1000), 126);
    }
}
