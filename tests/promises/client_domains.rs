//! For some servers, TLS has a certificate and authorities of its own. The
//! operator chooses them, and nobody else.

use crate::{host, worker_with};
use rest_client_host::{ClientDomain, Config, ErrorKind, Host, Service};
use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
};
use support::{
    config,
    pki::{Authority, Identity, Validity},
    server::Server,
    steps::ok,
};

/// An authority that signs servers and clients, and a client's files.
struct Domain {
    directory: tempfile::TempDir,
    authority: Authority,
}

impl Domain {
    fn new() -> Self {
        let domain = Self {
            directory: tempfile::tempdir().unwrap(),
            authority: Authority::new("the domain's"),
        };
        let client = domain.authority.issue_client("alice");
        domain.write("ca.pem", domain.authority.pem(), 0o644);
        domain.write("client.pem", &client.certificate_pem, 0o644);
        domain.write("client.key", &client.key_pem, 0o600);
        domain
    }

    fn write(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.directory.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn server_identity(&self) -> Identity {
        self.authority.issue(&["127.0.0.1"], Validity::Good)
    }

    /// With the client's certificate, for these servers.
    fn of(&self, servers: &str) -> ClientDomain {
        client_domain(servers, |it| {
            it.certificate = Some(self.file("client.pem"));
            it.key = Some(self.file("client.key"));
            it.ssl_capath = Some(self.file("ca.pem"));
        })
    }
}

/// A domain for `servers` as `change` makes it.
fn client_domain(servers: &str, change: impl FnOnce(&mut ClientDomain)) -> ClientDomain {
    let mut domain = ClientDomain::new(servers.parse().unwrap());
    change(&mut domain);
    domain
}

fn with(domains: Vec<ClientDomain>) -> Config {
    config!(client_domains = domains)
}

/// The port of a server, as a pattern.
fn port(server: &Server) -> String {
    format!("127.0.0.1:{}", server.address().port())
}

#[tokio::test]
async fn the_certificate_is_shown_to_the_servers_of_its_domain_and_to_no_other() {
    let domain = Domain::new();
    let identity = domain.server_identity();
    let inside = Server::start_mutual_tls(&identity, &domain.authority, |_| ok("welcome")).await;
    let outside = Server::start_mutual_tls(&identity, &domain.authority, |_| ok("welcome")).await;
    let worker = worker_with(config!(
        ssl_capath = Some(domain.file("ca.pem")),
        ..with(vec![domain.of(&port(&inside))])
    ));
    let reply = worker.rest_get(&inside.url("/")).await.unwrap();
    assert_eq!(reply.body(), "welcome");

    let error = worker.rest_get(&outside.url("/")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
    assert!(!error.is_certificate());
    let words = "requires a client certificate; client-domains can name one";
    assert!(error.to_string().contains(words), "{error}");
    assert!(outside.record().requests.is_empty());
}

#[tokio::test]
async fn a_service_is_shown_the_certificate_that_is_for_its_origin() {
    let domain = Domain::new();
    let identity = domain.server_identity();
    let server = Server::start_mutual_tls(&identity, &domain.authority, |_| ok("welcome")).await;
    let service = Service::new(server.origin().parse().unwrap());
    let worker = worker_with(config!(
        services = [("billing".to_owned(), service)].into(),
        ..with(vec![domain.of(&port(&server))])
    ));
    let url = "http://billing.service.internal/";
    assert_eq!(worker.rest_get(url).await.unwrap().body(), "welcome");
}

#[tokio::test]
async fn a_domain_trusts_whom_it_says_and_nobody_else_does() {
    let domain = Domain::new();
    let identity = domain.server_identity();
    let inside = Server::start_tls(&identity, |_| ok("")).await;
    let outside = Server::start_tls(&identity, |_| ok("")).await;
    let worker = worker_with(with(vec![client_domain(&port(&inside), |it| {
        it.ssl_capath = Some(domain.file("ca.pem"));
        it.ca_only = Some(true);
    })]));
    worker.rest_get(&inside.url("/")).await.unwrap();
    let error = worker.rest_get(&outside.url("/")).await.unwrap_err();
    assert!(error.is_certificate(), "{error}");
}

#[tokio::test]
async fn a_switch_is_off_for_the_domain_that_says_so_alone() {
    let nobodys = Identity::self_signed(&["localhost"]);
    let inside = Server::start_tls(&nobodys, |_| ok("")).await;
    let outside = Server::start_tls(&nobodys, |_| ok("")).await;
    let worker = worker_with(with(vec![client_domain(&port(&inside), |it| {
        it.ssl_verifypeer = Some(false);
        it.ssl_verifyhost = Some(false);
    })]));
    worker.rest_get(&inside.url("/")).await.unwrap();
    let error = worker.rest_get(&outside.url("/")).await.unwrap_err();
    assert!(error.is_certificate(), "{error}");
}

#[tokio::test]
async fn of_several_domains_the_first_that_matches_counts() {
    let domain = Domain::new();
    let server = Server::start_tls(&domain.server_identity(), |_| ok("")).await;
    let anywhere = ClientDomain::new("*".parse().unwrap());
    let trusting = domain.of(&port(&server));
    let first = worker_with(with(vec![trusting.clone(), anywhere.clone()]));
    first.rest_get(&server.url("/")).await.unwrap();
    let last = worker_with(with(vec![anywhere, trusting]));
    let error = last.rest_get(&server.url("/")).await.unwrap_err();
    assert!(error.is_certificate(), "{error}");
}

/// Even where all instances of a host share their connections, another host has
/// its own.
#[tokio::test]
async fn a_connection_made_under_one_policy_is_never_used_under_another() {
    let server = Server::start_tls(&Identity::self_signed(&["127.0.0.1"]), |_| ok("")).await;
    let lax = host(config!(ssl_verifypeer = false, share_connections = true));
    let strict = host(config!(share_connections = true));
    lax.instance().rest_get(&server.url("/")).await.unwrap();
    let error = strict.instance().rest_get(&server.url("/")).await;
    assert!(error.unwrap_err().is_certificate());
    assert_eq!(server.record().requests.len(), 1);
    lax.instance().rest_get(&server.url("/")).await.unwrap();
}

#[test]
fn what_can_not_be_shown_is_refused_at_the_start() {
    let domain = Domain::new();
    let other = domain.authority.issue_client("bob");
    let path = |name: &str, text: &str, mode| Some(domain.write(name, text, mode));
    let client_key = fs::read_to_string(domain.file("client.key")).unwrap();
    for (certificate, key, words) in [
        (
            Some(domain.file("client.pem")),
            path("open.key", &client_key, 0o644),
            "its mode is 644",
        ),
        (
            Some(domain.file("client.pem")),
            path("other.key", &other.key_pem, 0o600),
            "the key of another certificate",
        ),
        (
            Some(domain.file("client.pem")),
            path("empty.key", "", 0o600),
            "no private key in it",
        ),
        (
            Some(domain.file("client.pem")),
            path(
                "locked.key",
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
                0o600,
            ),
            "not encrypted",
        ),
        (
            Some(domain.file("client.pem")),
            Some(domain.file("missing.key")),
            "No such file",
        ),
        (Some(domain.file("client.pem")), None, "client.pem"),
        (
            Some(domain.file("client.key")),
            None,
            "no certificate in it",
        ),
        (None, Some(domain.file("client.key")), "no certificate"),
    ] {
        let error = Host::new(with(vec![client_domain("*.example.com:8443", |it| {
            it.certificate = certificate;
            it.key = key;
        })]))
        .map(|_| ())
        .unwrap_err()
        .to_string();
        assert!(error.starts_with("client-domains, *.example.com:8443: "));
        assert!(error.contains(words), "{error}");
        assert!(!error.contains("PRIVATE KEY---"), "{error}");
    }
}

#[test]
fn a_key_may_stand_in_the_file_of_its_certificate() {
    let domain = Domain::new();
    let [certificate, key] =
        ["client.pem", "client.key"].map(|name| fs::read_to_string(domain.file(name)).unwrap());
    let both = domain.write("both.pem", &[certificate, key].concat(), 0o600);
    let host = Host::new(with(vec![client_domain("*", |it| {
        it.certificate = Some(both);
    })]));
    assert!(host.is_ok());
}
