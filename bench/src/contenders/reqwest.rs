//! reqwest, which most Rust programs use.

use super::{contender::Contender, names};
use crate::{
    load::{Load, Over, drive},
    runtime,
    server::Addresses,
    tls,
};
use anyhow::Result;
use rustls::ClientConfig;
use std::time::Duration;
use tokio::runtime::Runtime;

pub(super) struct Reqwest {
    runtime: Runtime,
    client: reqwest::Client,
    http2: reqwest::Client,
}

impl Reqwest {
    pub(super) fn new(addresses: &Addresses) -> Result<Self> {
        let client = |tls: ClientConfig| {
            reqwest::Client::builder()
                .use_preconfigured_tls(tls)
                .no_proxy()
                .build()
        };
        Ok(Self {
            runtime: runtime::single_threaded()?,
            client: client(tls::client(addresses)?)?,
            http2: client(tls::http2_client(addresses)?)?,
        })
    }
}

impl Contender for Reqwest {
    fn name(&self) -> &'static str {
        names::REQWEST
    }

    fn speaks(&self, over: Over) -> bool {
        over != Over::Unix
    }

    fn run(&mut self, load: Load<'_>) -> Result<Duration> {
        let client = match load.over {
            Over::Http2 => &self.http2,
            _ => &self.client,
        };
        self.runtime.block_on(drive(load, || async {
            Ok(client.get(load.url).send().await?.bytes().await?.len())
        }))
    }
}
