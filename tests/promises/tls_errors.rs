//! An error of TLS says what is wrong, and what would be right.

use crate::worker_with;
use rest_client_host::{ClientDomain, Config, Error, ErrorKind};
use rustls::{
    ServerConfig,
    version::{TLS12, TLS13},
};
use std::sync::Arc;
use support::{
    config,
    pki::{Authority, Identity, Validity},
    server::Server,
    steps::ok,
    unresponsive::{Blunt, Closing},
};

/// What a host says that trusts `trusted`.
async fn error_with(config: Arc<ServerConfig>, trusted: &str) -> Error {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    std::fs::write(&file, trusted).unwrap();
    let server = Server::start_tls_as(config, |_| ok("fine")).await;
    let error = worker_with(config!(ssl_capath = Some(file)))
        .rest_get(&server.url("/"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
    error
}

#[tokio::test]
async fn a_certificate_that_is_not_accepted_is_told_by_its_fault() {
    let authority = Authority::new("the tests' own");
    let good = authority.issue(&["127.0.0.1"], Validity::Good);
    let expired = authority.issue_authority("expired", Validity::Expired);
    let key_of_another = Identity {
        key_pem: authority.issue(&["127.0.0.1"], Validity::Good).key_pem,
        certificate_pem: good.certificate_pem.clone(),
    };
    for (identity, trusted, words) in [
        (
            expired
                .issue(&["127.0.0.1"], Validity::Good)
                .followed_by([expired.pem()]),
            authority.pem(),
            "a CA certificate that the server sent has expired",
        ),
        (
            authority.issue_client("127.0.0.1"),
            authority.pem(),
            "not one for a server",
        ),
        (
            key_of_another,
            authority.pem(),
            "does not hold the key of the certificate",
        ),
        (
            Identity::below_rsa_1024(),
            &Identity::rsa_1024().certificate_pem,
            "signed with a key that is too short",
        ),
    ] {
        for versions in [&[&TLS12][..], &[&TLS13]] {
            let error = error_with(identity.config_of(versions), trusted).await;
            assert!(error.is_certificate(), "{error}");
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}

#[tokio::test]
async fn a_list_of_certificates_that_can_not_be_taken_is_told_as_such() {
    let authority = Authority::new("the tests' own");
    let good = authority.issue(&["127.0.0.1"], Validity::Good);
    let endless = good.followed_by(std::iter::repeat_n(authority.pem(), 200));
    let none = Identity {
        certificate_pem: String::new(),
        key_pem: good.key_pem,
    };
    for versions in [&[&TLS12][..], &[&TLS13]] {
        for (identity, words) in [
            (&endless, "larger than 64 KiB"),
            (&none, "shows no certificate"),
        ] {
            let error = error_with(identity.config_of(versions), authority.pem()).await;
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}

#[tokio::test]
async fn a_server_that_does_not_like_our_certificate_says_so() {
    let authority = Authority::new("the tests' own");
    let directory = tempfile::tempdir().unwrap();
    let [ca, shown] = ["ca.pem", "shown.pem"].map(|name| directory.path().join(name));
    std::fs::write(&ca, authority.pem()).unwrap();
    let stranger = Authority::new("a stranger").issue_client("mallory");
    let both = stranger.certificate_pem + &stranger.key_pem;
    std::fs::write(&shown, both).unwrap();
    let owners = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&shown, owners).unwrap();
    let identity = authority.issue(&["127.0.0.1"], Validity::Good);
    for versions in [&[&TLS12][..], &[&TLS13]] {
        let config = identity.mutual_config_of(&authority, versions);
        let server = Server::start_tls_as(config, |_| ok("fine")).await;
        for (certificate, words) in [
            (None, "client certificate"),
            (
                Some(shown.clone()),
                "does not accept the certificate that client-domains",
            ),
        ] {
            let mut anywhere = ClientDomain::new("*".parse().unwrap());
            anywhere.certificate = certificate;
            let config = config!(
                ssl_capath = Some(ca.clone()),
                client_domains = vec![anywhere]
            );
            let error = worker_with(config).rest_get(&server.url("/")).await;
            let error = error.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}

/// Alerts are records of two bytes (RFC 8446, section 6).
#[tokio::test]
async fn a_server_that_gives_up_is_told_by_what_it_says() {
    for (said, words) in [
        (&b"\x15\x03\x03\x00\x02\x02\x28"[..], "HandshakeFailure"),
        (b"\x15\x03\x03\x00\x02\x02\x46", "tls-min-version"),
        (b"\x15\x03\x03\x00\x02\x02\x50", "the server failed"),
        (
            b"\x15\x03\x03\x00\x02\x02\x70",
            "no certificate for the host",
        ),
        (b"\x15\x03\x03\x00\x02\x02\x78", "http-version"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak TLS"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "does not speak TLS"),
        (
            b"\x16\x03\x03\x00\x04\x02\x00\x00\x00",
            "breaks the rules of TLS",
        ),
    ] {
        let server = Blunt::start(said).await;
        let error = worker_with(Config::default())
            .rest_get(&server.https())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
        assert!(error.to_string().contains(words), "{words}: {error}");
    }
    let closing = Closing::start().await;
    let error = worker_with(Config::default())
        .rest_get(&closing.https())
        .await
        .unwrap_err();
    let words = "closed the connection in the TLS handshake";
    assert!(error.to_string().contains(words), "{error}");
}
