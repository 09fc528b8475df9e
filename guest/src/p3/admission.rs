//! The cap on transfers of an instance that has many of them at a time: who gets a place,
//! and what becomes of one more.

use crate::{
    config::Settings,
    enforcement::{AtCap, Enforcer},
    error::RestError,
};
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::poll_fn,
    pin::pin,
    rc::Rc,
    task::{Poll, Waker},
};

thread_local! {
    static PLACES: Line = const { Line::new() };
    /// One transfer at a time runs in a blocking manner.
    static BLOCKING: Line = const { Line::new() };
    /// Transfers that are held up by it.
    static HELD_UP: RefCell<Vec<Waker>> = const { RefCell::new(Vec::new()) };
}

/// The place of a transfer that is in flight. Dropping it frees it.
pub(super) struct Place(Kind);

enum Kind {
    /// Nobody counts here.
    Uncounted,
    /// One of max-async-transfers.
    Counted,
    /// One beyond them, which runs in a blocking manner.
    Blocking,
}

impl Place {
    /// A place, as soon as at-cap allows one.
    ///
    /// # Errors
    ///
    /// There is none, and at-cap is `reject`.
    pub(super) async fn take(settings: &Settings) -> Result<Self, RestError> {
        if settings.enforcer == Enforcer::Host {
            return Ok(Self(Kind::Uncounted));
        }
        let most = settings.max_async_transfers;
        if PLACES.with(|places| places.take(most)) {
            return Ok(Self(Kind::Counted));
        }
        match settings.at_cap {
            AtCap::Reject => Err(RestError::Busy(format!(
                "max-async-transfers, {most}, are in flight"
            ))),
            AtCap::Wait => {
                Ticket::of(&PLACES, most).called().await;
                Ok(Self(Kind::Counted))
            }
            AtCap::Block => {
                Ticket::of(&BLOCKING, 1).called().await;
                Ok(Self(Kind::Blocking))
            }
        }
    }

    /// Does `work`, but stands still while another transfer runs in a blocking manner.
    pub(super) async fn run<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|cx| {
            let is_held_up =
                matches!(self.0, Kind::Counted) && BLOCKING.with(|it| it.taken.get() > 0);
            if is_held_up {
                HELD_UP.with_borrow_mut(|all| {
                    if !all.iter().any(|one| one.will_wake(cx.waker())) {
                        all.push(cx.waker().clone());
                    }
                });
                return Poll::Pending;
            }
            work.as_mut().poll(cx)
        })
        .await
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        match self.0 {
            Kind::Uncounted => {}
            Kind::Counted => PLACES.with(Line::free),
            Kind::Blocking => {
                BLOCKING.with(Line::free);
                if BLOCKING.with(|it| it.taken.get() == 0) {
                    HELD_UP.take().into_iter().for_each(Waker::wake);
                }
            }
        }
    }
}

/// Places, and those who wait for one, in the order in which they came.
struct Line {
    taken: Cell<u32>,
    waiting: RefCell<VecDeque<Rc<Call>>>,
}

/// Whether somebody who waits has got a place.
#[derive(Default)]
struct Call {
    is_called: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Line {
    const fn new() -> Self {
        Self {
            taken: Cell::new(0),
            waiting: RefCell::new(VecDeque::new()),
        }
    }

    /// Takes one of so many places, if one is free.
    fn take(&self, most: u32) -> bool {
        let taken = self.taken.get();
        let is_free = taken < most && self.waiting.borrow().is_empty();
        if is_free {
            self.taken.set(taken + 1);
        }
        is_free
    }

    /// Gives a place back, which goes to whoever has waited longest.
    fn free(&self) {
        let next = self.waiting.borrow_mut().pop_front();
        match next {
            Some(next) => {
                next.is_called.set(true);
                if let Some(waker) = next.waker.take() {
                    waker.wake();
                }
            }
            None => self.taken.set(self.taken.get() - 1),
        }
    }
}

/// Somebody who waits. Dropped, he leaves the line, and gives back what he got.
struct Ticket {
    line: &'static std::thread::LocalKey<Line>,
    call: Rc<Call>,
    is_used: bool,
}

impl Ticket {
    fn of(line: &'static std::thread::LocalKey<Line>, most: u32) -> Self {
        let call = Rc::<Call>::default();
        line.with(|line| match line.take(most) {
            true => call.is_called.set(true),
            false => line.waiting.borrow_mut().push_back(call.clone()),
        });
        Self {
            line,
            call,
            is_used: false,
        }
    }

    /// Waits for the place. It is the caller's then.
    async fn called(mut self) {
        poll_fn(|cx| match self.call.is_called.get() {
            true => Poll::Ready(()),
            false => {
                self.call.waker.replace(Some(cx.waker().clone()));
                Poll::Pending
            }
        })
        .await;
        self.is_used = true;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.is_used {
            return;
        }
        self.line.with(|line| match self.call.is_called.get() {
            true => line.free(),
            false => {
                let mut waiting = line.waiting.borrow_mut();
                waiting.retain(|it| !Rc::ptr_eq(it, &self.call));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset::Preset;
    use std::task::Context;

    fn settings(most: u32, at_cap: AtCap) -> Settings {
        Settings {
            max_async_transfers: most,
            at_cap,
            ..Settings::of(&Preset::default())
        }
    }

    /// What `future` comes to without waiting.
    fn now<T>(future: &mut (impl Future<Output = T> + Unpin)) -> Option<T> {
        let mut cx = Context::from_waker(Waker::noop());
        match pin!(future).poll(&mut cx) {
            Poll::Ready(done) => Some(done),
            Poll::Pending => None,
        }
    }

    fn take(settings: &Settings) -> Place {
        now(&mut Box::pin(Place::take(settings))).unwrap().unwrap()
    }

    #[test]
    fn there_are_as_many_places_as_the_cap_says() {
        let settings = settings(2, AtCap::Reject);
        let first = take(&settings);
        let _second = take(&settings);
        let third = now(&mut Box::pin(Place::take(&settings))).unwrap();
        assert!(matches!(third, Err(RestError::Busy(_))));
        drop(first);
        take(&settings);
    }

    #[test]
    fn who_waits_longest_is_next_and_who_leaves_is_not() {
        let settings = settings(1, AtCap::Wait);
        let first = take(&settings);
        let mut leaving = Box::pin(Place::take(&settings));
        let mut second = Box::pin(Place::take(&settings));
        let mut third = Box::pin(Place::take(&settings));
        assert!(now(&mut leaving).is_none() && now(&mut second).is_none());
        assert!(now(&mut third).is_none());
        drop(leaving);
        drop(first);
        assert!(now(&mut third).is_none());
        // It was called, and does not come.
        drop(second);
        let third = now(&mut third).unwrap().unwrap();
        assert!(now(&mut Box::pin(Place::take(&settings))).is_none());
        drop(third);
        take(&settings);
    }

    #[test]
    fn one_beyond_the_cap_holds_up_the_others_and_no_second_one_runs_beside_it() {
        let settings = settings(1, AtCap::Block);
        let counted = take(&settings);
        let blocking = take(&settings);
        let mut another = Box::pin(Place::take(&settings));
        assert!(now(&mut another).is_none());
        let work = || std::future::ready(());
        assert_eq!(now(&mut Box::pin(blocking.run(work()))), Some(()));
        let mut held_up = Box::pin(counted.run(work()));
        assert_eq!(now(&mut held_up), None);
        drop(blocking);
        assert_eq!(now(&mut held_up), None, "the next one is called");
        drop(another);
        assert_eq!(now(&mut held_up), Some(()));
    }
}
