//! no-concurrent-connects: at most one instance connects to the same server at
//! a time, and a loser learns so at once.
//!
//! The original locks by the name of the host as it is spelled. Here the key is
//! the origin's host and port in canonical form, whatever the URL looked like,
//! and a request on a kept connection needs no lock since it does not connect.

use crate::{
    call::failure::{Cause, Failure},
    call::origin::Origin,
};
use parking_lot::{Mutex, MutexGuard};
use std::{collections::HashMap, path::Path, sync::Arc, time::Duration};
use tokio::time::Instant;

/// One instance among those of a host.
pub(crate) type InstanceId = u64;

/// Who connects to which server, and who has a connection to it.
#[derive(Debug, Clone)]
pub(super) struct ConnectLocks(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// How young a live connection has to be for its instance to need no lock.
    conn_lifetime: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The instance that connects, with how many connections it makes.
    connecting: HashMap<Server, (InstanceId, usize)>,
    /// Since when there is the newest connection, and how many there are.
    connected: HashMap<(InstanceId, Server), (Instant, usize)>,
}

/// By host and port, or by the socket.
type Server = (String, u16, Option<Arc<Path>>);

impl ConnectLocks {
    pub(super) fn new(conn_lifetime: Duration) -> Self {
        Self(Arc::new(Shared {
            conn_lifetime,
            state: Mutex::default(),
        }))
    }

    /// The right of `instance` to connect to `origin`, until the result is
    /// dropped. It needs none while it has a young connection.
    pub(super) fn acquire(
        &self,
        origin: &Origin,
        instance: InstanceId,
    ) -> Result<Option<ConnectLock>, Failure> {
        let server = server(origin);
        let mut state = self.lock();
        if let Some((since, _)) = state.connected.get(&(instance, server.clone()))
            && since.elapsed() < self.0.conn_lifetime
        {
            return Ok(None);
        }
        let (holder, count) = state
            .connecting
            .entry(server.clone())
            .or_insert((instance, 0));
        if *holder != instance {
            return Err(Failure::new(
                Cause::AlreadyConnecting,
                "another instance is connecting to this server, and no-concurrent-connects is set",
            ));
        }
        *count += 1;
        Ok(Some(ConnectLock {
            locks: self.clone(),
            server,
        }))
    }

    /// Notes that `instance` has a connection to `origin`, until the result is
    /// dropped.
    pub(super) fn connected(&self, origin: &Origin, instance: InstanceId) -> LiveConnection {
        let key = (instance, server(origin));
        let now = Instant::now();
        let mut state = self.lock();
        let (newest, count) = state.connected.entry(key.clone()).or_insert((now, 0));
        *newest = now;
        *count += 1;
        drop(state);
        LiveConnection {
            locks: self.clone(),
            key,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock()
    }
}

fn server(origin: &Origin) -> Server {
    (origin.host.clone(), origin.port, origin.socket.clone())
}

/// Held while connecting.
#[derive(Debug)]
pub(super) struct ConnectLock {
    locks: ConnectLocks,
    server: Server,
}

impl Drop for ConnectLock {
    fn drop(&mut self) {
        let mut state = self.locks.lock();
        if let Some((_, count)) = state.connecting.get_mut(&self.server) {
            *count -= 1;
            if *count == 0 {
                state.connecting.remove(&self.server);
            }
        }
    }
}

/// Held as long as a connection lives.
#[derive(Debug)]
pub(super) struct LiveConnection {
    locks: ConnectLocks,
    key: (InstanceId, Server),
}

impl Drop for LiveConnection {
    fn drop(&mut self) {
        let mut state = self.locks.lock();
        if let Some((_, count)) = state.connected.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                state.connected.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(uri: &str) -> Origin {
        Origin::of(&uri.parse().unwrap()).unwrap()
    }

    #[test]
    fn every_spelling_of_a_server_maps_to_its_lock() {
        for (one, other) in [
            ("http://Example.com/", "http://example.COM:80/path"),
            ("https://example.com/", "https://example.com:443/"),
            ("http://[::1]/", "http://[::1]:80/"),
        ] {
            let locks = ConnectLocks::new(Duration::ZERO);
            let held = locks.acquire(&origin(one), 1).unwrap();
            let refused = locks.acquire(&origin(other), 2).unwrap_err();
            assert_eq!(refused.cause, Cause::AlreadyConnecting);
            drop(held);
            locks.acquire(&origin(other), 2).unwrap();
        }
    }

    #[test]
    fn other_servers_are_not_locked() {
        let locks = ConnectLocks::new(Duration::ZERO);
        let _held = locks.acquire(&origin("http://h/"), 1).unwrap();
        locks.acquire(&origin("https://h/"), 2).unwrap();
        locks.acquire(&origin("http://h:81/"), 2).unwrap();
        locks.acquire(&origin("http://g/"), 2).unwrap();
    }

    #[test]
    fn sockets_are_servers_of_their_own() {
        let at = |path: &str| Origin::of_service(&path.parse().unwrap()).unwrap();
        let locks = ConnectLocks::new(Duration::ZERO);
        let _held = locks.acquire(&at("unix:/run/a.sock"), 1).unwrap();
        locks.acquire(&at("unix:/run/b.sock"), 2).unwrap();
        locks.acquire(&origin("http://localhost/"), 2).unwrap();
        locks.acquire(&at("unix:/run/a.sock"), 2).unwrap_err();
    }

    #[test]
    fn an_instance_does_not_lock_itself_out() {
        let locks = ConnectLocks::new(Duration::ZERO);
        let origin = origin("http://h/");
        let first = locks.acquire(&origin, 1).unwrap();
        let second = locks.acquire(&origin, 1).unwrap();
        drop(first);
        locks.acquire(&origin, 2).unwrap_err();
        drop(second);
        locks.acquire(&origin, 2).unwrap();
    }

    #[test]
    fn a_young_connection_needs_no_lock_while_it_lives() {
        let locks = ConnectLocks::new(Duration::from_secs(3600));
        let origin = origin("http://h/");
        let live = locks.connected(&origin, 2);
        let held = locks.acquire(&origin, 1).unwrap();
        assert!(held.is_some());
        assert!(locks.acquire(&origin, 2).unwrap().is_none());
        drop(live);
        locks.acquire(&origin, 2).unwrap_err();
    }

    #[test]
    fn without_a_conn_lifetime_no_connection_is_young() {
        let locks = ConnectLocks::new(Duration::ZERO);
        let origin = origin("http://h/");
        let _live = locks.connected(&origin, 2);
        let _held = locks.acquire(&origin, 1).unwrap();
        locks.acquire(&origin, 2).unwrap_err();
    }
}
