//! The TLS policy of a host: whom it trusts, and what it checks.

mod certificate;
pub(super) mod errors;
mod identity;
mod trust_store;
mod verifier;

use self::{
    trust_store::{TrustStore, read_certificates},
    verifier::Verifier,
};
use crate::{
    call::{
        failure::{Cause, Failure},
        origin::Origin,
    },
    config::{ClientDomain, Config, ConfigError, HttpVersion, ServerPattern, TlsVersion},
};
use rustls::{
    ClientConfig, SupportedProtocolVersion,
    crypto::CryptoProvider,
    pki_types::CertificateDer,
    sign::SingleCertAndKey,
    version::{TLS12, TLS13},
};
use std::sync::Arc;
use tokio::sync::OnceCell;

/// The policies of a host: that of each client domain, and that for the rest.
///
/// Which one an origin has never changes, so that a connection which is kept for
/// an origin is never used under another policy than it was made under.
#[derive(Debug)]
pub(super) struct TlsPolicies {
    domains: Vec<(ServerPattern, TlsPolicy)>,
    rest: TlsPolicy,
}

impl TlsPolicies {
    /// The policies of `config`.
    ///
    /// # Errors
    ///
    /// A file that one of them names can't be read, or is not what it should be.
    pub(super) fn new(config: &Config) -> Result<Self, ConfigError> {
        let domains = config.client_domains.iter().map(|domain| {
            let servers = &domain.servers;
            let policy = TlsPolicy::of_domain(config, domain)
                .map_err(|error| error.of(&format!("client-domains, {servers}")))?;
            Ok((servers.clone(), policy))
        });
        Ok(Self {
            domains: domains.collect::<Result<_, _>>()?,
            rest: TlsPolicy::new(config)?,
        })
    }

    /// The policy towards `origin`.
    pub(super) fn of(&self, origin: &Origin) -> &TlsPolicy {
        self.domains
            .iter()
            .find(|(servers, _)| servers.matches(&origin.host, origin.port))
            .map_or(&self.rest, |(_, policy)| policy)
    }
}

/// A policy, and the client configuration that it becomes when TLS is first
/// spoken: reading the system's trust store takes milliseconds, which a host
/// that speaks no TLS need not spend.
#[derive(Debug)]
pub(super) struct TlsPolicy {
    verify_peer: bool,
    verify_host: bool,
    /// The system's own authorities are trusted, too.
    trust_system: bool,
    min_version: TlsVersion,
    version: HttpVersion,
    /// Read when the host is made, so that one that can't be is known then, as
    /// is the identity.
    added_roots: Vec<CertificateDer<'static>>,
    identity: Option<Arc<SingleCertAndKey>>,
    client: OnceCell<Arc<ClientConfig>>,
}

impl TlsPolicy {
    fn new(config: &Config) -> Result<Self, ConfigError> {
        if config.ca_only && config.ssl_capath.is_none() {
            return Err(ConfigError::new(
                "ca-only is set without ssl-capath, so that nobody would be trusted; name the authorities there",
            ));
        }
        let added_roots = match &config.ssl_capath {
            Some(path) => read_certificates(path)?,
            None => Vec::new(),
        };
        Ok(Self {
            verify_peer: config.ssl_verifypeer,
            verify_host: config.ssl_verifyhost,
            trust_system: !config.ca_only,
            min_version: config.tls_min_version,
            version: config.http_version,
            added_roots,
            identity: None,
            client: OnceCell::new(),
        })
    }

    fn of_domain(config: &Config, domain: &ClientDomain) -> Result<Self, ConfigError> {
        let identity = match (&domain.certificate, &domain.key) {
            (Some(certificate), key) => {
                let key = identity::read(certificate, key.as_deref(), &provider())?;
                Some(Arc::new(SingleCertAndKey::from(key)))
            }
            (None, Some(_)) => {
                return Err(ConfigError::new(
                    "there is a key and no certificate; name the certificate of this key",
                ));
            }
            (None, None) => None,
        };
        let policy = Self::new(&Config {
            ssl_capath: domain.ssl_capath.clone().or(config.ssl_capath.clone()),
            ca_only: domain.ca_only.unwrap_or(config.ca_only),
            ssl_verifypeer: domain.ssl_verifypeer.unwrap_or(config.ssl_verifypeer),
            ssl_verifyhost: domain.ssl_verifyhost.unwrap_or(config.ssl_verifyhost),
            tls_min_version: domain.tls_min_version.unwrap_or(config.tls_min_version),
            ..config.clone()
        })?;
        Ok(Self { identity, ..policy })
    }

    /// The configuration for new connections.
    pub(super) async fn client(&self) -> Result<Arc<ClientConfig>, Failure> {
        self.client
            .get_or_try_init(|| async {
                let system = if self.verify_peer && self.trust_system {
                    tokio::task::spawn_blocking(TrustStore::of_system)
                        .await
                        .map_err(|error| {
                            Failure::new(Cause::Tls, error.to_string()).because(error)
                        })?
                } else {
                    TrustStore::empty()
                };
                self.build(system)
            })
            .await
            .cloned()
    }

    fn build(&self, mut trusted: TrustStore) -> Result<Arc<ClientConfig>, Failure> {
        trusted.add(&self.added_roots);
        let provider = provider();
        let verifier = Verifier {
            trusted,
            verify_peer: self.verify_peer,
            verify_host: self.verify_host,
            provider: provider.clone(),
        };
        let versions: &[&SupportedProtocolVersion] = match self.min_version {
            TlsVersion::Tls12 => &[&TLS13, &TLS12],
            TlsVersion::Tls13 => &[&TLS13],
        };
        let client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .map_err(|error| {
                Failure::new(Cause::Tls, format!("TLS can't be set up: {error}")).because(error)
            })?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut client = match &self.identity {
            Some(identity) => client.with_client_cert_resolver(identity.clone()),
            None => client.with_no_client_auth(),
        };
        client.alpn_protocols = self.version.alpn();
        Ok(Arc::new(client))
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
