//! A line of those who wait for a place, of which there are so many.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::poll_fn,
    rc::Rc,
    task::{Poll, Waker},
};

/// Places, and those who wait for one, in the order in which they came.
pub(super) struct Line {
    taken: Cell<u32>,
    most: Cell<u32>,
    waiting: RefCell<VecDeque<Rc<Waiter>>>,
}

/// Whether somebody who waits has got a place.
#[derive(Default)]
pub(super) struct Waiter {
    is_called: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Line {
    pub(super) const fn new() -> Self {
        Self {
            taken: Cell::new(0),
            most: Cell::new(0),
            waiting: RefCell::new(VecDeque::new()),
        }
    }

    /// There are so many places from now on.
    pub(super) fn resize(&self, most: u32) {
        self.most.set(most);
        self.call();
    }

    pub(super) fn is_taken(&self) -> bool {
        self.taken.get() > 0
    }

    /// Takes a place, if one is free and nobody waits for it.
    pub(super) fn take(&self) -> bool {
        let taken = self.taken.get();
        let is_free = taken < self.most.get() && self.waiting.borrow().is_empty();
        if is_free {
            self.taken.set(taken + 1);
        }
        is_free
    }

    pub(super) fn free(&self) {
        self.taken.set(self.taken.get() - 1);
        self.call();
    }

    /// Has `waiter` wait, unless a place is free for it.
    pub(super) fn join(&self, waiter: &Rc<Waiter>) {
        match self.take() {
            true => waiter.is_called.set(true),
            false => self.waiting.borrow_mut().push_back(waiter.clone()),
        }
    }

    /// `waiter`, who was not called, waits no longer.
    pub(super) fn leave(&self, waiter: &Rc<Waiter>) {
        let mut waiting = self.waiting.borrow_mut();
        waiting.retain(|it| !Rc::ptr_eq(it, waiter));
    }

    /// Has those who have waited longest take the places that are free.
    fn call(&self) {
        while self.taken.get() < self.most.get() {
            let next = self.waiting.borrow_mut().pop_front();
            let Some(next) = next else { return };
            self.taken.set(self.taken.get() + 1);
            next.is_called.set(true);
            if let Some(waker) = next.waker.take() {
                waker.wake();
            }
        }
    }
}

impl Waiter {
    pub(super) fn is_called(&self) -> bool {
        self.is_called.get()
    }

    /// Returns when it has got a place.
    pub(super) async fn called(&self) {
        poll_fn(|cx| match self.is_called.get() {
            true => Poll::Ready(()),
            false => {
                self.waker.replace(Some(cx.waker().clone()));
                Poll::Pending
            }
        })
        .await;
    }
}
