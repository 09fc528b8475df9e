//! The files of a policy, and what they say.

use super::{identity, trust_store::read_certificates};
use crate::{config::ConfigError, transport::stamp::Stamp};
use rustls::{crypto::CryptoProvider, pki_types::CertificateDer, sign::CertifiedKey};
use std::path::PathBuf;

/// The files that the configuration names for a policy.
#[derive(Debug, Clone, Default)]
pub(super) struct Files {
    /// Whom to trust: a file or a directory.
    pub(super) capath: Option<PathBuf>,
    /// Who we are: a certificate, and its key if that is another file.
    pub(super) identity: Option<(PathBuf, Option<PathBuf>)>,
}

/// What they say.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) certificates: Vec<CertificateDer<'static>>,
    pub(super) identity: Option<CertifiedKey>,
}

impl Files {
    /// Reads all of them.
    ///
    /// # Errors
    ///
    /// One can't be read, or is not what it should be.
    pub(super) fn read(&self, provider: &CryptoProvider) -> Result<Content, ConfigError> {
        let certificates = match &self.capath {
            Some(path) => read_certificates(path)?,
            None => Vec::new(),
        };
        let identity = match &self.identity {
            Some((certificate, key)) => {
                Some(identity::read(certificate, key.as_deref(), provider)?)
            }
            None => None,
        };
        Ok(Content {
            certificates,
            identity,
        })
    }

    /// Adds what they look like to `stamp`.
    pub(super) fn add_to(&self, stamp: &mut Stamp) {
        if let Some(path) = &self.capath {
            stamp.add_with_entries(path);
        }
        if let Some((certificate, key)) = &self.identity {
            stamp.add(certificate);
            if let Some(key) = key {
                stamp.add(key);
            }
        }
    }
}

impl Content {
    /// The certificates that we show, our own first; empty if there are none. They
    /// tell one identity from another, since a certificate has one key.
    pub(super) fn shown(&self) -> &[CertificateDer<'static>] {
        self.identity.as_ref().map_or(&[], |key| &key.cert)
    }
}
