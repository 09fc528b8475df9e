//! Instances with grants of their own share nothing, as a server sees it.

use crate::host;
use rest_client_host::{Egress, Instance, SecretSource, Service};
use std::{fs, time::Duration};
use support::{
    config,
    counting_server::CountingServer,
    pki::{Authority, Validity},
    process::Service as Process,
    server::Server,
    steps::ok,
};

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
