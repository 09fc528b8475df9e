//! Where the sessions are kept that may be resumed: as rustls does it, but for the tickets of
//! TLS 1.3. A ticket is used once, and of these rustls keeps eight for a server, so that where
//! many connections end at a time all but eight of the next ones are full handshakes.

use parking_lot::Mutex;
use rustls::{
    NamedGroup,
    client::{
        ClientSessionMemoryCache, ClientSessionStore, Tls12ClientSessionValue,
        Tls13ClientSessionValue,
    },
    pki_types::ServerName,
};
use std::{collections::VecDeque, fmt};

/// Tickets in all, and of one server. A server may send any number.
const MOST: usize = 256;
const MOST_OF_SERVER: usize = 64;

/// Sessions of one tenant.
pub(super) struct Tickets {
    others: ClientSessionMemoryCache,
    /// The oldest is first.
    kept: Mutex<VecDeque<(ServerName<'static>, Tls13ClientSessionValue)>>,
}

impl Tickets {
    pub(super) fn none() -> Self {
        Self {
            others: ClientSessionMemoryCache::new(MOST),
            kept: Mutex::default(),
        }
    }
}

impl ClientSessionStore for Tickets {
    fn insert_tls13_ticket(&self, server: ServerName<'static>, ticket: Tls13ClientSessionValue) {
        let mut kept = self.kept.lock();
        let of_server = kept.iter().filter(|(it, _)| *it == server).count();
        if of_server >= MOST_OF_SERVER
            && let Some(oldest) = kept.iter().position(|(it, _)| *it == server)
        {
            kept.remove(oldest);
        }
        if kept.len() >= MOST {
            kept.pop_front();
        }
        kept.push_back((server, ticket));
    }

    /// The newest, which lasts longest.
    fn take_tls13_ticket(&self, server: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        let mut kept = self.kept.lock();
        let newest = kept.iter().rposition(|(it, _)| it == server)?;
        kept.remove(newest).map(|(_, ticket)| ticket)
    }

    fn set_tls12_session(&self, server: ServerName<'static>, session: Tls12ClientSessionValue) {
        self.others.set_tls12_session(server, session);
    }

    fn tls12_session(&self, server: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.others.tls12_session(server)
    }

    fn remove_tls12_session(&self, server: &ServerName<'static>) {
        self.others.remove_tls12_session(server);
    }

    fn set_kx_hint(&self, server: ServerName<'static>, group: NamedGroup) {
        self.others.set_kx_hint(server, group);
    }

    fn kx_hint(&self, server: &ServerName<'_>) -> Option<NamedGroup> {
        self.others.kx_hint(server)
    }
}

/// Whoever has a ticket can go on with its session.
impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tickets")
            .field(&self.kept.lock().len())
            .finish()
    }
}
