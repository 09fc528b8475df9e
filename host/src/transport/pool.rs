//! Connections that are kept for the next request.
//!
//! A pool belongs to one instance unless the operator shares it, so that no
//! tenant's request ever travels on a connection that another one's credentials
//! opened.

use super::{
    connect_lock::ConnectLock,
    connection::{Connection, Http1, Http2},
    descriptors,
    habit::Habit,
    idle_budget::{self, Counted, IdleBudget, Keeper},
    known_servers::KnownServers,
    policy::Peer,
    tls::TlsSessions,
    turn::{Go, Place, Turns},
};
use crate::{
    call::{failure::Failure, origin::Origin},
    config::Config,
};
use parking_lot::{Mutex, MutexGuard};
use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep_until},
};

/// Between two looks at what is kept.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);

/// Connections that are given up together where nothing more can be opened: some
/// for the one who met that, and for others at the same time.
const ROOM: usize = 16;

/// What the pools of a host have in common.
pub(crate) struct Pools {
    idle_timeout: Duration,
    /// Connections that one pool keeps without use.
    most: usize,
    budget: Arc<IdleBudget>,
}

impl Pools {
    /// Pools that keep connections within the bounds of `config`.
    pub(crate) fn new(config: &Config) -> Self {
        let total = config
            .max_total_idle_connections
            .map_or_else(descriptors::half, |total| total as usize);
        let most = match config.share_connections {
            true => total,
            // What one leaves is for all others.
            false => total.div_ceil(2),
        };
        Self {
            idle_timeout: config.idle_timeout,
            most: most.min(config.max_idle_connections as usize),
            budget: Arc::new(IdleBudget::new(total)),
        }
    }

    /// An empty pool.
    pub(crate) fn pool(&self) -> Pool {
        Pool(Arc::new_cyclic(|shared: &Weak<Shared>| Shared {
            idle_timeout: self.idle_timeout,
            most: self.most,
            id: self.budget.add(shared.clone()),
            budget: self.budget.clone(),
            count: Arc::default(),
            kept: Mutex::default(),
            turns: Arc::default(),
            known: Arc::default(),
            tls_sessions: TlsSessions::default(),
        }))
    }
}

/// Kept connections, by origin. Clones are the same pool.
#[derive(Clone)]
pub(crate) struct Pool(Arc<Shared>);

struct Shared {
    idle_timeout: Duration,
    /// Connections without use.
    most: usize,
    /// As the budget knows it.
    id: u64,
    budget: Arc<IdleBudget>,
    count: Arc<AtomicUsize>,
    kept: Mutex<Kept>,
    turns: Arc<Turns>,
    known: Arc<KnownServers>,
    tls_sessions: TlsSessions,
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
    /// Empty where nothing is kept.
    sweeper: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct OfOrigin {
    /// The one used last is at the end.
    idle: VecDeque<Idle>,
    /// Multiplexed, so they are never taken out. There is one, unless the policy
    /// sends some requests elsewhere than others.
    http2: Vec<Shareable>,
    habit: Habit,
}

struct Idle {
    http1: Box<Http1>,
    /// Since when it is kept.
    since: Instant,
    /// For how long it may be used again.
    until: Instant,
    _counted: Counted,
}

/// One that is not safe to use yet. Whoever waits for that may be dropped meanwhile:
/// then it goes back to the others.
struct OnProbation<'a> {
    pool: &'a Pool,
    origin: &'a Origin,
    /// Empty once it is taken.
    idle: Option<Idle>,
    safe: Instant,
}

/// It may be in use: nobody says when it no longer is.
struct Shareable {
    http2: Http2,
    used: Instant,
    _counted: Counted,
}

impl Pool {
    /// A kept connection to `origin` that is alive as far as one can know, and whose
    /// other end is one of those that `admits` lets through. Where
    /// the request must not be lost, it is one that the server keeps as far as it
    /// has shown: there may be a moment to wait for that.
    pub(super) async fn take(
        &self,
        origin: &Origin,
        not_to_be_lost: bool,
        admits: impl Fn(&Peer) -> bool,
    ) -> Option<Connection> {
        if let Some(connection) = self.take_at_once(origin, not_to_be_lost, &admits) {
            return Some(connection);
        }
        if !not_to_be_lost {
            return None;
        }
        while let Some(on_probation) = self.take_on_probation(origin, &admits) {
            let mut idle = on_probation.passed().await?;
            if idle.http1.is_ready() {
                return Some(Connection::Http1(idle.http1));
            }
            if idle.http1.has_ended() {
                self.was_lost(origin, idle.since);
            }
        }
        None
    }

    fn take_at_once(
        &self,
        origin: &Origin,
        not_to_be_lost: bool,
        admits: impl Fn(&Peer) -> bool,
    ) -> Option<Connection> {
        let mut kept = self.lock();
        let of_origin = kept.by_origin.get_mut(origin)?;
        if let Some(shared) = of_origin.share(&admits) {
            return Some(shared);
        }
        let habit = of_origin.habit;
        let now = Instant::now();
        let is_safe = |idle: &Idle| {
            let safe = habit.safe_from(idle.since, now);
            !not_to_be_lost || safe.is_some_and(|safe| safe <= now)
        };
        let may_serve = |idle: &Idle| admits(idle.http1.peer()) && is_safe(idle);
        while let Some(index) = of_origin.idle.iter().rposition(may_serve) {
            let mut idle = of_origin.idle.remove(index)?;
            if now < idle.until {
                if idle.http1.is_ready() {
                    return Some(Connection::Http1(idle.http1));
                }
                if idle.http1.has_ended() {
                    of_origin.habit.ended(now - idle.since, now);
                }
            }
        }
        None
    }

    /// The connection that is safe to use and was used last, or else the one that
    /// will be safe first, and when it is.
    fn take_on_probation<'a>(
        &'a self,
        origin: &'a Origin,
        admits: impl Fn(&Peer) -> bool,
    ) -> Option<OnProbation<'a>> {
        let mut kept = self.lock();
        let OfOrigin { idle, habit, .. } = kept.by_origin.get_mut(origin)?;
        let now = Instant::now();
        let safe = |it: &Idle| {
            habit
                .safe_from(it.since, now)
                .filter(|safe| *safe < it.until)
        };
        idle.retain(|it| now < it.until);
        let may_serve = |it: &Idle| admits(it.http1.peer());
        let is_safe = |it: &Idle| may_serve(it) && safe(it).is_some_and(|safe| safe <= now);
        let index = idle.iter().rposition(is_safe);
        let index = index.or_else(|| idle.iter().position(may_serve))?;
        let safe = safe(idle.get(index)?)?;
        Some(OnProbation {
            pool: self,
            origin,
            idle: idle.remove(index),
            safe,
        })
    }

    /// A connection to `origin` that was kept `since` has ended when it was to be
    /// used, or under the request.
    pub(super) fn was_lost(&self, origin: &Origin, since: Instant) {
        let now = Instant::now();
        let mut kept = self.lock();
        let of_origin = kept.by_origin.entry(origin.clone()).or_default();
        of_origin.habit.ended(now - since, now);
        self.sweep_later(&mut kept);
    }

    /// Gives up a connection of HTTP/2: no further request goes over it.
    pub(super) fn forget(&self, origin: &Origin, http2: &Http2) {
        if let Some(of_origin) = self.lock().by_origin.get_mut(origin) {
            of_origin.http2.retain(|it| !it.http2.is_same(http2));
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
                _counted: self.0.budget.count(&self.0.count),
            };
            self.keep(origin, |of_origin| {
                of_origin.http2.retain(|it| it.http2.is_ready());
                of_origin.http2.push(shareable);
            });
        }
    }

    /// Gives a connection back, now that the reply is complete. One that the
    /// server closes, or that still sends a request, is not kept.
    ///
    /// `keep` is how long the server says that it keeps it, if it does.
    pub(super) fn give_back(&self, origin: &Origin, mut http1: Box<Http1>, keep: Option<Duration>) {
        let idle_timeout = self.0.idle_timeout;
        let keep = keep.map_or(idle_timeout, |keep| keep.min(idle_timeout));
        if keep.is_zero() || !http1.is_idle() {
            return;
        }
        let now = Instant::now();
        http1.keep(now);
        let idle = Idle {
            http1,
            since: now,
            until: now + keep,
            _counted: self.0.budget.count(&self.0.count),
        };
        self.keep(origin, |of_origin| {
            if idle.http1.has_served_several() {
                of_origin.habit.served_again();
            }
            of_origin.idle.push_back(idle);
        });
    }

    /// Keeps one more, and closes what is too much then.
    fn keep(&self, origin: &Origin, add: impl FnOnce(&mut OfOrigin)) {
        let mut kept = self.lock();
        // The name is only copied where it is new.
        match kept.by_origin.get_mut(origin) {
            Some(of_origin) => add(of_origin),
            None => add(kept.by_origin.entry(origin.clone()).or_default()),
        }
        self.sweep_later(&mut kept);
        drop(kept);
        let excess = idle_budget::excess(self.0.count.load(Ordering::Relaxed), self.0.most);
        if excess > 0 {
            self.close_oldest(excess);
        }
        self.0.budget.enforce();
    }

    /// Closes connections without use since nothing more can be opened: those of
    /// this pool, and those of others where it has too few. False if there were
    /// none.
    pub(super) fn make_room(&self) -> bool {
        let mut closed = self.close_oldest(ROOM);
        if closed < ROOM {
            closed += self.0.budget.close_oldest(ROOM - closed);
        }
        tracing::debug!(
            closed,
            "no further socket can be opened, connections without use are closed"
        );
        closed > 0
    }

    fn close_oldest(&self, count: usize) -> usize {
        let mut ages = Vec::new();
        self.0.ages(&mut ages);
        idle_budget::oldest(&mut ages, count).map_or(0, |then| self.0.close(then))
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
        not_to_be_lost: bool,
        admits: impl Fn(&Peer) -> bool,
        lock: impl Fn() -> Result<Option<ConnectLock>, Failure>,
    ) -> Result<Turn, Failure> {
        let Some(mut place) = self.0.turns.queue_up(origin, &self.0.known) else {
            return Ok(Turn::Connect(None, lock()?));
        };
        let take = || self.take_at_once(origin, not_to_be_lost, &admits);
        Ok(match place.turn(take, lock).await? {
            Go::Share(shared) => Turn::Share(shared),
            Go::Connect(lock) => Turn::Connect(Some(place), lock),
        })
    }

    /// A connection to `origin` that others use as well.
    pub(super) fn share(
        &self,
        origin: &Origin,
        admits: impl Fn(&Peer) -> bool,
    ) -> Option<Connection> {
        self.lock().by_origin.get_mut(origin)?.share(admits)
    }

    /// Sees to it that what is kept is closed in time. There is one sweeper
    /// while anything is kept, and none otherwise; it does not keep the pool
    /// alive. It ends with its runtime, too, which may be another than the next caller's.
    fn sweep_later(&self, kept: &mut Kept) {
        let sweeper = kept.sweeper.as_ref();
        if sweeper.is_some_and(|it| !it.is_finished()) {
            return;
        }
        let pool = Arc::downgrade(&self.0);
        let pause = (self.0.idle_timeout / 2).max(SHORTEST_PAUSE);
        kept.sweeper = Some(tokio::spawn(async move {
            loop {
                tokio::time::sleep(pause).await;
                let Some(pool) = pool.upgrade().map(Pool) else {
                    return;
                };
                let mut kept = pool.lock();
                kept.by_origin
                    .retain(|_, of_origin| of_origin.sweep(pool.0.idle_timeout));
                if kept.by_origin.is_empty() {
                    kept.sweeper = None;
                    return;
                }
            }
        }));
    }

    /// What its connections may resume.
    pub(super) fn tls_sessions(&self) -> &TlsSessions {
        &self.0.tls_sessions
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.kept.lock()
    }
}

impl Keeper for Shared {
    fn ages(&self, ages: &mut Vec<Instant>) {
        for of_origin in self.kept.lock().by_origin.values() {
            ages.extend(of_origin.idle.iter().map(|idle| idle.since));
            ages.extend(of_origin.http2.iter().map(|shareable| shareable.used));
        }
    }

    fn close(&self, then: Instant) -> usize {
        let (mut idle, mut http2) = (Vec::new(), Vec::new());
        let mut kept = self.kept.lock();
        kept.by_origin.retain(|_, of_origin| {
            while let Some(oldest) = of_origin.idle.pop_front_if(|idle| idle.since <= then) {
                idle.push(oldest);
            }
            http2.extend(of_origin.http2.extract_if(.., |it| it.used <= then));
            !of_origin.is_empty()
        });
        drop(kept);
        // They are closed here, when nobody waits for the lock.
        idle.len() + http2.len()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.budget.remove(self.id);
    }
}

impl OnProbation<'_> {
    /// Waits until it is safe to use.
    async fn passed(mut self) -> Option<Idle> {
        sleep_until(self.safe).await;
        self.idle.take()
    }
}

impl Drop for OnProbation<'_> {
    fn drop(&mut self) {
        if let Some(idle) = self.idle.take() {
            self.pool.keep(self.origin, |of_origin| {
                let kept = &mut of_origin.idle;
                let index = kept.partition_point(|it| it.since <= idle.since);
                kept.insert(index, idle);
            });
        }
    }
}

impl OfOrigin {
    fn is_empty(&self) -> bool {
        self.idle.is_empty() && self.http2.is_empty() && !self.habit.is_memorable(Instant::now())
    }

    fn share(&mut self, admits: impl Fn(&Peer) -> bool) -> Option<Connection> {
        self.http2.retain(|it| it.http2.is_ready());
        let admitted = |it: &&mut Shareable| admits(it.http2.peer());
        let shareable = self.http2.iter_mut().find(admitted)?;
        shareable.used = Instant::now();
        Some(Connection::Http2(shareable.http2.clone()))
    }

    /// Closes what is dead or old; false if nothing is left.
    fn sweep(&mut self, idle_timeout: Duration) -> bool {
        self.idle
            .retain_mut(|idle| Instant::now() < idle.until && idle.http1.is_ready());
        self.http2
            .retain(|it| !it.http2.is_closed() && it.used.elapsed() < idle_timeout);
        !self.is_empty()
    }
}
