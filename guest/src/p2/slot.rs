//! The cap on asynchronous transfers, where this component keeps it.

use std::cell::Cell;

thread_local! {
    static TAKEN: Cell<u32> = const { Cell::new(0) };
}

/// The place of a transfer that is in flight. Dropping it frees it.
pub(super) struct Slot(());

impl Slot {
    /// One of `all`, unless they are taken.
    pub(super) fn take(all: u32) -> Option<Self> {
        let taken = TAKEN.get();
        (taken < all).then(|| {
            TAKEN.set(taken + 1);
            Self(())
        })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        TAKEN.set(TAKEN.get() - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_slots_as_the_cap_says() {
        assert!(Slot::take(0).is_none());
        let first = Slot::take(2).unwrap();
        let _second = Slot::take(2).unwrap();
        assert!(Slot::take(2).is_none());
        drop(first);
        assert!(Slot::take(2).is_some());
    }
}
