//! Native: hyper-util's pooled client, which a Rust program would use that
//! needs no sandbox.

use super::{contender::Contender, names};
use crate::{
    load::{Load, Over, drive},
    runtime,
    server::Addresses,
    tls,
};
use anyhow::Result;
use bytes::Bytes;
use http::Uri;
use http_body_util::{BodyExt as _, Empty};
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use std::{
    io,
    path::PathBuf,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{net::UnixStream, runtime::Runtime};
use tower_service::Service;

pub(super) struct Pooled {
    runtime: Runtime,
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    http2: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    at_socket: Client<Socket, Empty<Bytes>>,
}

/// Connects to the socket of the server, whatever a URL says.
#[derive(Clone)]
struct Socket(PathBuf);

impl Service<Uri> for Socket {
    type Response = TokioIo<UnixStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let path = self.0.clone();
        Box::pin(async { Ok(TokioIo::new(UnixStream::connect(path).await?)) })
    }
}

impl Pooled {
    pub(super) fn new(addresses: &Addresses) -> Result<Self> {
        let mut http = HttpConnector::new();
        http.set_nodelay(true);
        http.enforce_http(false);
        let https = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls::client(addresses)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http.clone());
        // It is given no protocols for TLS, and offers those that are enabled.
        let https_or_http2 = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls::client(addresses)?)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(http);
        Ok(Self {
            runtime: runtime::single_threaded()?,
            client: Client::builder(TokioExecutor::new()).build(https),
            http2: Client::builder(TokioExecutor::new()).build(https_or_http2),
            at_socket: Client::builder(TokioExecutor::new())
                .build(Socket(addresses.socket.clone())),
        })
    }
}

impl Contender for Pooled {
    fn name(&self) -> &'static str {
        names::NATIVE
    }

    fn speaks(&self, _: Over) -> bool {
        true
    }

    fn run(&mut self, load: Load<'_>) -> Result<Duration> {
        let uri: Uri = load.url.parse()?;
        self.runtime.block_on(drive(load, || async {
            let reply = match load.over {
                Over::Unix => self.at_socket.get(uri.clone()).await?,
                Over::Http2 => self.http2.get(uri.clone()).await?,
                _ => self.client.get(uri.clone()).await?,
            };
            Ok(reply.into_body().collect().await?.to_bytes().len())
        }))
    }
}
