//! What the interface `transfers` promises a plugin, in any host: a call starts
//! now, and is finished later.

use crate::foreign_host::{
    Foreign, ForeignHost as _, Silent,
    bindings::exports::rest::client::{
        configuration,
        types::{Response, RestError},
    },
    nothing,
};
use std::time::Duration;
use support::{
    server::Server,
    steps::{Gate, Step, head, ok, raw},
};
use tokio::time::Instant;
use wasmtime::component::{Resource, ResourceAny};
use wasmtime_wasi::p2::{
    DynPollable, InputStream as _, Pollable as _, StreamError,
    bindings::io::poll::HostPollable as _,
};
use wasmtime_wasi_http::p2::types::HostIncomingResponse;

/// The functions of the interface, without the arguments that wasmtime adds.
impl Foreign {
    async fn start_get(&mut self, url: &str) -> ResourceAny {
        let transfers = self.component.rest_client_transfers();
        transfers
            .call_start_get(&mut self.store, url, None)
            .await
            .unwrap()
    }

    async fn subscribe(&mut self, transfer: ResourceAny) -> Resource<DynPollable> {
        let polling = self.component.rest_client_polling();
        polling
            .call_subscribe(&mut self.store, transfer)
            .await
            .unwrap()
    }

    async fn wait(&mut self, transfers: &[ResourceAny]) -> Vec<u32> {
        let interface = self.component.rest_client_transfers();
        interface
            .call_wait(&mut self.store, transfers)
            .await
            .unwrap()
    }

    async fn ready(&mut self, transfer: ResourceAny) -> bool {
        let transfers = self.component.rest_client_transfers().transfer();
        transfers
            .call_ready(&mut self.store, transfer)
            .await
            .unwrap()
    }

    async fn finish(&mut self, transfer: ResourceAny) -> Result<Response, RestError> {
        let transfers = self.component.rest_client_transfers().transfer();
        transfers
            .call_finish(&mut self.store, transfer)
            .await
            .unwrap()
    }

    async fn finish_open(
        &mut self,
        transfer: ResourceAny,
    ) -> Result<HostIncomingResponse, RestError> {
        let open_replies = self.component.rest_client_open_replies();
        let open = open_replies
            .call_finish_open(&mut self.store, transfer)
            .await
            .unwrap()?;
        Ok(self.store.data_mut().table.delete(open).unwrap())
    }

    async fn drop_transfer(&mut self, transfer: ResourceAny) {
        transfer.resource_drop_async(&mut self.store).await.unwrap();
    }

    /// Waits as a plugin would, until there is something to do.
    async fn block(&mut self, transfer: ResourceAny) {
        let pollable = self.subscribe(transfer).await;
        let table = &mut self.store.data_mut().table;
        let borrowed = Resource::new_borrow(pollable.rep());
        table.block(borrowed).await.unwrap();
        table.drop(pollable).unwrap();
    }
}

#[tokio::test]
async fn many_are_in_flight_at_once_and_each_gets_its_own_reply() {
    const MANY: usize = 50;
    let gate = Gate::default();
    let held = gate.clone();
    let server =
        Server::start(move |seen| [vec![Step::Wait(held.clone())], ok(&seen.target)].concat())
            .await;
    let mut plugin = Foreign::new().await;
    let mut transfers = Vec::new();
    for number in 0..MANY {
        let url = server.url(&format!("/{number}"));
        transfers.push((number, plugin.start_get(&url).await));
    }
    // The server has all of them before it answers the first.
    server
        .wait_for("all requests", |record| record.requests.len() == MANY)
        .await;
    for _ in 0..MANY {
        gate.open();
    }
    for (number, transfer) in transfers {
        let reply = plugin.finish(transfer).await.unwrap();
        assert_eq!(reply.body, format!("/{number}").as_bytes());
    }
}

#[tokio::test]
async fn one_says_when_it_is_ready() {
    let gate = Gate::default();
    let held = gate.clone();
    let server = Server::start(move |_| [vec![Step::Wait(held.clone())], ok("now")].concat()).await;
    let mut plugin = Foreign::new().await;
    let transfer = plugin.start_get(&server.url("/")).await;
    server
        .wait_for("the request", |record| record.requests.len() == 1)
        .await;
    assert!(!plugin.ready(transfer).await);
    gate.open();
    while !plugin.ready(transfer).await {
        plugin.block(transfer).await;
    }
    // It stays ready, and to wait for it ends at once.
    assert!(plugin.ready(transfer).await);
    plugin.block(transfer).await;
    assert_eq!(plugin.finish(transfer).await.unwrap().body, b"now");
}

#[tokio::test]
async fn a_wait_says_which_of_them_are_ready() {
    let gate = Gate::default();
    let held = gate.clone();
    let server = Server::start(move |seen| match &*seen.target {
        "/held" => [vec![Step::Wait(held.clone())], ok("held")].concat(),
        _ => ok("quick"),
    })
    .await;
    let mut plugin = Foreign::new().await;
    assert!(plugin.wait(&[]).await.is_empty());
    let held = plugin.start_get(&server.url("/held")).await;
    let quick = plugin.start_get(&server.url("/quick")).await;
    assert_eq!(plugin.wait(&[held, quick, held]).await, [1]);
    assert_eq!(plugin.finish(quick).await.unwrap().body, b"quick");
    gate.open();
    assert_eq!(plugin.wait(&[held]).await, [0]);
    assert_eq!(plugin.finish(held).await.unwrap().body, b"held");
}

#[tokio::test]
async fn a_wait_ends_at_the_first_deadline_where_the_host_knows_none() {
    let mut plugin = Foreign::new().await;
    plugin.ask(Silent);
    let later = plugin.start_get("http://h/").await;
    plugin
        .configure(configuration::Config {
            transfer_timeout: Some(300),
            ..nothing()
        })
        .await
        .unwrap();
    let soon = plugin.start_get("http://h/").await;
    let started = Instant::now();
    assert_eq!(plugin.wait(&[later, soon]).await, [1]);
    assert!(started.elapsed() < Duration::from_secs(5));
    let error = plugin.finish(soon).await.unwrap_err();
    assert!(matches!(error, RestError::TransferTimeout(_)), "{error:?}");
}

#[tokio::test]
async fn the_cap_is_kept_where_the_host_knows_none() {
    let pause = Duration::from_millis(300);
    let server = Server::start(move |seen| match &*seen.target {
        "/quick" => ok("quick"),
        "/in-parts" => vec![
            head("200 OK", &[("content-length", "6")]),
            raw("abc"),
            Step::Pause(pause),
            raw("def"),
        ],
        _ => vec![Step::Stall],
    })
    .await;
    let mut plugin = Foreign::new().await;
    let capped = |at_cap| configuration::Config {
        max_async_transfers: Some(2),
        at_cap,
        transfer_timeout: Some(20_000),
        ..nothing()
    };
    let reject = Some(configuration::AtCap::Reject);
    plugin.configure(capped(reject)).await.unwrap();
    let first = plugin.start_get(&server.url("/")).await;
    let _second = plugin.start_get(&server.url("/")).await;
    let third = plugin.start_get(&server.url("/quick")).await;
    let error = plugin.finish(third).await.unwrap_err();
    let RestError::Busy(text) = error else {
        panic!("{error:?}");
    };
    assert!(text.contains("max-async-transfers"), "{text}");
    let is_sent = server
        .record()
        .requests
        .iter()
        .any(|it| it.target == "/quick");
    assert!(!is_sent);
    // One more than the cap blocks its instance, and is over when that goes on.
    plugin.configure(capped(None)).await.unwrap();
    let started = Instant::now();
    let blocking = plugin.start_get(&server.url("/in-parts")).await;
    assert!(started.elapsed() >= pause);
    assert!(plugin.ready(blocking).await);
    assert_eq!(plugin.finish(blocking).await.unwrap().body, b"abcdef");
    let blocking = plugin.start_get(&server.url("/quick")).await;
    let error = plugin.finish_open(blocking).await.unwrap_err();
    assert!(matches!(error, RestError::Busy(_)), "{error:?}");
    // A slot is free once a transfer is given up.
    plugin.drop_transfer(first).await;
    plugin.configure(capped(reject)).await.unwrap();
    let third = plugin.start_get(&server.url("/quick")).await;
    assert_eq!(plugin.finish(third).await.unwrap().body, b"quick");
    // One that has failed is not in flight either.
    let refused = plugin.start_get("http://127.0.0.1:1/").await;
    plugin.wait(&[refused]).await;
    let third = plugin.start_get(&server.url("/quick")).await;
    assert_eq!(plugin.finish(third).await.unwrap().body, b"quick");
}

#[tokio::test]
async fn the_body_can_be_had_as_a_handle_while_it_still_arrives() {
    let gate = Gate::default();
    let held = gate.clone();
    let server = Server::start(move |_| {
        vec![
            head(
                "200 OK",
                &[("content-length", "6"), ("content-type", "a/b")],
            ),
            raw("abc"),
            Step::Wait(held.clone()),
            raw("def"),
        ]
    })
    .await;
    let mut plugin = Foreign::new().await;
    let transfer = plugin.start_get(&server.url("/")).await;
    let open = plugin.finish_open(transfer).await.unwrap();
    assert_eq!(open.status, 200);
    assert_eq!(open.headers["content-type"], "a/b");
    let mut body = open.body.unwrap();
    let mut stream = body.take_stream().unwrap();
    let mut bytes = Vec::new();
    loop {
        stream.ready().await;
        match stream.read(1024) {
            Ok(chunk) => bytes.extend_from_slice(&chunk),
            Err(StreamError::Closed) => break,
            Err(error) => panic!("{error}"),
        }
        if bytes == b"abc" {
            gate.open();
        }
    }
    assert_eq!(bytes, b"abcdef");
}

#[tokio::test]
async fn a_body_that_is_announced_too_large_is_not_handed_out() {
    let server = Server::start(|_| ok("more than ten bytes")).await;
    let mut plugin = Foreign::new().await;
    let config = configuration::Config {
        max_transfer_size: Some(10),
        ..nothing()
    };
    plugin.configure(config).await.unwrap();
    let transfer = plugin.start_get(&server.url("/")).await;
    let error = plugin.finish_open(transfer).await.unwrap_err();
    assert!(matches!(error, RestError::TooLarge(_)), "{error:?}");
}

#[tokio::test]
async fn dropping_one_ends_it_and_leaves_the_others() {
    let gate = Gate::default();
    let held = gate.clone();
    let server = Server::start(move |seen| match &*seen.target {
        "/stall" => vec![Step::Stall],
        _ => [vec![Step::Wait(held.clone())], ok("fine")].concat(),
    })
    .await;
    let mut plugin = Foreign::new().await;
    let stalled = plugin.start_get(&server.url("/stall")).await;
    let other = plugin.start_get(&server.url("/")).await;
    server
        .wait_for("both requests", |record| record.requests.len() == 2)
        .await;
    plugin.drop_transfer(stalled).await;
    server
        .wait_for("the end of the one", |record| record.open == 1)
        .await;
    gate.open();
    assert_eq!(plugin.finish(other).await.unwrap().body, b"fine");
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_told_at_its_end() {
    let mut plugin = Foreign::new().await;
    let transfer = plugin.start_get("ftp://h/").await;
    assert!(plugin.ready(transfer).await);
    plugin.block(transfer).await;
    let error = plugin.finish(transfer).await.unwrap_err();
    assert!(matches!(error, RestError::InvalidUrl(_)), "{error:?}");
}

/// The host has no deadlines. Each transfer keeps the one that it started with.
#[tokio::test]
async fn one_ends_at_its_deadline_whoever_polls_it() {
    let server = Server::start(|_| vec![Step::Stall]).await;
    let mut plugin = Foreign::new().await;
    let config = configuration::Config {
        transfer_timeout: Some(300),
        ..nothing()
    };
    plugin.configure(config).await.unwrap();
    let started = tokio::time::Instant::now();
    let transfer = plugin.start_get(&server.url("/")).await;
    while !plugin.ready(transfer).await {
        plugin.block(transfer).await;
    }
    assert!(started.elapsed() >= Duration::from_millis(300));
    assert!(started.elapsed() < Duration::from_secs(2));
    let error = plugin.finish(transfer).await.unwrap_err();
    assert!(matches!(error, RestError::TransferTimeout(_)), "{error:?}");
}

#[tokio::test]
async fn bodies_larger_than_what_a_host_takes_at_once_are_sent_whole() {
    let server = Server::start(|_| ok("")).await;
    let mut plugin = Foreign::new().await;
    let body = vec![b'x'; 3_000_000];
    let url = server.url("/");
    let transfers = plugin.component.rest_client_transfers();
    let post = transfers
        .call_start_post(&mut plugin.store, &url, &body, Some("a/b"), None)
        .await
        .unwrap();
    let put = transfers
        .call_start_put(&mut plugin.store, &url, b"small", None, None)
        .await
        .unwrap();
    let patch = transfers
        .call_start_request(&mut plugin.store, "PATCH", &url, None, None, None)
        .await
        .unwrap();
    for transfer in [post, put, patch] {
        while !plugin.ready(transfer).await {
            plugin.block(transfer).await;
        }
        assert_eq!(plugin.finish(transfer).await.unwrap().status, 200);
    }
    let mut seen = server.record().requests;
    seen.sort_by_key(|seen| seen.body.len());
    let methods: Vec<_> = seen.iter().map(|seen| &*seen.method).collect();
    assert_eq!(methods, ["PATCH", "PUT", "POST"]);
    assert!(seen[2].body == body);
    assert_eq!(seen[2].header("content-type"), ["a/b"]);
}
