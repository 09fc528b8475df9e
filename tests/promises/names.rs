//! A name is looked up as it is everywhere else on the machine, and nobody waits
//! for what the answer does not need.

use crate::worker_with;
use hickory_proto::rr::RecordType;
use rest_client_host::{Config, ErrorKind, Host};
use std::time::Duration;
use support::{
    config,
    name_server::NameServer,
    server::Server,
    steps::{Gate, ok},
};
use tokio::time::Instant;

/// Far below what a name server is given to answer, and far above what a busy
/// machine takes.
const SOON: Duration = Duration::from_secs(3);

fn asking(names: &NameServer) -> Config {
    config!(dns_servers = vec![names.address()])
}

#[tokio::test]
async fn one_family_of_addresses_is_enough_where_the_other_is_never_told() {
    for (address, listen, dropped) in [
        ("127.0.0.1", "127.0.0.1:0", RecordType::AAAA),
        ("::1", "[::1]:0", RecordType::A),
    ] {
        let names =
            NameServer::holding(&[("service.example", address)], dropped, Gate::default()).await;
        let server = Server::start_on(listen, |_| ok("x")).await;
        let worker = worker_with(asking(&names));
        let started = Instant::now();
        let reply = worker
            .rest_get(&server.url_on("service.example", "/"))
            .await;
        assert_eq!(reply.unwrap().body(), "x");
        let elapsed = started.elapsed();
        assert!(elapsed < SOON, "{dropped}: after {elapsed:?}");
    }
}

/// What asks name servers belongs to a runtime, and an instance may outlive that.
#[test]
fn a_name_is_looked_up_in_whatever_runtime_it_is_asked_for() {
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    let of_servers = runtime();
    let (names, server) = of_servers.block_on(async {
        let names = [("one.example", "127.0.0.1"), ("other.example", "127.0.0.1")];
        (
            NameServer::with(&names).await,
            Server::start(|_| ok("x")).await,
        )
    });
    let instance = Host::new(asking(&names)).unwrap().instance();
    for name in ["one.example", "other.example"] {
        let asking = runtime();
        let url = server.url_on(name, "/");
        let reply = asking.block_on(async { instance.rest_get(&url).await });
        assert_eq!(reply.unwrap().body(), "x", "{name}");
    }
}

#[tokio::test]
async fn addresses_that_are_told_late_are_tried_as_well() {
    let gate = Gate::default();
    // Nothing listens on the address that is told at once.
    let names = [("service.example", "127.0.0.2"), ("service.example", "::1")];
    let names = NameServer::holding(&names, RecordType::AAAA, gate.clone()).await;
    let server = Server::start_on("[::1]:0", |_| ok("x")).await;
    let worker = worker_with(asking(&names));
    let url = server.url_on("service.example", "/");
    let late = async {
        let mut queries = names.queries.clone();
        queries.wait_for(|queries| *queries >= 2).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        gate.open();
    };
    let (reply, ()) = tokio::join!(worker.rest_get(&url).into_future(), late);
    assert_eq!(reply.unwrap().body(), "x");
}

#[tokio::test]
async fn a_refusal_is_told_though_further_addresses_never_are() {
    let names = [("service.example", "127.0.0.1")];
    let names = NameServer::holding(&names, RecordType::AAAA, Gate::default()).await;
    let refusing = support::unresponsive::Refusing::default();
    let port = refusing.url();
    let port = port.trim_end_matches('/').rsplit(':').next().unwrap();
    let worker = worker_with(asking(&names));
    let started = Instant::now();
    let error = worker
        .rest_get(&format!("http://service.example:{port}/"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{error}");
    let elapsed = started.elapsed();
    assert!(elapsed < SOON, "after {elapsed:?}");
}

#[tokio::test]
async fn names_with_an_underscore_resolve() {
    let known = ["my_service", "_api.my_service", "ends_.example"];
    let names: Vec<_> = known.iter().map(|name| (*name, "127.0.0.1")).collect();
    let names = NameServer::with(&names).await;
    let server = Server::start(|_| ok("x")).await;
    let worker = worker_with(asking(&names));
    for name in known {
        let reply = worker.rest_get(&server.url_on(name, "/")).await;
        assert_eq!(reply.unwrap().body(), "x", "{name}");
    }
}

#[tokio::test]
async fn localhost_is_this_machine_whatever_a_name_server_says() {
    let names = [("localhost", "192.0.2.1"), ("app.localhost", "192.0.2.1")];
    let names = NameServer::with(&names).await;
    let server = Server::start(|_| ok("x")).await;
    let worker = worker_with(asking(&names));
    for name in ["localhost", "LOCALHOST", "localhost.", "app.localhost"] {
        let reply = worker.rest_get(&server.url_on(name, "/")).await;
        assert_eq!(reply.unwrap().body(), "x", "{name}");
    }
    assert_eq!(*names.queries.borrow(), 0);
}
