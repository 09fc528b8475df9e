//! The same TLS for every contender that accepts a configuration.

use crate::server::Addresses;
use anyhow::Result;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use std::sync::Arc;

/// Trusts the authority of the server, and no other.
pub(crate) fn client(addresses: &Addresses) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&addresses.authority)?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// The same for a client that speaks HTTP/2 where the server does (RFC 7301).
pub(crate) fn http2_client(addresses: &Addresses) -> Result<ClientConfig> {
    let mut config = client(addresses)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
