//! What the errors of rustls mean, in words that say what to do.

use super::certificate::Fault;
use crate::call::failure::{Cause, Failure};
use rustls::{
    AlertDescription, CertificateError, Error as TlsError, InvalidMessage, OtherError,
    PeerIncompatible,
};
use std::io;

/// The handshake failed, or what came after it: with TLS 1.3 a server looks at
/// our certificate when the handshake is over for us.
pub(in crate::transport) fn failure(error: &io::Error) -> Failure {
    let tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<TlsError>());
    let what = match tls {
        Some(TlsError::InvalidCertificate(problem)) => {
            return Failure::new(Cause::Certificate, certificate_problem(problem));
        }
        Some(TlsError::AlertReceived(alert)) => alert_received(*alert),
        Some(TlsError::InvalidMessage(problem)) => message_problem(problem),
        Some(TlsError::NoCertificatesPresented) => "the server shows no certificate".into(),
        Some(TlsError::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        )) => NO_VERSION.into(),
        Some(TlsError::PeerIncompatible(problem)) => {
            format!("the server has nothing to offer in TLS that is accepted here: {problem:?}")
        }
        Some(TlsError::General(what)) => format!("the server breaks the rules of TLS: {what}"),
        Some(other) => format!("TLS failed: {other}"),
        None => match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                "the server closed the connection in the TLS handshake".into()
            }
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                "the connection was reset in the TLS handshake".into()
            }
            _ => format!("the connection ended in the TLS handshake: {error}"),
        },
    };
    Failure::new(Cause::Tls, what)
}

const NO_VERSION: &str = "the server speaks no version of TLS that is accepted here, which are 1.2 and 1.3, \
     and not below tls-min-version";

/// The server gave up, and said why (RFC 8446, section 6.2).
fn alert_received(alert: AlertDescription) -> String {
    use AlertDescription as A;
    match alert {
        A::CertificateRequired => {
            "the server requires a client certificate; client-domains can name one".into()
        }
        A::BadCertificate
        | A::UnsupportedCertificate
        | A::CertificateRevoked
        | A::CertificateExpired
        | A::CertificateUnknown
        | A::UnknownCA
        | A::AccessDenied => format!(
            "the server does not accept the certificate that client-domains has us show, or wants one: \
             alert {alert:?}"
        ),
        A::UnrecognisedName => {
            "the server has no certificate for the host that was asked: alert UnrecognisedName"
                .into()
        }
        A::ProtocolVersion => NO_VERSION.into(),
        A::NoApplicationProtocol => {
            "the server speaks no version of HTTP that http-version offers: \
             alert NoApplicationProtocol"
                .into()
        }
        // All that a server of TLS 1.2 says of a certificate that it misses.
        A::HandshakeFailure => {
            "the server finds nothing in common with us: it may know none of our cipher suites, or \
             require a client certificate, which client-domains can name: alert HandshakeFailure"
                .into()
        }
        A::InternalError => "the server failed in the TLS handshake: alert InternalError".into(),
        alert => format!("the server ended TLS with the alert {alert:?}"),
    }
}

fn message_problem(problem: &InvalidMessage) -> String {
    match problem {
        // No byte of text begins a record of TLS.
        InvalidMessage::InvalidContentType => {
            "the server does not speak TLS; is this a port for http?".into()
        }
        // Of all messages of a handshake, this one alone grows.
        InvalidMessage::HandshakePayloadTooLarge | InvalidMessage::CertificatePayloadTooLarge => {
            "the certificates that the server shows are larger than 64 KiB together; \
             it needs to show its own and those between it and its authority, no others"
                .into()
        }
        problem => format!("the server breaks the rules of TLS: {problem:?}"),
    }
}

fn certificate_problem(problem: &CertificateError) -> String {
    use CertificateError as P;
    match problem {
        P::Expired | P::ExpiredContext { .. } => "the server's certificate has expired".into(),
        P::NotValidYet | P::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet; is this machine's clock right?".into()
        }
        // The latter two: an authority of that name is trusted, but it is another.
        P::UnknownIssuer
        | P::BadSignature
        | P::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "the server's certificate is not signed by an authority that is trusted here; \
             one more is named by ssl-capath"
                .into()
        }
        P::UnsupportedSignatureAlgorithmContext { .. } => {
            "the server's certificate is signed in a way that is not accepted here, \
             as with SHA-1 or MD5"
                .into()
        }
        P::NotValidForName => "the server's certificate is for another host".into(),
        P::NotValidForNameContext { presented, .. } if presented.is_empty() => {
            "the server's certificate names no host (it has no subject alternative name)".into()
        }
        P::NotValidForNameContext { presented, .. } => format!(
            "the server's certificate is for another host: {}",
            presented.join(", ")
        ),
        P::Revoked => "the server's certificate is revoked".into(),
        P::BadEncoding => "the server's certificate can't be read".into(),
        P::InvalidPurpose | P::InvalidPurposeContext { .. } => {
            "the server's certificate is not one for a server".into()
        }
        P::Other(OtherError(error)) => {
            if let Some(fault) = error.downcast_ref::<Fault>() {
                return fault.to_string();
            }
            match error.downcast_ref() {
                Some(webpki::Error::CaUsedAsEndEntity) => {
                    "the server shows the certificate of an authority as its own; it needs one that is \
                     not for signing others (basicConstraints CA:FALSE), or is named by ssl-capath"
                        .into()
                }
                Some(webpki::Error::UnsupportedCertVersion) => {
                    "the server's certificate is of X.509 version 1, which names no host and vouches \
                     for nothing; one of version 3 is accepted"
                        .into()
                }
                _ => format!("the server's certificate was not accepted: {error}"),
            }
        }
        other => format!("the server's certificate was not accepted: {other}"),
    }
}
