//! What is checked of a server's certificate, and of who shows it.

use super::{
    certificate::{self, Fault},
    trust_store::TrustStore,
};
use rustls::{
    CertificateError, DigitallySignedStruct, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor, verify_server_name,
    },
    crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key},
    pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime},
    server::ParsedCertificate,
};
use std::sync::Arc;

/// Checks a server's certificate by the two switches, which are independent as
/// those of libcurl are. Nothing asks whether a certificate was revoked.
///
/// That the server holds the key of the certificate is checked always, but for
/// one case: without `verify_peer`, a key of RSA that is too short for the
/// cryptography here passes unchecked. It proves nothing there, since whoever is
/// on the way can show a certificate of his own.
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) trusted: Arc<TrustStore>,
    pub(super) verify_peer: bool,
    pub(super) verify_host: bool,
    pub(super) provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn algorithms(&self) -> &WebPkiSupportedAlgorithms {
        &self.provider.signature_verification_algorithms
    }

    fn verify_peer(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        // There is no need for somebody who vouches for it, and it may be one
        // that signs others, as OpenSSL has it (X509_V_FLAG_PARTIAL_CHAIN).
        if self.trusted.holds(end_entity) {
            return Ok(certificate::check_dates_and_purpose(end_entity, now)?);
        }
        let verified = verify_server_cert_signed_by_trust_anchor(
            &ParsedCertificate::try_from(end_entity)?,
            self.trusted.authorities(),
            intermediates,
            now,
            self.algorithms().all,
        );
        use CertificateError as P;
        match verified {
            Err(rustls::Error::InvalidCertificate(
                P::Expired
                | P::ExpiredContext { .. }
                | P::NotValidYet
                | P::NotValidYetContext { .. },
            )) if certificate::check_dates_and_purpose(end_entity, now).is_ok() => {
                Err(Fault::AuthorityNotValidNow.into())
            }
            // A signature by a key that is too short counts as a wrong one.
            Err(rustls::Error::InvalidCertificate(P::BadSignature))
                if self.trusted.has_short_key_above(end_entity, intermediates) =>
            {
                Err(Fault::ShortKeyOfAuthority.into())
            }
            verified => verified,
        }
    }

    /// Says whether the server holds the key of `certificate`, by the outcome of
    /// checking its signature of the handshake.
    fn holds_key(
        &self,
        certificate: &CertificateDer<'_>,
        outcome: Result<HandshakeSignatureValid, rustls::Error>,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        match outcome {
            Err(rustls::Error::InvalidCertificate(CertificateError::BadSignature)) => {
                match (certificate::has_short_key(certificate), self.verify_peer) {
                    (true, true) => Err(Fault::ShortKey.into()),
                    (true, false) => Ok(HandshakeSignatureValid::assertion()),
                    (false, _) => Err(Fault::KeyOfAnother.into()),
                }
            }
            outcome => outcome,
        }
    }
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
            self.verify_peer(end_entity, intermediates, now)?;
        }
        if self.verify_host {
            verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let key = certificate::public_key(certificate)?;
        self.holds_key(
            certificate,
            verify_tls12_signature_with_raw_key(message, &key, signed, self.algorithms()),
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let key = certificate::public_key(certificate)?;
        self.holds_key(
            certificate,
            verify_tls13_signature_with_raw_key(message, &key, signed, self.algorithms()),
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms().supported_schemes()
    }
}

/// As rustls does it for a certificate; for a key alone, it has this for TLS 1.3
/// only. A scheme of TLS 1.2 leaves the curve open, so that there are several
/// algorithms to try.
fn verify_tls12_signature_with_raw_key(
    message: &[u8],
    key: &SubjectPublicKeyInfoDer<'_>,
    signed: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, rustls::Error> {
    use webpki::Error as E;
    let key = webpki::RawPublicKeyEntity::try_from(key).map_err(certificate::unreadable)?;
    let offered = algorithms
        .mapping
        .iter()
        .find(|(scheme, _)| *scheme == signed.scheme);
    for algorithm in offered.map_or(&[][..], |(_, algorithms)| algorithms) {
        match key.verify_signature(*algorithm, message, signed.signature()) {
            Ok(()) => return Ok(HandshakeSignatureValid::assertion()),
            Err(E::UnsupportedSignatureAlgorithmForPublicKeyContext(_)) => {}
            Err(_) => return Err(CertificateError::BadSignature.into()),
        }
    }
    Err(rustls::PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into())
}
