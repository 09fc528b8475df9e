//! A certificate authority of the tests' own, and what it signs.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{NoClientAuth, WebPkiClientVerifier, danger::ClientCertVerifier},
};
use std::{io::Write as _, sync::Arc};
use tempfile::NamedTempFile;

/// A certificate authority.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// When a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// Now.
    Good,
    /// Until a day that is past.
    Expired,
    /// From a day that is to come.
    NotYet,
}

impl Authority {
    /// An authority called `name`, with a key of its own.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// Its certificate.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Its certificate, in a file that is gone when the result is dropped.
    #[must_use]
    pub fn file(&self) -> NamedTempFile {
        let mut file = NamedTempFile::new().expect("a file");
        file.write_all(self.pem.as_bytes()).expect("room for it");
        file
    }

    /// A server's certificate for `names`, which are DNS names or addresses.
    /// With none, there is no subject alternative name.
    #[must_use]
    pub fn issue(&self, names: &[&str], validity: Validity) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let certificate = server_params(names, validity)
            .signed_by(&key, &self.issuer)
            .expect("a certificate");
        Identity {
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
        }
    }

    /// A client's certificate.
    #[must_use]
    pub fn issue_client(&self, name: &str) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        Identity {
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
        }
    }

    /// Takes clients that show a certificate of this authority, and no others.
    fn client_verifier(&self) -> Arc<dyn ClientCertVerifier> {
        let mut roots = RootCertStore::empty();
        let own = CertificateDer::from_pem_slice(self.pem.as_bytes()).expect("PEM");
        roots.add(own).expect("a certificate");
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
            .build()
            .expect("a verifier")
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn server_params(names: &[&str], validity: Validity) -> CertificateParams {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).expect("names");
    params
        .distinguished_name
        .push(DnType::CommonName, "localhost");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    match validity {
        Validity::Good => {}
        Validity::Expired => params.not_after = date_time_ymd(2001, 1, 1),
        Validity::NotYet => params.not_before = date_time_ymd(4000, 1, 1),
    }
    params
}

/// A certificate with its key.
pub struct Identity {
    /// The certificate.
    pub certificate_pem: String,
    /// Its key.
    pub key_pem: String,
}

impl Identity {
    /// A certificate that signs itself.
    #[must_use]
    pub fn self_signed(names: &[&str]) -> Self {
        Self::signing_itself(&server_params(names, Validity::Good))
    }

    fn signing_itself(params: &CertificateParams) -> Self {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        Self {
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
        }
    }

    /// A certificate that signs itself and may sign others, as the openssl command
    /// makes one.
    #[must_use]
    pub fn self_signed_authority(names: &[&str]) -> Self {
        let mut params = server_params(names, Validity::Good);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self::signing_itself(&params)
    }

    /// What a server needs to show it.
    #[must_use]
    pub fn server_config(&self) -> Arc<ServerConfig> {
        self.config(Arc::new(NoClientAuth))
    }

    /// As [`server_config`](Self::server_config), for clients that show a
    /// certificate of `authority`.
    #[must_use]
    pub fn mutual_config(&self, authority: &Authority) -> Arc<ServerConfig> {
        self.config(authority.client_verifier())
    }

    fn config(&self, clients: Arc<dyn ClientCertVerifier>) -> Arc<ServerConfig> {
        let certificate =
            CertificateDer::from_pem_slice(self.certificate_pem.as_bytes()).expect("PEM");
        let key = PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes()).expect("PEM");
        Arc::new(
            ServerConfig::builder_with_provider(provider())
                .with_safe_default_protocol_versions()
                .expect("versions of TLS")
                .with_client_cert_verifier(clients)
                .with_single_cert(vec![certificate], key)
                .expect("a certificate with its key"),
        )
    }
}
