//! Native: hyper-util's pooled client, which a Rust program would use that
//! needs no sandbox.

use super::{contender::Contender, names};
use crate::{
    load::{Load, drive},
    runtime,
    server::Addresses,
    tls,
};
use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use std::time::Duration;
use tokio::runtime::Runtime;

pub(super) struct Pooled {
    runtime: Runtime,
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
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
            .wrap_connector(http);
        Ok(Self {
            runtime: runtime::single_threaded()?,
            client: Client::builder(TokioExecutor::new()).build(https),
        })
    }
}

impl Contender for Pooled {
    fn name(&self) -> &'static str {
        names::NATIVE
    }

    fn run(&mut self, load: Load<'_>) -> Result<Duration> {
        let uri: http::Uri = load.url.parse()?;
        self.runtime.block_on(drive(load, || async {
            let reply = self.client.get(uri.clone()).await?;
            Ok(reply.into_body().collect().await?.to_bytes().len())
        }))
    }
}
