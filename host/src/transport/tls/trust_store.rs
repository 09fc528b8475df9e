//! Whom TLS trusts: authorities, and certificates as themselves.

use super::certificate;
use crate::{bounded_file, config::ConfigError, transport::stamp::Stamp};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::LazyLock,
};

/// Certificates that are trusted, both to sign others and as themselves.
#[derive(Debug)]
pub(super) struct TrustStore {
    authorities: RootCertStore,
    /// Empty where Mozilla's authorities stand in for the system's: of them no
    /// certificates are there.
    certificates: HashSet<CertificateDer<'static>>,
}

impl TrustStore {
    /// Trusts nobody.
    pub(super) fn empty() -> Self {
        Self {
            authorities: RootCertStore::empty(),
            certificates: HashSet::new(),
        }
    }

    /// Trusts whom the system trusts, or whom Mozilla does where the system says
    /// nothing, as in a container without certificates.
    pub(super) fn of_system() -> Self {
        let mut store = Self::empty();
        let system = rustls_native_certs::load_native_certs();
        for error in &system.errors {
            tracing::warn!(%error, "a part of the system's trust store can't be read");
        }
        store.add(&system.certs);
        tracing::debug!(
            added = store.authorities.len(),
            "read the system's trust store"
        );
        if store.authorities.is_empty() {
            tracing::info!("the system's trust store is empty; the bundled Mozilla roots are used");
            store
                .authorities
                .extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        store
    }

    /// Adds what the files of the system's store look like to `stamp`. Where there
    /// are no such files, as on macOS, it is read once.
    pub(super) fn add_system_to(stamp: &mut Stamp) {
        // It looks at all places where they could be, of which one is right.
        static PLACES: LazyLock<openssl_probe::ProbeResult> = LazyLock::new(openssl_probe::probe);
        for path in PLACES.cert_file.iter().chain(&PLACES.cert_dir) {
            stamp.add(path);
        }
    }

    /// Trusts `certificates`, too.
    pub(super) fn add(&mut self, certificates: &[CertificateDer<'static>]) {
        self.authorities
            .add_parsable_certificates(certificates.iter().cloned());
        self.certificates.extend(certificates.iter().cloned());
    }

    /// Those who may sign others.
    pub(super) fn authorities(&self) -> &RootCertStore {
        &self.authorities
    }

    /// Whether `certificate` is, byte for byte, one of those that are trusted.
    pub(super) fn holds(&self, certificate: &CertificateDer<'_>) -> bool {
        self.certificates.contains(certificate)
    }

    /// Whether `end_entity` is signed, through `intermediates` or not, with a key of
    /// RSA that is too short.
    pub(super) fn has_short_key_above(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
    ) -> bool {
        let signs_one_of_them = |name: &[u8]| {
            certificate::is_signed_by(end_entity, name)
                || intermediates
                    .iter()
                    .any(|it| certificate::is_signed_by(it, name))
        };
        intermediates.iter().any(certificate::has_short_key)
            || self.authorities.roots.iter().any(|anchor| {
                certificate::is_short(&webpki::spki_for_anchor(anchor))
                    && signs_one_of_them(&anchor.subject)
            })
    }
}

impl PartialEq for TrustStore {
    fn eq(&self, other: &Self) -> bool {
        // Mozilla's authorities are the same always, and those of the certificates
        // follow from them.
        self.authorities.len() == other.authorities.len() && self.certificates == other.certificates
    }
}

/// All certificates in a PEM file, or in the files of a directory whatever they
/// are called.
pub(super) fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let refused = |what: String| {
        ConfigError::new(format!(
            "ssl-capath {}: {what}; it is a PEM file with CERTIFICATE blocks, or a directory of such files",
            path.display()
        ))
        .about("ssl-capath")
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
        let pem = bounded_file::read_regular(&file)
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
