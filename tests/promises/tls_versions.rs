//! No version of TLS is spoken that the operator does not want.

use crate::worker_with;
use rest_client_host::{ClientDomain, Config, ErrorKind, TlsVersion};
use rustls::{
    SupportedProtocolVersion,
    version::{TLS12, TLS13},
};
use support::{
    config,
    pki::{Authority, Validity},
    server::Server,
    steps::ok,
};

async fn is_spoken(config: Config, version: &'static SupportedProtocolVersion) -> bool {
    let authority = Authority::new("the tests' own");
    let file = authority.file();
    let identity = authority.issue(&["127.0.0.1"], Validity::Good);
    let server = Server::start_tls_as(identity.config_of(&[version]), |_| ok("fine")).await;
    let config = config!(ssl_capath = Some(file.path().to_owned()), ..config);
    match worker_with(config).rest_get(&server.url("/")).await {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Tls);
            assert!(!error.is_certificate(), "{error}");
            assert!(error.to_string().contains("tls-min-version"), "{error}");
            false
        }
    }
}

#[tokio::test]
async fn none_below_tls_min_version_is_spoken() {
    assert!(is_spoken(Config::default(), &TLS12).await);
    assert!(is_spoken(Config::default(), &TLS13).await);
    let only_13 = config!(tls_min_version = TlsVersion::Tls13);
    assert!(!is_spoken(only_13.clone(), &TLS12).await);
    assert!(is_spoken(only_13, &TLS13).await);
}

#[tokio::test]
async fn a_domain_has_a_lowest_version_of_its_own() {
    let mut anywhere = ClientDomain::new("*".parse().unwrap());
    for (of_all, of_domain, spoken) in [
        (TlsVersion::Tls12, Some(TlsVersion::Tls13), false),
        (TlsVersion::Tls13, Some(TlsVersion::Tls12), true),
        (TlsVersion::Tls13, None, false),
    ] {
        anywhere.tls_min_version = of_domain;
        let config = config!(
            tls_min_version = of_all,
            client_domains = vec![anywhere.clone()]
        );
        assert_eq!(is_spoken(config, &TLS12).await, spoken, "{of_domain:?}");
    }
}
