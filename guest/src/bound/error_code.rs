//! What an error code of `wasi:http` means to the caller.

use super::types::ErrorCode;
use crate::error::{Partial, RestError};

/// The error that the caller gets for the `code` of the host. `limit` is in
/// bytes, and 0 is no limit. `partial` is what had arrived of the reply.
pub(super) fn to_rest_error(
    code: ErrorCode,
    origin: &str,
    limit: u64,
    partial: Partial,
) -> RestError {
    let sentence = |what: &str| format!("{origin}: {what}");
    match code {
        ErrorCode::ConnectionRefused => RestError::ConnectionRefused(sentence(
            "the connection was refused; nothing listens on this port",
        )),
        ErrorCode::DestinationUnavailable | ErrorCode::DestinationIpUnroutable => {
            RestError::ConnectionRefused(sentence("the host can't be reached"))
        }
        ErrorCode::ConnectionTimeout | ErrorCode::DnsTimeout => RestError::ConnectionTimeout(
            sentence("connection-timeout passed before there was a usable connection"),
        ),
        ErrorCode::HttpResponseTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::ConnectionWriteTimeout => RestError::TransferTimeout(partial),
        ErrorCode::ConnectionLimitReached => RestError::AlreadyConnecting(sentence(
            "another instance is connecting to this host, and no-concurrent-connects is set",
        )),
        ErrorCode::HttpResponseBodySize(size) => {
            RestError::too_large(size.filter(|_| limit == 0).unwrap_or(limit))
        }
        ErrorCode::DnsError(payload) => RestError::Dns(match payload.rcode {
            Some(rcode) => sentence(&format!("the host name can't be resolved: {rcode}")),
            None => sentence("the host name can't be resolved"),
        }),
        ErrorCode::DestinationNotFound => RestError::Dns(sentence("the host name has no address")),
        ErrorCode::TlsCertificateError => {
            RestError::Tls(sentence("the server's certificate was not accepted"))
        }
        ErrorCode::TlsAlertReceived(payload) => RestError::Tls(match payload.alert_message {
            Some(message) => sentence(&message),
            None => sentence("TLS ended with an alert"),
        }),
        ErrorCode::TlsProtocolError => RestError::Tls(sentence("the TLS handshake failed")),
        ErrorCode::DestinationIpProhibited => {
            RestError::Denied(sentence("the policy of the host forbids this address"))
        }
        ErrorCode::HttpRequestDenied => {
            RestError::Denied(sentence("the policy of the host forbids this request"))
        }
        ErrorCode::HttpRequestUriInvalid | ErrorCode::HttpRequestUriTooLong => {
            RestError::InvalidUrl(sentence("the URL can't be sent"))
        }
        ErrorCode::HttpRequestHeaderSectionSize(_) | ErrorCode::HttpRequestHeaderSize(_) => {
            RestError::InvalidHeader(sentence("the header fields of the request are too large"))
        }
        ErrorCode::ConnectionTerminated | ErrorCode::HttpResponseIncomplete => {
            RestError::Protocol(sentence(if partial.status == 0 {
                "the connection ended before a reply"
            } else {
                "the connection ended inside the reply"
            }))
        }
        ErrorCode::HttpResponseHeaderSectionSize(_)
        | ErrorCode::HttpResponseHeaderSize(_)
        | ErrorCode::HttpResponseTrailerSectionSize(_)
        | ErrorCode::HttpResponseTrailerSize(_) => {
            RestError::Protocol(sentence("the header fields of the reply are too large"))
        }
        ErrorCode::ConfigurationError => {
            RestError::Internal(sentence("the configuration of the host is at fault"))
        }
        ErrorCode::InternalError(Some(text)) => RestError::Internal(sentence(&text)),
        ErrorCode::InternalError(None) => RestError::Internal(sentence("the host failed")),
        ErrorCode::LoopDetected => {
            RestError::Protocol(sentence("the request came back to where it had been"))
        }
        ErrorCode::HttpRequestMethodInvalid => {
            RestError::InvalidHeader(sentence("the method can't be sent"))
        }
        _ => RestError::Protocol(sentence("the exchange broke HTTP")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(code: ErrorCode) -> RestError {
        to_rest_error(code, "http://h", 10, Partial::default())
    }

    #[test]
    fn each_way_to_fail_has_its_own_error() {
        assert!(matches!(
            error_of(ErrorCode::ConnectionRefused),
            RestError::ConnectionRefused(_)
        ));
        assert!(matches!(
            error_of(ErrorCode::DnsTimeout),
            RestError::ConnectionTimeout(_)
        ));
        assert!(matches!(
            error_of(ErrorCode::ConnectionLimitReached),
            RestError::AlreadyConnecting(_)
        ));
        assert!(matches!(
            error_of(ErrorCode::HttpResponseBodySize(None)),
            RestError::TooLarge(text) if text.contains("10 bytes")
        ));
        assert!(matches!(
            error_of(ErrorCode::TlsCertificateError),
            RestError::Tls(_)
        ));
        assert!(matches!(
            error_of(ErrorCode::HttpRequestDenied),
            RestError::Denied(_)
        ));
        assert!(matches!(
            error_of(ErrorCode::LoopDetected),
            RestError::Protocol(_)
        ));
    }

    #[test]
    fn a_transfer_timeout_carries_what_had_arrived() {
        let partial = Partial {
            status: 200,
            headers: Vec::new(),
            body: b"abc".to_vec(),
        };
        assert_eq!(
            to_rest_error(
                ErrorCode::HttpResponseTimeout,
                "http://h",
                0,
                partial.clone()
            ),
            RestError::TransferTimeout(partial)
        );
    }
}
