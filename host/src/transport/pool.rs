//! Connections that are kept for the next request.
//!
//! A pool belongs to one instance unless the operator shares it, so that no
//! tenant's request ever travels on a connection that another one's credentials
//! opened.

use super::{
    connect_lock::ConnectLock,
    connection::{Connection, Http1, Http2},
    known_servers::KnownServers,
    turn::{Go, Place, Turns},
};
use crate::call::{failure::Failure, origin::Origin};
use parking_lot::{Mutex, MutexGuard};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::time::Instant;

/// Idle connections of one origin; one more is closed. There are never more than
/// were in use at once, and whoever has so many in use will have them again.
const KEPT_PER_ORIGIN: usize = 4096;

/// Between two looks at what is kept.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);

/// What the pools of a host have in common.
pub(crate) struct Pools {
    idle_timeout: Duration,
    known: Arc<KnownServers>,
}

impl Pools {
    /// Pools that keep a connection for `idle_timeout` without use.
    pub(crate) fn new(idle_timeout: Duration) -> Self {
        Self {
            idle_timeout,
            known: Arc::default(),
        }
    }

    /// An empty pool.
    pub(crate) fn pool(&self) -> Pool {
        Pool(Arc::new(Shared {
            idle_timeout: self.idle_timeout,
            kept: Mutex::default(),
            turns: Arc::default(),
            known: self.known.clone(),
        }))
    }
}

/// Kept connections, by origin. Clones are the same pool.
#[derive(Clone)]
pub(crate) struct Pool(Arc<Shared>);

struct Shared {
    idle_timeout: Duration,
    kept: Mutex<Kept>,
    turns: Arc<Turns>,
    known: Arc<KnownServers>,
}

/// What is to be done for a connection.
pub(super) enum Turn {
    /// Nothing: here is one that another has made.
    Share(Connection),
    /// Connect, under the lock if there is one. Where others may wait to share the
    /// connection, they are told in this place what the server speaks.
    Connect(Option<Place>, Option<ConnectLock>),
}

#[derive(Default)]
struct Kept {
    by_origin: HashMap<Origin, OfOrigin>,
    sweeping: bool,
}

#[derive(Default)]
struct OfOrigin {
    /// The one used last is at the end.
    idle: Vec<Idle>,
    /// Multiplexed, so it is never taken out.
    http2: Option<Shareable>,
}

struct Idle {
    http1: Http1,
    until: Instant,
}

/// It may be in use: nobody says when it no longer is.
struct Shareable {
    http2: Http2,
    used: Instant,
}

impl Pool {
    /// A kept connection to `origin` that is alive as far as one can know.
    pub(super) fn take(&self, origin: &Origin) -> Option<Connection> {
        let mut kept = self.lock();
        let of_origin = kept.by_origin.get_mut(origin)?;
        if let Some(shared) = of_origin.share() {
            return Some(shared);
        }
        while let Some(Idle { mut http1, until }) = of_origin.idle.pop() {
            if Instant::now() < until && http1.is_ready() {
                return Some(Connection::Http1(http1));
            }
        }
        None
    }

    /// Gives up a connection of HTTP/2: no further request goes over it.
    pub(super) fn forget(&self, origin: &Origin, http2: &Http2) {
        if let Some(of_origin) = self.lock().by_origin.get_mut(origin) {
            of_origin.http2.take_if(|it| it.http2.is_same(http2));
        }
    }

    /// Learns of a new connection. One of HTTP/2 is shared from now on.
    pub(super) fn meet(&self, origin: &Origin, connection: &Connection) {
        if let Connection::Http2(http2) = connection
            && !self.0.idle_timeout.is_zero()
        {
            let shareable = Shareable {
                http2: http2.clone(),
                used: Instant::now(),
            };
            self.keep(origin, |of_origin| of_origin.http2 = Some(shareable));
        }
    }

    /// Gives a connection back, now that the reply is complete. One that the
    /// server closes, or that still sends a request, is not kept.
    ///
    /// `keep` is how long the server says that it keeps it, if it does.
    pub(super) fn give_back(&self, origin: &Origin, mut http1: Http1, keep: Option<Duration>) {
        let idle_timeout = self.0.idle_timeout;
        let keep = keep.map_or(idle_timeout, |keep| keep.min(idle_timeout));
        if keep.is_zero() || !http1.is_ready() {
            return;
        }
        let idle = Idle {
            http1,
            until: Instant::now() + keep,
        };
        self.keep(origin, |of_origin| of_origin.keep(idle));
    }

    fn keep(&self, origin: &Origin, add: impl FnOnce(&mut OfOrigin)) {
        let mut kept = self.lock();
        // The name is only copied where it is new.
        match kept.by_origin.get_mut(origin) {
            Some(of_origin) => add(of_origin),
            None => add(kept.by_origin.entry(origin.clone()).or_default()),
        }
        self.sweep_later(&mut kept);
    }

    /// Waits for the turn to connect to `origin`, which may speak HTTP/2: others
    /// may have a connection to share, or to give back, first. `lock` gives the
    /// permission to connect.
    ///
    /// # Errors
    ///
    /// That of `lock`.
    pub(super) async fn turn(
        &self,
        origin: &Origin,
        lock: impl Fn() -> Result<Option<ConnectLock>, Failure>,
    ) -> Result<Turn, Failure> {
        let Some(mut place) = self.0.turns.queue_up(origin, &self.0.known) else {
            return Ok(Turn::Connect(None, lock()?));
        };
        Ok(match place.turn(|| self.take(origin), lock).await? {
            Go::Share(shared) => Turn::Share(shared),
            Go::Connect(lock) => Turn::Connect(Some(place), lock),
        })
    }

    /// A connection to `origin` that others use as well.
    pub(super) fn share(&self, origin: &Origin) -> Option<Connection> {
        self.lock().by_origin.get_mut(origin)?.share()
    }

    /// Sees to it that what is kept is closed in time. There is one sweeper
    /// while anything is kept, and none otherwise; it does not keep the pool
    /// alive.
    fn sweep_later(&self, kept: &mut Kept) {
        if std::mem::replace(&mut kept.sweeping, true) {
            return;
        }
        let pool = Arc::downgrade(&self.0);
        let pause = (self.0.idle_timeout / 2).max(SHORTEST_PAUSE);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(pause).await;
                let Some(pool) = pool.upgrade().map(Pool) else {
                    return;
                };
                let mut kept = pool.lock();
                kept.by_origin
                    .retain(|_, of_origin| of_origin.sweep(pool.0.idle_timeout));
                if kept.by_origin.is_empty() {
                    kept.sweeping = false;
                    return;
                }
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.kept.lock()
    }
}

impl OfOrigin {
    fn keep(&mut self, idle: Idle) {
        if self.idle.len() < KEPT_PER_ORIGIN {
            self.idle.push(idle);
        }
    }

    fn share(&mut self) -> Option<Connection> {
        let shareable = self.http2.as_mut()?;
        if !shareable.http2.is_ready() {
            self.http2 = None;
            return None;
        }
        shareable.used = Instant::now();
        Some(Connection::Http2(shareable.http2.clone()))
    }

    /// Closes what is dead or old; false if nothing is left.
    fn sweep(&mut self, idle_timeout: Duration) -> bool {
        self.idle
            .retain_mut(|idle| Instant::now() < idle.until && idle.http1.is_ready());
        self.http2
            .take_if(|it| it.http2.is_closed() || it.used.elapsed() >= idle_timeout);
        !self.idle.is_empty() || self.http2.is_some()
    }
}
