//! The TLS policy of a host: whom it trusts, and what it checks.

mod identity;

use crate::{
    call::{
        failure::{Cause, Failure},
        origin::Origin,
    },
    config::{ClientDomain, Config, ConfigError, HttpVersion, ServerPattern},
};
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor, verify_server_name,
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
    server::ParsedCertificate,
    sign::SingleCertAndKey,
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
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
            ..config.clone()
        })?;
        Ok(Self { identity, ..policy })
    }

    /// The configuration for new connections.
    pub(super) async fn client(&self) -> Result<Arc<ClientConfig>, Failure> {
        self.client
            .get_or_try_init(|| async {
                let system = if self.verify_peer && self.trust_system {
                    tokio::task::spawn_blocking(system_roots)
                        .await
                        .map_err(|error| {
                            Failure::new(Cause::Tls, error.to_string()).because(error)
                        })?
                } else {
                    RootCertStore::empty()
                };
                self.build(system)
            })
            .await
            .cloned()
    }

    fn build(&self, mut roots: RootCertStore) -> Result<Arc<ClientConfig>, Failure> {
        roots.add_parsable_certificates(self.added_roots.iter().cloned());
        let provider = provider();
        let verifier = Verifier {
            roots,
            verify_peer: self.verify_peer,
            verify_host: self.verify_host,
            provider: provider.clone(),
        };
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
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

/// The roots that the system trusts, or those that Mozilla does where the
/// system says nothing, as in a container without certificates.
fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        tracing::warn!(%error, "a part of the system's trust store can't be read");
    }
    let (added, ignored) = roots.add_parsable_certificates(system.certs);
    tracing::debug!(added, ignored, "read the system's trust store");
    if roots.is_empty() {
        tracing::info!("the system trusts nobody; the roots bundled from Mozilla are used");
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}

/// All certificates in a PEM file, or in the files of a directory whatever they
/// are called.
fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let refused = |what: String| {
        ConfigError::new(format!(
            "ssl-capath {}: {what}; it is a PEM file with CERTIFICATE blocks, or a directory of such files",
            path.display()
        ))
    };
    let metadata = std::fs::metadata(path).map_err(|error| refused(error.to_string()))?;
    let files: Vec<PathBuf> = if metadata.is_dir() {
        let entries = std::fs::read_dir(path).map_err(|error| refused(error.to_string()))?;
        let mut files = Vec::new();
        for entry in entries {
            let file = entry.map_err(|error| refused(error.to_string()))?.path();
            if file.is_file() {
                files.push(file);
            }
        }
        files
    } else {
        vec![path.to_owned()]
    };
    let mut certificates = Vec::new();
    for file in files {
        let pem = std::fs::read(&file)
            .map_err(|error| refused(format!("{} can't be read: {error}", file.display())))?;
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate
                .map_err(|error| refused(format!("{} is not PEM: {error}", file.display())))?;
            // A hashed directory holds each certificate under several names.
            if !certificates.contains(&certificate) {
                certificates.push(certificate);
            }
        }
    }
    let (usable, _) =
        RootCertStore::empty().add_parsable_certificates(certificates.iter().cloned());
    if usable == 0 {
        return Err(refused("no certificate in it".to_owned()));
    }
    Ok(certificates)
}

/// Checks a server's certificate by the two switches, which are independent as
/// those of libcurl are. That the server holds the certificate's key is checked
/// always.
#[derive(Debug)]
struct Verifier {
    roots: RootCertStore,
    verify_peer: bool,
    verify_host: bool,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.verify_peer {
            verify_server_cert_signed_by_trust_anchor(
                &ParsedCertificate::try_from(end_entity)?,
                &self.roots,
                intermediates,
                now,
                self.provider.signature_verification_algorithms.all,
            )?;
        }
        if self.verify_host {
            verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
