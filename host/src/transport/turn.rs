//! Whose turn it is to connect to a server that may speak HTTP/2.
//!
//! Many transfers to such a server share one connection: the first of them makes
//! it, and the others wait in a queue until there is one. Nobody waits longer
//! than that can be of use. Once a server is known to speak HTTP/1, everybody
//! connects. While nothing is known, one more goes ahead beside the others
//! whenever [`HEAD_START`] has passed or an attempt has failed: a handshake that
//! hangs holds nobody else, and a server of HTTP/2 that is slow is still met by
//! few rather than by all.

use super::known_servers::KnownServers;
use crate::call::origin::Origin;
use parking_lot::Mutex;
use std::{collections::HashMap, pin::pin, sync::Arc, time::Duration};
use tokio::{sync::Notify, time::sleep};

/// How long the one who is next waits for those who connect, before it goes ahead
/// beside them. As long as one address has before the next is tried (RFC 8305,
/// section 5).
const HEAD_START: Duration = Duration::from_millis(250);

/// The queues of one pool, each for as long as somebody is in it.
#[derive(Default)]
pub(super) struct Turns(Mutex<HashMap<Origin, Counted>>);

/// A queue, and how many are in it.
struct Counted {
    queue: Arc<Queue>,
    places: usize,
}

/// Those who connect to one server, and those who wait for them.
struct Queue {
    /// Held by the one who is next.
    next: tokio::sync::Mutex<()>,
    attempts: Mutex<Attempts>,
    /// Something has become known, or an attempt has ended.
    changed: Notify,
}

struct Attempts {
    running: usize,
    /// How many may run at a time.
    allowed: usize,
}

/// A place in the queue of a server, until it is dropped.
pub(super) struct Place {
    turns: Arc<Turns>,
    known: Arc<KnownServers>,
    origin: Origin,
    queue: Arc<Queue>,
    connects: bool,
}

/// What one who waited is to do.
pub(super) enum Go<T, L> {
    Share(T),
    Connect(L),
}

impl Turns {
    /// The last place in the queue to `origin`. `None` where a server of HTTP/1 is
    /// known to be there, which has no queue.
    pub(super) fn queue_up(
        self: &Arc<Self>,
        origin: &Origin,
        known: &Arc<KnownServers>,
    ) -> Option<Place> {
        if known.speaks_http1(origin) {
            return None;
        }
        let mut queues = self.0.lock();
        let counted = queues.entry(origin.clone()).or_insert_with(|| Counted {
            queue: Arc::new(Queue::new()),
            places: 0,
        });
        counted.places += 1;
        Some(Place {
            turns: self.clone(),
            known: known.clone(),
            origin: origin.clone(),
            queue: counted.queue.clone(),
            connects: false,
        })
    }
}

impl Queue {
    fn new() -> Self {
        Self {
            next: tokio::sync::Mutex::default(),
            attempts: Mutex::new(Attempts {
                running: 0,
                allowed: 1,
            }),
            changed: Notify::new(),
        }
    }
}

impl Attempts {
    fn has_room(&self) -> bool {
        self.running < self.allowed
    }
}

impl Place {
    /// Waits until there is another's connection, which `shared` finds, or until
    /// it is time to make one, for which `lock` gives the permission. Whoever is
    /// denied it waits on beside others, who may have something to share.
    ///
    /// # Errors
    ///
    /// `lock` denies it, and nobody else in the queue connects.
    pub(super) async fn turn<T, L, E>(
        &mut self,
        shared: impl Fn() -> Option<T>,
        lock: impl Fn() -> Result<L, E>,
    ) -> Result<Go<T, L>, E> {
        let next = self.queue.next.lock().await;
        let mut head_start = pin!(sleep(HEAD_START));
        let locked = loop {
            let changed = self.queue.changed.notified();
            if let Some(shared) = shared() {
                return Ok(Go::Share(shared));
            }
            if self.queue.attempts.lock().has_room() {
                match lock() {
                    Ok(locked) => break locked,
                    Err(_) if self.queue.attempts.lock().running > 0 => changed.await,
                    Err(denied) => return Err(denied),
                }
                continue;
            }
            if self.known.speaks_http1(&self.origin) {
                break lock()?;
            }
            tokio::select! {
                () = changed => {}
                () = &mut head_start => self.queue.attempts.lock().allowed += 1,
            }
        };
        self.queue.attempts.lock().running += 1;
        drop(next);
        self.connects = true;
        Ok(Go::Connect(locked))
    }

    /// Waits until there is a connection to share, however long that takes: for
    /// one who connects itself meanwhile.
    pub(super) async fn shared<T>(&self, shared: impl Fn() -> Option<T>) -> T {
        loop {
            let changed = self.queue.changed.notified();
            if let Some(shared) = shared() {
                return shared;
            }
            changed.await;
        }
    }

    /// Lets everybody connect: the server speaks HTTP/1.
    pub(super) fn met_http1(&self) {
        self.known.met_http1(&self.origin);
        self.queue.changed.notify_waiters();
    }

    /// Has everybody look for the connection to share.
    pub(super) fn met_http2(&self) {
        self.known.met_http2(&self.origin);
        self.queue.changed.notify_waiters();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.connects {
            // Where it has met a server nobody asks any more. Otherwise it failed,
            // and the others are not to fail one after the other.
            let mut attempts = self.queue.attempts.lock();
            attempts.running -= 1;
            attempts.allowed += 1;
            drop(attempts);
            self.queue.changed.notify_waiters();
        }
        let mut queues = self.turns.0.lock();
        if let Some(counted) = queues.get_mut(&self.origin) {
            counted.places -= 1;
            if counted.places == 0 {
                queues.remove(&self.origin);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits for the turn to connect.
    async fn turn(place: &mut Place) {
        let go = place.turn(|| None::<()>, || Ok::<(), ()>(())).await;
        assert!(matches!(go, Ok(Go::Connect(()))));
    }

    #[tokio::test]
    async fn nothing_is_left_of_a_queue_that_nobody_is_in() {
        let (turns, known) = (Arc::new(Turns::default()), Arc::default());
        let origin = Origin::of(&"https://h/".parse().unwrap()).unwrap();
        let mut first = turns.queue_up(&origin, &known).unwrap();
        turn(&mut first).await;
        let second = turns.queue_up(&origin, &known).unwrap();
        drop(first);
        assert_eq!(turns.0.lock().len(), 1);
        drop(second);
        assert!(turns.0.lock().is_empty());
    }

    #[tokio::test]
    async fn whoever_comes_when_an_attempt_has_failed_finds_room() {
        let (turns, known) = (Arc::new(Turns::default()), Arc::default());
        let origin = Origin::of(&"https://h/".parse().unwrap()).unwrap();
        let mut places: Vec<_> = (0..3)
            .filter_map(|_| turns.queue_up(&origin, &known))
            .collect();
        let mut first = places.remove(0);
        turn(&mut first).await;
        drop(first);
        // Two at a time now, without a pause.
        let all = futures_util::future::join_all(places.iter_mut().map(turn));
        tokio::time::timeout(HEAD_START / 2, all).await.unwrap();
    }

    #[tokio::test]
    async fn whoever_may_not_connect_waits_while_there_may_be_something_to_share() {
        let (turns, known) = (Arc::new(Turns::default()), Arc::default());
        let origin = Origin::of(&"https://h/".parse().unwrap()).unwrap();
        let mut first = turns.queue_up(&origin, &known).unwrap();
        turn(&mut first).await;
        let mut denied = turns.queue_up(&origin, &known).unwrap();
        let waits = denied.turn(|| None::<()>, || Err::<(), _>("denied"));
        let mut waits = pin!(waits);
        let early = tokio::time::timeout(HEAD_START * 2, &mut waits).await;
        assert!(early.is_err(), "it waits");
        drop(first);
        assert_eq!(waits.await.err(), Some("denied"));
    }
}
