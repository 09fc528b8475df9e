//! The sessions of TLS that a tenant may resume. A server that knows a session again
//! knows who began it: no other tenant ever shows it.

use super::{policy::Trust, tickets::Tickets};
use parking_lot::Mutex;
use rustls::{ClientConfig, client::Resumption};
use std::{fmt, sync::Arc};

/// Those of one tenant, apart for each policy of TLS.
#[derive(Default)]
pub(in crate::transport) struct TlsSessions(Mutex<Vec<(Trust, Arc<ClientConfig>)>>);

impl TlsSessions {
    /// `client` with the sessions of this tenant. They are forgotten when what the
    /// policy goes by has changed since they were begun.
    pub(in crate::transport) fn of(
        &self,
        client: Arc<ClientConfig>,
        trust: &Trust,
    ) -> Arc<ClientConfig> {
        let mut known = self.0.lock();
        if let Some((then, client)) = known.iter().find(|(then, _)| then.is_of_same_policy(trust))
            && then.is_same(trust)
        {
            return client.clone();
        }
        known.retain(|(then, _)| !then.is_of_same_policy(trust));
        let mut own = ClientConfig::clone(&client);
        own.resumption = Resumption::store(Arc::new(Tickets::none()));
        let own = Arc::new(own);
        known.push((trust.clone(), own.clone()));
        own
    }
}

impl fmt::Debug for TlsSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TlsSessions")
            .field(&self.0.lock().len())
            .finish()
    }
}
