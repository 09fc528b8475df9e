//! What a certificate says of itself, where no authority is asked.

use rustls::{
    CertificateError, OtherError,
    pki_types::{CertificateDer, SubjectPublicKeyInfoDer, UnixTime},
};
use std::{fmt, sync::Arc};
use x509_parser::{
    parse_x509_certificate, prelude::FromDer as _, public_key::PublicKey,
    x509::SubjectPublicKeyInfo,
};

/// Bits of the shortest key of RSA that the cryptography here takes.
const SHORTEST_RSA: usize = 2048;

/// What can be wrong with a certificate beyond what rustls knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Its key is too short.
    ShortKey,
    /// The key of an authority above it is too short.
    ShortKeyOfAuthority,
    /// An authority between it and those who are trusted is not valid now.
    AuthorityNotValidNow,
    /// The server does not hold its key.
    KeyOfAnother,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShortKey => write!(
                f,
                "the key of the server's certificate is too short: RSA has {SHORTEST_RSA} bits or more"
            ),
            Self::ShortKeyOfAuthority => write!(
                f,
                "the server's certificate is signed with a key that is too short: RSA has {SHORTEST_RSA} bits or more"
            ),
            Self::AuthorityNotValidNow => f.write_str(
                "the server's certificate is valid, but a CA certificate that the server sent has expired, or is not valid yet",
            ),
            Self::KeyOfAnother => {
                f.write_str("the server does not hold the key of the certificate that it shows")
            }
        }
    }
}

impl std::error::Error for Fault {}

impl From<Fault> for rustls::Error {
    fn from(fault: Fault) -> Self {
        CertificateError::Other(OtherError(Arc::new(fault))).into()
    }
}

/// Whether `certificate` is valid now, and one for servers if it says for what it
/// is.
pub(super) fn check_dates_and_purpose(
    certificate: &CertificateDer<'_>,
    now: UnixTime,
) -> Result<(), CertificateError> {
    let (_, certificate) =
        parse_x509_certificate(certificate).map_err(|_| CertificateError::BadEncoding)?;
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if now < certificate.validity.not_before.timestamp() {
        return Err(CertificateError::NotValidYet);
    }
    if now > certificate.validity.not_after.timestamp() {
        return Err(CertificateError::Expired);
    }
    let purposes = certificate
        .extended_key_usage()
        .map_err(|_| CertificateError::BadEncoding)?;
    match purposes {
        Some(purposes) if !purposes.value.any && !purposes.value.server_auth => {
            Err(CertificateError::InvalidPurpose)
        }
        _ => Ok(()),
    }
}

/// The key of `certificate`, of whatever version that is.
pub(super) fn public_key(
    certificate: &CertificateDer<'_>,
) -> Result<SubjectPublicKeyInfoDer<'static>, rustls::Error> {
    let anchor = webpki::anchor_from_trusted_cert(certificate).map_err(unreadable)?;
    Ok(webpki::spki_for_anchor(&anchor))
}

/// That a part of a certificate can't be read.
pub(super) fn unreadable(error: webpki::Error) -> rustls::Error {
    CertificateError::Other(OtherError(Arc::new(error))).into()
}

/// Whether `certificate` has a key of RSA that is too short.
pub(super) fn has_short_key(certificate: &CertificateDer<'_>) -> bool {
    public_key(certificate).is_ok_and(|key| is_short(&key))
}

/// Whether `key` is one of RSA that is too short.
pub(super) fn is_short(key: &SubjectPublicKeyInfoDer<'_>) -> bool {
    SubjectPublicKeyInfo::from_der(key).is_ok_and(
        |(_, key)| matches!(key.parsed(), Ok(PublicKey::RSA(key)) if key.key_size() < SHORTEST_RSA),
    )
}

/// Whether it is said of `certificate` that an authority called `name` signed it.
pub(super) fn is_signed_by(certificate: &CertificateDer<'_>, name: &[u8]) -> bool {
    webpki::EndEntityCert::try_from(certificate)
        .is_ok_and(|certificate| certificate.issuer() == name)
}
