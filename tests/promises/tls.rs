//! Whom TLS trusts, switch by switch and certificate by certificate.

use crate::{host, worker_with};
use rest_client_host::{ClientDomain, Config, Error, ErrorKind, Host, Response};
use std::path::PathBuf;
use support::{
    config,
    pki::{Authority, Identity, Validity},
    process::{rest_client, run_with},
    server::Server,
    steps::ok,
    unresponsive::Blunt,
};
use tempfile::TempDir;

/// An authority, with its certificate in a file.
struct Trusted {
    authority: Authority,
    directory: TempDir,
}

impl Trusted {
    fn new() -> Self {
        let authority = Authority::new("the tests' own");
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("ca.pem"), authority.pem()).unwrap();
        Self {
            authority,
            directory,
        }
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    fn config(&self) -> Config {
        config!(ssl_capath = Some(self.file()))
    }
}

async fn ask(config: Config, identity: &Identity, host: &str) -> Result<Response, Error> {
    let server = Server::start_tls(identity, |_| ok("fine")).await;
    worker_with(config)
        .rest_get(&server.url_on(host, "/"))
        .await
}

/// Each case is a certificate, with the fault that is found if the peer is
/// verified, and the fault that is found if the host is.
#[tokio::test]
async fn each_switch_finds_its_own_fault_with_each_certificate() {
    let trusted = Trusted::new();
    let good = |names: &[&str]| trusted.authority.issue(names, Validity::Good);
    let cases = [
        ("good", good(&["localhost"]), None, None),
        (
            "a wildcard",
            good(&["*.localhost"]),
            None,
            Some("*.localhost"),
        ),
        (
            "expired",
            trusted.authority.issue(&["localhost"], Validity::Expired),
            Some("expired"),
            None,
        ),
        (
            "not valid yet",
            trusted.authority.issue(&["localhost"], Validity::NotYet),
            Some("not valid yet"),
            None,
        ),
        (
            "self-signed",
            Identity::self_signed(&["localhost"]),
            Some("not signed by an authority"),
            None,
        ),
        (
            "of an unknown authority",
            Authority::new("somebody else's").issue(&["localhost"], Validity::Good),
            Some("not signed by an authority"),
            None,
        ),
        (
            "for another host",
            good(&["other.example"]),
            None,
            Some("other.example"),
        ),
        (
            "for an address",
            good(&["127.0.0.1"]),
            None,
            Some("127.0.0.1"),
        ),
        (
            "for nobody",
            good(&[]),
            None,
            Some("no subject alternative name"),
        ),
    ];
    for (name, identity, peer_fault, host_fault) in &cases {
        for (verify_peer, verify_host) in
            [(true, true), (true, false), (false, true), (false, false)]
        {
            let config = config!(
                ssl_verifypeer = verify_peer,
                ssl_verifyhost = verify_host,
                ..trusted.config()
            );
            let outcome = ask(config, identity, "localhost").await;
            let expected = peer_fault
                .filter(|_| verify_peer)
                .or(host_fault.filter(|_| verify_host));
            let case = format!("{name}, verifypeer {verify_peer}, verifyhost {verify_host}");
            match (outcome, expected) {
                (Ok(reply), None) => assert_eq!(reply.body(), "fine", "{case}"),
                (Err(error), Some(words)) => {
                    assert_eq!(
                        (error.kind(), error.code()),
                        (ErrorKind::Tls, -10),
                        "{case}"
                    );
                    assert!(error.is_certificate(), "{case}");
                    assert!(error.to_string().contains(words), "{case}: {error}");
                }
                (outcome, _) => panic!("{case}: {outcome:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_wildcard_stands_for_one_label() {
    let trusted = Trusted::new();
    let names = support::name_server::NameServer::with(&[
        ("a.service.example", "127.0.0.1"),
        ("a.b.service.example", "127.0.0.1"),
    ])
    .await;
    let identity = trusted
        .authority
        .issue(&["*.service.example"], Validity::Good);
    for (host, accepted) in [("a.service.example", true), ("a.b.service.example", false)] {
        let config = config!(dns_servers = vec![names.address()], ..trusted.config());
        assert_eq!(
            ask(config, &identity, host).await.is_ok(),
            accepted,
            "{host}"
        );
    }
}

#[tokio::test]
async fn a_certificate_can_be_for_an_address() {
    let trusted = Trusted::new();
    let identity = trusted.authority.issue(&["127.0.0.1"], Validity::Good);
    assert!(ask(trusted.config(), &identity, "127.0.0.1").await.is_ok());
    assert!(ask(trusted.config(), &identity, "localhost").await.is_err());
}

#[tokio::test]
async fn authorities_are_added_from_a_file_or_a_directory_of_any_names() {
    let trusted = Trusted::new();
    let identity = trusted.authority.issue(&["localhost"], Validity::Good);
    let directory = tempfile::tempdir().unwrap();
    let others = Authority::new("another").pem().to_owned();
    std::fs::write(directory.path().join("0a1b2c3d.0"), trusted.authority.pem()).unwrap();
    std::fs::write(directory.path().join("another.pem"), &others).unwrap();
    std::fs::write(directory.path().join("README"), "no certificate").unwrap();
    let both = directory.path().join("both.crt");
    std::fs::write(&both, others + trusted.authority.pem()).unwrap();
    for path in [trusted.file(), directory.path().to_owned(), both] {
        let config = config!(ssl_capath = Some(path.clone()));
        assert!(
            ask(config, &identity, "localhost").await.is_ok(),
            "{path:?}"
        );
    }
    assert!(
        ask(Config::default(), &identity, "localhost")
            .await
            .is_err()
    );
}

#[tokio::test]
async fn with_ca_only_the_systems_authorities_are_not_trusted() {
    let trusted = Trusted::new();
    let identity = trusted.authority.issue(&["localhost"], Validity::Good);
    let config = config!(ca_only = true, ..trusted.config());
    assert!(ask(config, &identity, "localhost").await.is_ok());

    // SSL_CERT_FILE stands in for the system's store.
    let system = tempfile::tempdir().unwrap();
    let of_system = Authority::new("the system's");
    let store = system.path().join("store.pem");
    std::fs::write(&store, of_system.pem()).unwrap();
    let identity = of_system.issue(&["127.0.0.1"], Validity::Good);
    let server = Server::start_tls(&identity, |_| ok("fine")).await;
    let url = server.url("/");
    let capath = trusted.file();
    let capath = capath.to_str().unwrap();
    for (arguments, code) in [
        (vec!["get", &url], 0),
        (vec!["get", &url, "--ssl-capath", capath], 0),
        (vec!["get", &url, "--ssl-capath", capath, "--ca-only"], 60),
    ] {
        let ended = run_with(
            rest_client(),
            &arguments,
            &[
                ("SSL_CERT_FILE", store.as_os_str()),
                ("SSL_CERT_DIR", "".as_ref()),
            ],
        )
        .await;
        assert_eq!(ended.code(), code, "{arguments:?}: {}", ended.stderr);
    }
}

#[test]
fn a_capath_without_certificates_is_refused_at_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let empty = directory.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    for path in [
        directory.path().to_owned(),
        empty,
        directory.path().join("absent"),
    ] {
        let error = Host::new(config!(ssl_capath = Some(path.clone())))
            .unwrap_err()
            .to_string();
        assert!(error.contains(&*path.to_string_lossy()), "{error}");
        assert!(error.contains("PEM"), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_told_apart_from_a_bad_certificate() {
    let plain = Blunt::start(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let error = host(Config::default())
        .instance()
        .rest_get(&plain.https())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
    assert!(!error.is_certificate());
}

/// What `openssl req -x509` makes may sign others (CA:TRUE), and is shown by many
/// a server as its own.
#[tokio::test]
async fn a_certificate_that_is_trusted_itself_needs_no_authority_but_its_dates_and_its_name() {
    let authority = |names: &[&str], validity| Identity::self_signed_authority(names, validity);
    let somebodys = Authority::new("somebody's");
    let cases = [
        (authority(&["localhost"], Validity::Good), None),
        (somebodys.issue(&["localhost"], Validity::Good), None),
        (
            authority(&["localhost"], Validity::Expired),
            Some("has expired"),
        ),
        (
            authority(&["localhost"], Validity::NotYet),
            Some("not valid yet"),
        ),
        (
            authority(&["other.example"], Validity::Good),
            Some("for another host: "),
        ),
        (
            Identity::self_signed_client(&["localhost"]),
            Some("not one for a server"),
        ),
    ];
    for (identity, fault) in &cases {
        let [file, _] = identity.files();
        let trusted = Some(file.path().to_owned());
        let mut anywhere = ClientDomain::new("*".parse().unwrap());
        anywhere.ssl_capath = trusted.clone();
        for config in [
            config!(ssl_capath = trusted),
            config!(client_domains = vec![anywhere]),
        ] {
            match (ask(config, identity, "localhost").await, fault) {
                (Ok(_), None) => {}
                (Err(error), Some(words)) => {
                    assert!(error.is_certificate(), "{error}");
                    assert!(error.to_string().contains(words), "{error}");
                }
                (outcome, fault) => panic!("{fault:?}: {outcome:?}"),
            }
        }
    }
}

#[tokio::test]
async fn an_authority_that_poses_as_a_server_is_told_in_words() {
    let identity = Identity::self_signed_authority(&["127.0.0.1"], Validity::Good);
    let error = ask(Config::default(), &identity, "127.0.0.1")
        .await
        .unwrap_err();
    assert!(error.is_certificate(), "{error}");
    for words in ["CA:FALSE", "ssl-capath"] {
        assert!(error.to_string().contains(words), "{error}");
    }
}
