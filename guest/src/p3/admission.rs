//! The cap on transfers of an instance that has many of them at a time: who gets a place,
//! and what becomes of one more.

use super::line::{Line, Waiter};
use crate::{
    config::Settings,
    enforcement::{AtCap, Enforcer},
    error::RestError,
};
use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    pin::pin,
    rc::Rc,
    task::{Poll, Waker},
};

/// How often others go on before a transfer runs in a blocking manner: one of them may be
/// about to end, which takes it some steps.
const TURNS: u32 = 16;

thread_local! {
    static PLACES: Line = const { Line::new() };
    static BLOCKING: Line = const { Line::new() };
    /// Whether a transfer runs in a blocking manner.
    static BLOCKED: Cell<bool> = const { Cell::new(false) };
    /// Transfers that are held up by that.
    static HELD_UP: RefCell<Vec<Waker>> = const { RefCell::new(Vec::new()) };
}

/// The place of a transfer that is in flight. Dropping it frees it.
pub(super) struct Place(Option<Kind>);

/// What there are places of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Those of max-async-transfers.
    Counted,
    /// That of the one beyond them which runs in a blocking manner, or will be the next.
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
            // Nobody counts here.
            return Ok(Self(None));
        }
        let most = settings.max_async_transfers;
        Kind::Counted.line(|line| line.resize(most));
        // Whoever is next to run in a blocking manner comes before.
        let is_behind = settings.at_cap == AtCap::Block && Kind::Blocking.line(Line::is_taken);
        if !is_behind && Kind::Counted.line(Line::take) {
            return Ok(Self(Some(Kind::Counted)));
        }
        match settings.at_cap {
            AtCap::Reject => Err(RestError::Busy(format!(
                "max-async-transfers, {most}, are in flight"
            ))),
            AtCap::Wait => Ok(Ticket::of(Kind::Counted).called().await),
            AtCap::Block => {
                Kind::Blocking.line(|line| line.resize(1));
                let turn = Ticket::of(Kind::Blocking).called().await;
                for _ in 0..TURNS {
                    if Kind::Counted.line(Line::take) {
                        return Ok(Self(Some(Kind::Counted)));
                    }
                    if !Kind::Counted.line(Line::is_taken) {
                        // Nobody is about to end.
                        break;
                    }
                    give_way().await;
                }
                BLOCKED.set(true);
                Ok(turn)
            }
        }
    }

    /// Whether others are held up until it is free.
    pub(super) fn blocks(&self) -> bool {
        self.0 == Some(Kind::Blocking)
    }

    /// Does `work`, but stands still while another transfer runs in a blocking manner.
    pub(super) async fn run<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|cx| {
            if self.0 == Some(Kind::Counted) && BLOCKED.get() {
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
        if let Some(kind) = self.0 {
            kind.free();
        }
    }
}

impl Kind {
    fn line<T>(self, with: impl FnOnce(&Line) -> T) -> T {
        match self {
            Self::Counted => PLACES.with(with),
            Self::Blocking => BLOCKING.with(with),
        }
    }

    /// Gives a place back.
    fn free(self) {
        if self == Self::Blocking && BLOCKED.take() {
            HELD_UP.take().into_iter().for_each(Waker::wake);
        }
        self.line(Line::free);
    }
}

/// Lets all others go on that can.
async fn give_way() {
    let mut has_given_way = false;
    poll_fn(|cx| match has_given_way {
        true => Poll::Ready(()),
        false => {
            has_given_way = true;
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}

/// Somebody who waits. Dropped, he leaves the line, and gives back what he got.
struct Ticket {
    kind: Kind,
    waiter: Rc<Waiter>,
    is_used: bool,
}

impl Ticket {
    fn of(kind: Kind) -> Self {
        let waiter = Rc::<Waiter>::default();
        kind.line(|line| line.join(&waiter));
        Self {
            kind,
            waiter,
            is_used: false,
        }
    }

    /// Waits for the place.
    async fn called(mut self) -> Place {
        self.waiter.called().await;
        self.is_used = true;
        Place(Some(self.kind))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.is_used {
            return;
        }
        match self.waiter.is_called() {
            true => self.kind.free(),
            false => self.kind.line(|line| line.leave(&self.waiter)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset::Preset;
    use std::{
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering::Relaxed},
        },
        task::{Context, Wake},
    };

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

    /// What `future` comes to when all others have nothing to do.
    fn soon<T>(future: &mut (impl Future<Output = T> + Unpin)) -> Option<T> {
        (0..=TURNS).find_map(|_| now(future))
    }

    fn take(settings: &Settings) -> Place {
        soon(&mut Box::pin(Place::take(settings))).unwrap().unwrap()
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
    fn another_cap_holds_from_the_next_call_on() {
        let one = settings(1, AtCap::Wait);
        let first = take(&one);
        let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(Place::take(&one))).collect();
        assert!(waiting.iter_mut().all(|it| now(it).is_none()));
        // Those who waited before are served first.
        let three = settings(3, AtCap::Wait);
        let mut late = Box::pin(Place::take(&three));
        assert!(now(&mut late).is_none());
        let second = now(&mut waiting[0]).unwrap().unwrap();
        let third = now(&mut waiting[1]).unwrap().unwrap();
        assert!(now(&mut waiting[2]).is_none());
        // Fewer again: nobody is next until there are fewer in flight.
        let mut last = Box::pin(Place::take(&one));
        assert!(now(&mut last).is_none());
        drop((first, second));
        assert!(now(&mut waiting[2]).is_none());
        drop(third);
        assert!(now(&mut waiting[2]).is_some());
    }

    /// Whether it was woken.
    #[derive(Default)]
    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Relaxed);
        }
    }

    #[test]
    fn one_beyond_the_cap_holds_up_the_others_and_no_second_one_runs_beside_it() {
        let settings = settings(1, AtCap::Block);
        let counted = take(&settings);
        let blocking = take(&settings);
        let mut another = Box::pin(Place::take(&settings));
        assert!(soon(&mut another).is_none());
        let work = || std::future::ready(());
        assert_eq!(now(&mut Box::pin(blocking.run(work()))), Some(()));
        let woken = Arc::<Woken>::default();
        let waker = Waker::from(woken.clone());
        let mut held_up = Box::pin(counted.run(work()));
        let polled = held_up.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
        drop(blocking);
        assert!(woken.0.load(Relaxed));
        // Whoever is next waits until that one has had its turn, and takes its place then.
        assert!(now(&mut another).is_none());
        assert_eq!(now(&mut held_up), Some(()));
        drop(held_up);
        drop(counted);
        let another = soon(&mut another).unwrap().unwrap();
        assert_eq!(another.0, Some(Kind::Counted));
    }

    #[test]
    fn one_that_leaves_when_it_is_next_holds_up_nobody() {
        let settings = settings(1, AtCap::Block);
        let counted = take(&settings);
        let blocking = take(&settings);
        let mut leaving = Box::pin(Place::take(&settings));
        let mut last = Box::pin(Place::take(&settings));
        assert!(now(&mut leaving).is_none() && now(&mut last).is_none());
        drop(blocking);
        assert!(now(&mut leaving).is_none());
        drop(leaving);
        let mut work = Box::pin(counted.run(std::future::ready(())));
        assert_eq!(now(&mut work), Some(()));
        let last = soon(&mut last).unwrap().unwrap();
        assert_eq!(last.0, Some(Kind::Blocking));
    }
}
