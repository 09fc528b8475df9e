//! reqwest, which most Rust programs use.

use super::{contender::Contender, names};
use crate::{
    load::{Load, drive},
    runtime,
    server::Addresses,
    tls,
};
use anyhow::Result;
use std::time::Duration;
use tokio::runtime::Runtime;

pub(super) struct Reqwest {
    runtime: Runtime,
    client: reqwest::Client,
}

impl Reqwest {
    pub(super) fn new(addresses: &Addresses) -> Result<Self> {
        Ok(Self {
            runtime: runtime::single_threaded()?,
            client: reqwest::Client::builder()
                .use_preconfigured_tls(tls::client(addresses)?)
                .no_proxy()
                .build()?,
        })
    }
}

impl Contender for Reqwest {
    fn name(&self) -> &'static str {
        names::REQWEST
    }

    fn run(&mut self, load: Load<'_>) -> Result<Duration> {
        self.runtime.block_on(drive(load, || async {
            Ok(self.client.get(load.url).send().await?.bytes().await?.len())
        }))
    }
}
