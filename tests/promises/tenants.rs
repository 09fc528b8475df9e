//! Instances with grants of their own share nothing, as a server sees it.

use crate::{host, worker_with};
use rest_client_host::{Egress, HttpVersion, Instance, SecretSource, Service};
use rustls::server::{ServerSessionMemoryCache, StoresServerSessions};
use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use support::{
    config,
    counting_server::CountingServer,
    pki::{Authority, Validity},
    process::Service as Process,
    server::Server,
    steps::{Gate, Step, ok},
};
use tokio::task::JoinSet;

const NAME: &str = "http://billing.service.internal/";

/// Each has another secret for the same service, and nothing of the other's.
#[tokio::test]
async fn a_server_that_tells_identities_apart_is_told_the_right_one() {
    let server = Server::start(|_| ok("")).await;
    let host = host(config!(share_connections = true));
    let directory = tempfile::tempdir().unwrap();
    let tenant = |secret: &str| {
        let file = directory.path().join(secret);
        fs::write(&file, secret).unwrap();
        let mut service = Service::new(server.origin().parse().unwrap());
        let source = SecretSource::File(file);
        service.headers.insert("authorization".into(), source);
        let services = [("billing".to_owned(), service)].into();
        host.instance_granted(services, Egress::default()).unwrap()
    };
    let tenants = [tenant("alice"), tenant("bob")];
    for _ in 0..5 {
        for tenant in &tenants {
            tenant.rest_get(NAME).await.unwrap();
        }
    }
    let record = server.record();
    assert_eq!(record.accepted, 2);
    for seen in &record.requests {
        let secret = ["alice", "bob"][seen.connection];
        assert_eq!(seen.header("authorization"), [secret]);
    }
    // And where nothing is granted in particular, neither is used.
    host.instance().rest_get(&server.url("/")).await.unwrap();
    let last = server.record().requests.pop().unwrap();
    assert_eq!(last.connection, 2);
    assert!(last.header("authorization").is_empty());
}

#[tokio::test]
async fn one_that_uses_up_its_cap_leaves_the_others_theirs() {
    let server = CountingServer::start().await;
    let host = host(config!(max_async_transfers = 1));
    let tenant = || {
        let mut service = Service::new(server.url("").parse().unwrap());
        service.max_async_transfers = Some(1);
        let services = [("billing".to_owned(), service)].into();
        host.instance_granted(services, Egress::default()).unwrap()
    };
    let (busy, other) = (tenant(), tenant());
    let stalled = format!("{NAME}stall");
    let stalling = busy.rest_get(&stalled).into_future();
    let beside = async {
        server.wait_for_open(1).await;
        let reply = other.rest_get(&format!("{NAME}echo/1")).await;
        assert_eq!(reply.unwrap().body(), "/echo/1");
    };
    tokio::select! {
        _ = stalling => panic!("it ends by itself"),
        () = beside => {}
    }
    assert_eq!((busy.stats().started, other.stats().started), (1, 1));
}

#[tokio::test]
#[cfg_attr(
    not(has_nginx),
    ignore = "nginx is not installed: apt-get install nginx-light"
)]
async fn a_session_of_tls_is_resumed_by_who_began_it() {
    let authority = Authority::new("tenants");
    let identity = authority.issue(&["127.0.0.1"], Validity::Good);
    let [certificate, key] = identity.files();
    let server = format!(
        "ssl_certificate {}; ssl_certificate_key {}; \
         location / {{ return 200 $ssl_session_reused; }}",
        certificate.path().display(),
        key.path().display()
    );
    let root = tempfile::tempdir().unwrap();
    let nginx = Process::nginx(root.path(), "ssl", &server).await;
    let url = nginx.url("/").replace("http:", "https:");
    let file = authority.file();
    // Each call has a connection of its own.
    let host = host(config!(
        ssl_capath = Some(file.path().to_owned()),
        idle_timeout = Duration::ZERO,
    ));
    let resumes = async |instance: &Instance| {
        let reply = instance.rest_get(&url).await.unwrap();
        match &*reply.text() {
            "r" => true,
            "." => false,
            other => panic!("{other}"),
        }
    };
    for _ in 0..3 {
        let tenant = host.instance();
        assert!(!resumes(&tenant).await);
        assert!(resumes(&tenant).await);
    }
}

/// However many connections end at a time, as many of the next ones are resumed.
#[tokio::test]
async fn what_reconnects_at_once_resumes_at_once() {
    const AT_ONCE: usize = 40;
    let authority = Authority::new("tenants");
    let identity = authority.issue(&["127.0.0.1"], Validity::Good);
    let mut server_config = (*identity.server_config()).clone();
    let sessions = Arc::new(Sessions::default());
    server_config.session_storage = sessions.clone();
    let gate = Gate::default();
    let waiting = gate.clone();
    let server = Server::start_tls_as(Arc::new(server_config), move |_| {
        [vec![Step::Wait(waiting.clone())], ok("")].concat()
    })
    .await;
    let file = authority.file();
    let instance = worker_with(config!(
        max_async_transfers = 100,
        ssl_capath = Some(file.path().to_owned()),
        idle_timeout = Duration::ZERO,
        // Nobody waits for whether a connection is one that many share.
        http_version = HttpVersion::Http11,
    ));
    for wave in 0..2 {
        let before = sessions.resumed.load(Relaxed);
        let mut calls = JoinSet::new();
        for _ in 0..AT_ONCE {
            calls.spawn(instance.rest_get(&server.url("/")).into_future());
        }
        let all = (wave + 1) * AT_ONCE;
        server
            .wait_for("all of them", |record| record.requests.len() == all)
            .await;
        for _ in 0..AT_ONCE {
            gate.open();
        }
        for reply in calls.join_all().await {
            reply.unwrap();
        }
        // In the first one the last ones may go on with what the first ones were given.
        let resumed = sessions.resumed.load(Relaxed) - before;
        assert!(wave == 0 || resumed == AT_ONCE, "{resumed}");
    }
}

/// A server's sessions, and how many of them were resumed.
#[derive(Debug)]
struct Sessions {
    kept: Arc<ServerSessionMemoryCache>,
    resumed: AtomicUsize,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            kept: ServerSessionMemoryCache::new(1000),
            resumed: AtomicUsize::new(0),
        }
    }
}

impl StoresServerSessions for Sessions {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        self.kept.put(key, value)
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.kept.get(key)
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        let taken = self.kept.take(key)?;
        self.resumed.fetch_add(1, Relaxed);
        Some(taken)
    }

    fn can_cache(&self) -> bool {
        true
    }
}
