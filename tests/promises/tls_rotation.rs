//! Files of TLS can be replaced while a host runs, and no call is lost.

use crate::worker_with;
use hyper::Version;
use rest_client_host::{ClientDomain, Config, Instance};
use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};
use support::{
    config,
    pki::{Authority, Validity},
    process::{Service, rest_client, run, run_with},
    server::Server,
    steps::{Gate, Step, ok},
};
use tempfile::TempDir;

/// For what must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// Two authorities, of which a file names one, and a server of each.
struct Authorities {
    directory: TempDir,
    old: Authority,
    new: Authority,
}

impl Authorities {
    fn new() -> Self {
        let authorities = Self {
            directory: tempfile::tempdir().unwrap(),
            old: Authority::new("the old one"),
            new: Authority::new("the new one"),
        };
        fs::write(authorities.file(), authorities.old.pem()).unwrap();
        authorities
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    fn config(&self) -> Config {
        config!(ssl_capath = Some(self.file()))
    }

    async fn servers(&self) -> [Server; 2] {
        [serve(&self.old).await, serve(&self.new).await]
    }
}

async fn serve(authority: &Authority) -> Server {
    let identity = authority.issue(&["127.0.0.1"], Validity::Good);
    Server::start_tls(&identity, |_| ok("fine")).await
}

async fn trusts(worker: &Instance, url: &str) -> bool {
    match worker.rest_get(url).await {
        Ok(_) => true,
        Err(error) => {
            assert!(error.is_certificate(), "{error}");
            false
        }
    }
}

/// Puts `text` in the place of the file at `path` in one step.
fn replace(path: &Path, text: &str) {
    let beside = path.with_extension("new");
    fs::write(&beside, text).unwrap();
    fs::set_permissions(&beside, Permissions::from_mode(0o600)).unwrap();
    fs::rename(beside, path).unwrap();
}

fn rewrite(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
}

#[tokio::test]
async fn a_new_connection_trusts_whom_the_files_name_by_then() {
    for change in [replace, rewrite] {
        let authorities = Authorities::new();
        let [old, new] = authorities.servers().await;
        let worker = worker_with(config!(
            idle_timeout = Duration::ZERO,
            ..authorities.config()
        ));
        for _ in 0..3 {
            assert!(trusts(&worker, &old.url("/")).await && !trusts(&worker, &new.url("/")).await);
            change(&authorities.file(), authorities.new.pem());
            assert!(!trusts(&worker, &old.url("/")).await && trusts(&worker, &new.url("/")).await);
            change(&authorities.file(), authorities.old.pem());
        }
    }
}

#[tokio::test]
async fn a_directory_is_read_anew_when_something_comes_goes_or_changes() {
    let authorities = Authorities::new();
    let [old, new] = authorities.servers().await;
    let directory = authorities.directory.path();
    let worker = worker_with(config!(
        ssl_capath = Some(directory.to_owned()),
        idle_timeout = Duration::ZERO,
    ));
    assert!(trusts(&worker, &old.url("/")).await && !trusts(&worker, &new.url("/")).await);
    let further = directory.join("0a1b2c3d.0");
    fs::write(&further, authorities.new.pem()).unwrap();
    assert!(trusts(&worker, &old.url("/")).await && trusts(&worker, &new.url("/")).await);
    fs::remove_file(authorities.file()).unwrap();
    assert!(!trusts(&worker, &old.url("/")).await && trusts(&worker, &new.url("/")).await);
    rewrite(&further, authorities.old.pem());
    assert!(trusts(&worker, &old.url("/")).await && !trusts(&worker, &new.url("/")).await);
}

/// A certificate whose key is not there yet changes nothing.
#[tokio::test]
async fn a_certificate_of_ours_is_replaced_with_its_key() {
    let authorities = Authorities::new();
    let identity = authorities.old.issue(&["127.0.0.1"], Validity::Good);
    let strict = async |clients| Server::start_mutual_tls(&identity, clients, |_| ok("fine")).await;
    let [old, new] = [
        strict(&authorities.old).await,
        strict(&authorities.new).await,
    ];
    let [certificate, key] =
        ["client.pem", "client.key"].map(|name| authorities.directory.path().join(name));
    let first = authorities.old.issue_client("alice");
    replace(&certificate, &first.certificate_pem);
    replace(&key, &first.key_pem);
    let mut anywhere = ClientDomain::new("*".parse().unwrap());
    anywhere.certificate = Some(certificate.clone());
    anywhere.key = Some(key.clone());
    let worker = worker_with(config!(
        idle_timeout = Duration::ZERO,
        client_domains = vec![anywhere],
        ..authorities.config()
    ));
    let is_taken = async |server: &Server| worker.rest_get(&server.url("/")).await.is_ok();
    assert!(is_taken(&old).await && !is_taken(&new).await);
    let second = authorities.new.issue_client("alice");
    replace(&certificate, &second.certificate_pem);
    assert!(is_taken(&old).await && !is_taken(&new).await);
    replace(&key, &second.key_pem);
    assert!(!is_taken(&old).await && is_taken(&new).await);
}

/// What a broken file said before stays in force, and one warning says so.
#[tokio::test]
async fn a_file_that_breaks_changes_nothing_but_for_one_warning() {
    let authority = Authority::new("the tests' own");
    let file = Arc::new(authority.file());
    let identity = authority.issue(&["127.0.0.1"], Validity::Good);
    let broken = file.clone();
    let server = Server::start_tls(&identity, move |seen| {
        match seen.connection {
            2 => fs::write(broken.path(), "-----BEGIN CERTIFICATE-----\nnot so\n").unwrap(),
            4 => fs::remove_file(broken.path()).unwrap(),
            _ => {}
        }
        ok("fine")
    })
    .await;
    let url = server.url("/");
    let capath = file.path().to_str().unwrap();
    let arguments = ["load", &url, "-n", "8", "-c", "1", "--idle-timeout", "0"];
    let arguments = arguments.into_iter().chain(["--ssl-capath", capath]);
    let ended = run(rest_client(), arguments, b"").await;
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    assert_eq!(server.record().accepted, 8);
    let warnings = ended.stderr.matches("stays in force").count();
    assert_eq!(warnings, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains(capath), "{}", ended.stderr);
}

/// It takes a second until that is noticed, where no new connection is made.
#[tokio::test]
async fn a_kept_connection_is_not_used_again_when_the_files_have_changed() {
    let authorities = Authorities::new();
    let identity = authorities.old.issue(&["127.0.0.1"], Validity::Good);
    let gate = Gate::default();
    let slow = gate.clone();
    let server = Server::start_tls(&identity, move |seen| match &*seen.target {
        "/slow" => [vec![Step::Wait(slow.clone())], ok("at last")].concat(),
        _ => ok("fine"),
    })
    .await;
    let worker = worker_with(authorities.config());
    let in_flight = tokio::spawn(worker.rest_get(&server.url("/slow")).into_future());
    server
        .wait_for("the slow request", |record| record.requests.len() == 1)
        .await;
    assert!(trusts(&worker, &server.url("/")).await && trusts(&worker, &server.url("/")).await);
    assert_eq!(server.record().accepted, 2);

    replace(&authorities.file(), authorities.new.pem());
    until_not_trusted(&worker, &server.url("/")).await;
    // What was on its way is not lost.
    gate.open();
    assert_eq!(in_flight.await.unwrap().unwrap().body(), "at last");
    assert_eq!(server.record().accepted, 3);
}

#[tokio::test]
#[cfg_attr(
    not(has_nginx),
    ignore = "nginx is not installed: apt-get install nginx-light"
)]
async fn nor_is_one_of_http2_that_many_share() {
    let authorities = Authorities::new();
    let identity = authorities.old.issue(&["127.0.0.1"], Validity::Good);
    let [certificate, key] = identity.files();
    let server = format!(
        "ssl_certificate {}; ssl_certificate_key {}; location / {{ return 200 fine; }}",
        certificate.path().display(),
        key.path().display()
    );
    let nginx = Service::nginx(authorities.directory.path(), "ssl http2", &server).await;
    let url = nginx.url("/").replace("http:", "https:");
    let worker = worker_with(authorities.config());
    let reply = worker.rest_get(&url).await.unwrap();
    assert_eq!(reply.version(), Version::HTTP_2);
    replace(&authorities.file(), authorities.new.pem());
    until_not_trusted(&worker, &url).await;
}

async fn until_not_trusted(worker: &Instance, url: &str) {
    let deadline = Instant::now() + PATIENCE;
    while trusts(worker, url).await {
        assert!(Instant::now() < deadline, "it is trusted all the time");
    }
}

/// A program reads it, since a variable that names it is that of a whole process.
/// Its second connection is being made when the store changes.
#[tokio::test]
async fn the_systems_store_is_read_anew_as_well() {
    let authorities = Authorities::new();
    let identity = authorities.new.issue(&["127.0.0.1"], Validity::Good);
    let gate = Gate::default();
    let second = |connection| connection == 1;
    let server = Server::start_tls_holding(&identity, gate.clone(), second, |_| ok("fine")).await;
    let store = authorities.file();
    let url = server.url("/");
    let arguments = ["load", &url, "-n", "3", "-c", "1", "--json"];
    let variables = [("SSL_CERT_FILE", store.as_os_str())];
    let changed = async {
        server
            .wait_for("the second connection", |record| record.accepted == 2)
            .await;
        fs::write(&store, authorities.new.pem()).unwrap();
        gate.open();
    };
    let (ended, ()) = tokio::join!(run_with(rest_client(), &arguments, &variables), changed);
    let told = ended.json();
    // Which of the two the second one met is nobody's concern.
    let (refused, trusted) = (&told["errors"]["tls"], &told["statuses"]["200"]);
    assert!(refused.as_u64() >= Some(1), "{told}");
    assert!(trusted.as_u64() >= Some(1), "{told}");
}

/// A connection that is given up for that was not closed by its server, which is as
/// good for requests that must not be lost as before.
#[tokio::test]
async fn a_change_of_trust_says_nothing_of_the_server() {
    let authorities = Authorities::new();
    let [server, other] = authorities.servers().await;
    let worker = worker_with(authorities.config());
    let url = server.url("/");
    worker.rest_post(&url, "x").await.unwrap();
    let both = [authorities.old.pem(), authorities.new.pem()].concat();
    replace(&authorities.file(), &both);
    // Whoever connects looks at the files.
    assert!(trusts(&worker, &other.url("/")).await);
    for _ in 0..3 {
        worker.rest_post(&url, "x").await.unwrap();
    }
    assert_eq!(server.record().accepted, 2);
}
