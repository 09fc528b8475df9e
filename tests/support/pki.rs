//! A certificate authority of the tests' own, and what it signs.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::{
    RootCertStore, ServerConfig, SupportedProtocolVersion,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{NoClientAuth, WebPkiClientVerifier, danger::ClientCertVerifier},
    sign::{CertifiedKey, SingleCertAndKey},
    version::{TLS12, TLS13},
};
use std::{io::Write as _, sync::Arc};
use tempfile::NamedTempFile;

/// A certificate authority.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// All versions of TLS that a server of the tests speaks.
const ALL_VERSIONS: &[&SupportedProtocolVersion] = &[&TLS12, &TLS13];

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
        let params = authority_params(name, Validity::Good);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// An authority called `name` below this one.
    #[must_use]
    pub fn issue_authority(&self, name: &str, validity: Validity) -> Self {
        let params = authority_params(name, validity);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer);
        Self {
            pem: certificate.expect("a certificate").pem(),
            issuer: Issuer::new(params, key),
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

fn authority_params(name: &str, validity: Validity) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    set_validity(&mut params, validity);
    params
}

fn server_params(names: &[&str], validity: Validity) -> CertificateParams {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).expect("names");
    params
        .distinguished_name
        .push(DnType::CommonName, "localhost");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    set_validity(&mut params, validity);
    params
}

fn set_validity(params: &mut CertificateParams, validity: Validity) {
    match validity {
        Validity::Good => {}
        Validity::Expired => params.not_after = date_time_ymd(2001, 1, 1),
        Validity::NotYet => params.not_before = date_time_ymd(4000, 1, 1),
    }
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

    /// A certificate that signs itself and may sign others, as `openssl req -x509`
    /// makes one.
    #[must_use]
    pub fn self_signed_authority(names: &[&str], validity: Validity) -> Self {
        let mut params = server_params(names, validity);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.extended_key_usages.clear();
        Self::signing_itself(&params)
    }

    /// A certificate that signs itself, and is a client's.
    #[must_use]
    pub fn self_signed_client(names: &[&str]) -> Self {
        let mut params = server_params(names, Validity::Good);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        Self::signing_itself(&params)
    }

    /// A certificate of X.509 version 1, which signs itself. It names no host.
    #[must_use]
    pub fn version_1() -> Self {
        Self::parse(include_str!("certificates/version-1.pem"))
    }

    /// A certificate for `localhost` and 127.0.0.1, which signs itself, with a key
    /// of RSA that has 1024 bits. No server of the tests can use it.
    #[must_use]
    pub fn rsa_1024() -> Self {
        Self::parse(include_str!("certificates/rsa-1024.pem"))
    }

    /// A certificate for `localhost` and 127.0.0.1, signed with the key of
    /// [`rsa_1024`](Self::rsa_1024).
    #[must_use]
    pub fn below_rsa_1024() -> Self {
        Self::parse(include_str!("certificates/below-rsa-1024.pem"))
    }

    /// A certificate and its key from one file.
    fn parse(pem: &str) -> Self {
        let key = pem.find("-----BEGIN PRIVATE KEY").expect("a key");
        Self {
            certificate_pem: pem[..key].to_owned(),
            key_pem: pem[key..].to_owned(),
        }
    }

    /// The files of both, the certificate's first.
    #[must_use]
    pub fn files(&self) -> [NamedTempFile; 2] {
        [&self.certificate_pem, &self.key_pem].map(|pem| {
            let mut file = NamedTempFile::new().expect("a file");
            file.write_all(pem.as_bytes()).expect("room for it");
            file
        })
    }

    /// This one, with `certificates` behind it in the list that a server shows.
    #[must_use]
    pub fn followed_by<'a>(&self, certificates: impl IntoIterator<Item = &'a str>) -> Self {
        let mut certificate_pem = self.certificate_pem.clone();
        certificate_pem.extend(certificates);
        Self {
            certificate_pem,
            key_pem: self.key_pem.clone(),
        }
    }

    /// What a server needs to show it.
    #[must_use]
    pub fn server_config(&self) -> Arc<ServerConfig> {
        self.config(Arc::new(NoClientAuth), ALL_VERSIONS)
    }

    /// As [`server_config`](Self::server_config), in these versions of TLS alone.
    #[must_use]
    pub fn config_of(&self, versions: &[&'static SupportedProtocolVersion]) -> Arc<ServerConfig> {
        self.config(Arc::new(NoClientAuth), versions)
    }

    /// As [`server_config`](Self::server_config), for clients that show a
    /// certificate of `authority`.
    #[must_use]
    pub fn mutual_config(&self, authority: &Authority) -> Arc<ServerConfig> {
        self.config(authority.client_verifier(), ALL_VERSIONS)
    }

    /// As [`mutual_config`](Self::mutual_config), in these versions of TLS alone.
    #[must_use]
    pub fn mutual_config_of(
        &self,
        authority: &Authority,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ServerConfig> {
        self.config(authority.client_verifier(), versions)
    }

    fn config(
        &self,
        clients: Arc<dyn ClientCertVerifier>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ServerConfig> {
        let chain = CertificateDer::pem_slice_iter(self.certificate_pem.as_bytes());
        let chain = chain.collect::<Result<_, _>>().expect("PEM");
        let key = PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes()).expect("PEM");
        let provider = provider();
        let key = provider.key_provider.load_private_key(key).expect("a key");
        // Without a look at the certificate: some are not fit to be shown.
        let shown = SingleCertAndKey::from(CertifiedKey::new(chain, key));
        Arc::new(
            ServerConfig::builder_with_provider(provider)
                .with_protocol_versions(versions)
                .expect("versions of TLS")
                .with_client_cert_verifier(clients)
                .with_cert_resolver(Arc::new(shown)),
        )
    }
}
