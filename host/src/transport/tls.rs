//! The TLS policies of a host: whom it trusts, what it checks, and what it shows.
//!
//! A [`policy`] is what the configuration says for some servers. It becomes a
//! client configuration of rustls, whose [`verifier`] asks a [`trust_store`],
//! and which shows an [`identity`]. The files that both are read from are
//! watched ([`stamp`](super::stamp)): what changes is in force from the next connection on.
//!
//! Nothing asks whether a certificate was revoked: there are no lists of revoked
//! certificates and no OCSP, as with the original unless its library is told to.

mod certificate;
pub(super) mod errors;
mod files;
mod identity;
mod policy;
mod sessions;
mod tickets;
mod trust_store;
mod verifier;

pub(super) use policy::{TlsPolicy, Trust};
pub(super) use sessions::TlsSessions;

use crate::{
    call::origin::Origin,
    config::{Config, ConfigError, ServerPattern},
};
use std::sync::Arc;

/// The policies of a host: that of each client domain, and that for the rest.
///
/// Which one an origin has never changes. What its files say may; a connection
/// knows what they said when it was made ([`Trust`]), and is not used again when
/// they say something else.
#[derive(Debug)]
pub(super) struct TlsPolicies {
    domains: Vec<(ServerPattern, Arc<TlsPolicy>)>,
    rest: Arc<TlsPolicy>,
}

impl TlsPolicies {
    /// The policies of `config`.
    ///
    /// # Errors
    ///
    /// A file that one of them names can't be read, or is not what it should be.
    pub(super) fn new(config: &Config) -> Result<Self, ConfigError> {
        // What all domains take over is wrong in its own place.
        let rest = Arc::new(TlsPolicy::new(config)?);
        let domains = config
            .client_domains
            .iter()
            .enumerate()
            .map(|(index, domain)| {
                let servers = &domain.servers;
                let policy = TlsPolicy::of_domain(config, domain).map_err(|error| {
                    let error = error.of(&format!("client-domains, {servers}"));
                    error.of_element("client-domains", index)
                })?;
                Ok((servers.clone(), Arc::new(policy)))
            });
        Ok(Self {
            domains: domains.collect::<Result<_, _>>()?,
            rest,
        })
    }

    /// The policy towards `origin`.
    pub(super) fn of(&self, origin: &Origin) -> &Arc<TlsPolicy> {
        self.domains
            .iter()
            .find(|(servers, _)| servers.matches(&origin.host, origin.port))
            .map_or(&self.rest, |(_, policy)| policy)
    }
}
