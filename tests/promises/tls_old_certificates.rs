//! Certificates of former times are accepted where the operator asks for no proof,
//! as the warning of that switch says.

use crate::worker_with;
use rustls::version::{TLS12, TLS13};
use support::{config, pki::Identity, process::Service, server::Server, steps::ok};

/// It names no host, and has no place for it.
#[tokio::test]
async fn a_certificate_of_version_1_is_accepted_where_no_name_is_asked_for() {
    let identity = Identity::version_1();
    let [file, _] = identity.files();
    for versions in [&[&TLS12][..], &[&TLS13]] {
        let server = Server::start_tls_as(identity.config_of(versions), |_| ok("fine")).await;
        for (trusted, verify_peer, verify_host, accepted) in [
            (false, false, false, true),
            (true, true, false, true),
            (false, true, false, false),
            (false, false, true, false),
            (true, true, true, false),
        ] {
            let config = config!(
                ssl_capath = trusted.then(|| file.path().to_owned()),
                ssl_verifypeer = verify_peer,
                ssl_verifyhost = verify_host,
            );
            let outcome = worker_with(config).rest_get(&server.url("/")).await;
            match outcome {
                Ok(_) => assert!(accepted, "{trusted} {verify_peer} {verify_host}"),
                Err(error) => {
                    assert!(!accepted && error.is_certificate(), "{error}");
                    assert!(error.to_string().contains("version 1"), "{error}");
                }
            }
        }
    }
}

#[tokio::test]
#[cfg_attr(
    not(has_nginx),
    ignore = "nginx is not installed: apt-get install nginx-light"
)]
async fn a_short_key_of_rsa_is_accepted_without_verifypeer_and_else_refused_by_its_name() {
    let identity = Identity::rsa_1024();
    let [certificate, key] = identity.files();
    for version in ["TLSv1.2", "TLSv1.3"] {
        let server = format!(
            "ssl_certificate {}; ssl_certificate_key {}; ssl_protocols {version}; \
             ssl_ciphers DEFAULT@SECLEVEL=0; location / {{ return 200 fine; }}",
            certificate.path().display(),
            key.path().display()
        );
        let nginx = Service::nginx(certificate.path().parent().unwrap(), "ssl", &server).await;
        let by_address = nginx.url("/").replace("http:", "https:");
        let by_name = by_address.replace("127.0.0.1", "other.localhost");
        for (verify_peer, verify_host, url, fault) in [
            (false, false, &by_name, None),
            (false, true, &by_address, None),
            (false, true, &by_name, Some("for another host")),
            (true, true, &by_address, Some("RSA")),
            (true, false, &by_name, Some("RSA")),
        ] {
            let config = config!(
                ssl_capath = Some(certificate.path().to_owned()),
                ssl_verifypeer = verify_peer,
                ssl_verifyhost = verify_host,
            );
            match (worker_with(config).rest_get(url).await, fault) {
                (Ok(reply), None) => assert_eq!(reply.body(), "fine"),
                (Err(error), Some(words)) => {
                    assert!(error.is_certificate(), "{error}");
                    assert!(error.to_string().contains(words), "{error}");
                }
                (outcome, _) => panic!("{version} {verify_peer} {verify_host}: {outcome:?}"),
            }
        }
    }
}
