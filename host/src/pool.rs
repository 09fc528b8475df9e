//! Connections that are kept for the next request.
//!
//! A pool belongs to one instance unless the operator shares it, so that no
//! tenant's request ever travels on a connection that another one's credentials
//! opened.

use crate::{connect::Connection, origin::Origin};
use hyper::client::conn::{http1, http2};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};
use tokio::time::Instant;
use wasmtime_wasi_http::WasiBody;

/// Idle connections of one origin; one more is closed.
const KEPT_PER_ORIGIN: usize = 128;

/// Between two looks at what is kept.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);

/// Kept connections, by origin. Clones are the same pool.
#[derive(Debug, Clone)]
pub(crate) struct Pool(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    idle_timeout: Duration,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    by_origin: HashMap<Origin, OfOrigin>,
    sweeping: bool,
}

#[derive(Debug, Default)]
struct OfOrigin {
    /// The one used last is at the end.
    idle: Vec<Idle>,
    /// Multiplexed, so it is never taken out.
    http2: Option<(http2::SendRequest<WasiBody>, Instant)>,
}

#[derive(Debug)]
struct Idle {
    sender: http1::SendRequest<WasiBody>,
    since: Instant,
}

impl Pool {
    /// An empty pool, which keeps a connection for `idle_timeout` without use.
    pub(crate) fn new(idle_timeout: Duration) -> Self {
        Self(Arc::new(Shared {
            idle_timeout,
            kept: Mutex::default(),
        }))
    }

    /// A kept connection to `origin` that is alive as far as one can know.
    pub(crate) fn take(&self, origin: &Origin) -> Option<Connection> {
        let mut kept = self.lock();
        let of_origin = kept.by_origin.get_mut(origin)?;
        if let Some((sender, used)) = &mut of_origin.http2 {
            if sender.is_ready() {
                *used = Instant::now();
                return Some(Connection::Http2(sender.clone()));
            }
            of_origin.http2 = None;
        }
        while let Some(Idle { sender, since }) = of_origin.idle.pop() {
            if sender.is_ready() && since.elapsed() < self.0.idle_timeout {
                return Some(Connection::Http1(sender));
            }
        }
        None
    }

    /// Keeps a connection of HTTP/2, which serves further requests at once.
    pub(crate) fn share(&self, origin: &Origin, sender: http2::SendRequest<WasiBody>) {
        if self.0.idle_timeout.is_zero() {
            return;
        }
        let mut kept = self.lock();
        kept.by_origin.entry(origin.clone()).or_default().http2 = Some((sender, Instant::now()));
        self.sweep_later(&mut kept);
    }

    /// The right to give a connection of HTTP/1 back once its reply is complete.
    pub(crate) fn lease(&self, origin: Origin, sender: http1::SendRequest<WasiBody>) -> Lease {
        Lease {
            pool: Arc::downgrade(&self.0),
            origin,
            sender,
        }
    }

    fn keep(&self, origin: Origin, sender: http1::SendRequest<WasiBody>) {
        if self.0.idle_timeout.is_zero() {
            return;
        }
        let mut kept = self.lock();
        let idle = &mut kept.by_origin.entry(origin).or_default().idle;
        if idle.len() < KEPT_PER_ORIGIN {
            idle.push(Idle {
                sender,
                since: Instant::now(),
            });
        }
        self.sweep_later(&mut kept);
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
        // Nothing is left half done when a thread panics here.
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OfOrigin {
    /// Drops what is dead or old; false if nothing is left.
    fn sweep(&mut self, idle_timeout: Duration) -> bool {
        self.idle
            .retain(|idle| idle.sender.is_ready() && idle.since.elapsed() < idle_timeout);
        self.http2
            .take_if(|(sender, used)| sender.is_closed() || used.elapsed() >= idle_timeout);
        !self.idle.is_empty() || self.http2.is_some()
    }
}

/// A connection of HTTP/1 in use. Dropped, it is closed.
#[derive(Debug)]
pub(crate) struct Lease {
    pool: Weak<Shared>,
    origin: Origin,
    sender: http1::SendRequest<WasiBody>,
}

impl Lease {
    /// Gives the connection back, now that the reply is complete. One that the
    /// server closes, or that still sends a request, is not kept.
    pub(crate) fn give_back(mut self) {
        if self.sender.is_ready() {
            self.keep();
        } else if !self.sender.is_closed() {
            // hyper still has to see the end of the message, which it does as
            // soon as its task runs.
            tokio::spawn(async move {
                if self.sender.ready().await.is_ok() {
                    self.keep();
                }
            });
        }
    }

    fn keep(self) {
        if let Some(pool) = self.pool.upgrade() {
            Pool(pool).keep(self.origin, self.sender);
        }
    }
}
