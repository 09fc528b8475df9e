//! Who we are to a server that asks: a certificate and its key.

use crate::{bounded_file, config::ConfigError};
use rustls::{
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    sign::CertifiedKey,
};
use std::{fs::Metadata, path::Path};

/// Reads a certificate, and its key, which may stand in the same file.
///
/// # Errors
///
/// One of them can't be read, is not what it should be, others can read the key,
/// or it is the key of another certificate.
pub(super) fn read(
    certificate: &Path,
    key: Option<&Path>,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, ConfigError> {
    let key = key.unwrap_or(certificate);
    let chain = chain(certificate)?;
    let loaded = load_key(key)?;
    CertifiedKey::from_der(chain, loaded, provider).map_err(|error| {
        ConfigError::new(match error {
            rustls::Error::InconsistentKeys(_) => format!(
                "key {}: it is the key of another certificate than the first one in {}",
                key.display(),
                certificate.display()
            ),
            other => format!("key {}: it can't be used: {other}", key.display()),
        })
        .about("key")
    })
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let refused = |what: String| {
        ConfigError::new(format!(
            "certificate {}: {what}; it is a PEM file with CERTIFICATE blocks, our own first",
            path.display()
        ))
        .about("certificate")
    };
    let pem = bounded_file::read_regular(path).map_err(|error| refused(error.to_string()))?;
    let chain = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| refused(format!("it is not PEM: {error}")))?;
    if chain.is_empty() {
        return Err(refused("no certificate in it".into()));
    }
    Ok(chain)
}

fn load_key(path: &Path) -> Result<PrivateKeyDer<'static>, ConfigError> {
    let refused =
        |what: String| ConfigError::new(format!("key {}: {what}", path.display())).about("key");
    let file = bounded_file::open_regular(path).map_err(|error| refused(error.to_string()))?;
    let metadata = file
        .metadata()
        .map_err(|error| refused(error.to_string()))?;
    // Of the file that is read, whatever its name stands for by now.
    check_permissions(&metadata).map_err(refused)?;
    let pem = bounded_file::read_opened(&file).map_err(|error| refused(error.to_string()))?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
        refused(
            "no private key in it; it is a PEM file with a PRIVATE KEY block, which is not encrypted"
                .into(),
        )
    })
}

/// Nobody but its owner may read a key, or write it. One of root may be given to
/// a group, as packages of Debian do (the rule of libpq).
#[cfg(unix)]
fn check_permissions(metadata: &Metadata) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt as _;
    let mode = metadata.mode() & 0o777;
    let (forbidden, right) = if metadata.uid() == 0 {
        (0o037, "chmod 600, or 640 with a group of its own")
    } else {
        (0o077, "chmod 600")
    };
    if mode & forbidden == 0 {
        return Ok(());
    }
    Err(format!(
        "others than its owner can use it (its mode is {mode:03o}); {right} sets that right"
    ))
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "as elsewhere")]
fn check_permissions(_metadata: &Metadata) -> Result<(), String> {
    Ok(())
}
