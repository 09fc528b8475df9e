//! no-concurrent-connects: at most one instance connects to the same server at
//! a time, and a loser learns so at once.
//!
//! The original locks by the name of the host as it is spelled. Here the key is
//! the origin's host and port in canonical form, whatever the URL looked like,
//! and a request on a kept connection needs no lock since it does not connect.

use crate::{
    failure::{Cause, Failure},
    origin::Origin,
};
use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

/// The servers that are being connected to, by host and port.
#[derive(Debug, Clone, Default)]
pub(crate) struct ConnectLocks(Arc<Mutex<HashSet<Key>>>);

type Key = (String, u16);

impl ConnectLocks {
    /// The right to connect to `origin` until the result is dropped.
    pub(crate) fn acquire(&self, origin: &Origin) -> Result<ConnectLock, Failure> {
        let key = (origin.host.clone(), origin.port);
        if self.lock().insert(key.clone()) {
            Ok(ConnectLock {
                locks: self.clone(),
                key,
            })
        } else {
            Err(Failure::new(
                Cause::AlreadyConnecting,
                "another instance is connecting to this server, and no-concurrent-connects is set",
            ))
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<Key>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Held while connecting.
#[derive(Debug)]
pub(crate) struct ConnectLock {
    locks: ConnectLocks,
    key: Key,
}

impl Drop for ConnectLock {
    fn drop(&mut self) {
        self.locks.lock().remove(&self.key);
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
            let locks = ConnectLocks::default();
            let held = locks.acquire(&origin(one)).unwrap();
            let refused = locks.acquire(&origin(other)).unwrap_err();
            assert_eq!(refused.cause, Cause::AlreadyConnecting);
            drop(held);
            locks.acquire(&origin(other)).unwrap();
        }
    }

    #[test]
    fn other_servers_are_not_locked() {
        let locks = ConnectLocks::default();
        let _held = locks.acquire(&origin("http://h/")).unwrap();
        locks.acquire(&origin("https://h/")).unwrap();
        locks.acquire(&origin("http://h:81/")).unwrap();
        locks.acquire(&origin("http://g/")).unwrap();
    }
}
