//! This project, through its library.

use super::{contender::Contender, names};
use crate::{
    load::{Load, Over, drive},
    runtime,
    server::Addresses,
};
use anyhow::{Context as _, Result};
use rest_client_host::{Config, Host, HttpVersion, Instance, Service};
use std::time::Duration;
use tokio::runtime::Runtime;

/// The name of the server's socket.
pub(crate) const SERVICE: &str = "bench";

/// The name of the server over loopback.
pub(crate) const LOOPBACK: &str = "loopback";

/// A host that trusts the server, and speaks HTTP/1.1 as the others are told. No call meets its
/// cap, since only the cost of a call is measured.
pub(crate) fn host(addresses: &Addresses, share_connections: bool) -> Result<Host> {
    speaking(HttpVersion::Http11, addresses, share_connections)
}

fn speaking(version: HttpVersion, addresses: &Addresses, share_connections: bool) -> Result<Host> {
    let mut config = Config::default();
    config.max_async_transfers = 100_000;
    config.http_version = version;
    config.ssl_capath = Some(addresses.authority.clone());
    config.ca_only = true;
    config.share_connections = share_connections;
    let origin = format!("unix:{}", addresses.socket.display());
    let service = Service::new(origin.parse().map_err(anyhow::Error::msg)?);
    config.services.insert(SERVICE.into(), service);
    let origin = format!("http://{}", addresses.plain);
    let service = Service::new(origin.parse().map_err(anyhow::Error::msg)?);
    config.services.insert(LOOPBACK.into(), service);
    Host::new(config).context("the host can't be made")
}

/// One instance for all calls.
pub(crate) struct Library {
    runtime: Runtime,
    instance: Instance,
    /// Speaks HTTP/2 where the server does, as by default.
    http2: Instance,
}

impl Library {
    pub(crate) fn new(addresses: &Addresses) -> Result<Self> {
        Ok(Self {
            runtime: runtime::single_threaded()?,
            instance: host(addresses, false)?.instance(),
            http2: speaking(HttpVersion::Auto, addresses, false)?.instance(),
        })
    }
}

impl Contender for Library {
    fn name(&self) -> &'static str {
        names::OURS
    }

    fn speaks(&self, _: Over) -> bool {
        true
    }

    fn run(&mut self, load: Load<'_>) -> Result<Duration> {
        let instance = match load.over {
            Over::Http2 => &self.http2,
            _ => &self.instance,
        };
        self.runtime.block_on(drive(load, || async {
            Ok(instance.rest_get(load.url).await?.body().len())
        }))
    }
}

/// A new instance, and so a new sandbox, for every call. The instances share
/// their connections.
pub(super) struct FreshInstances {
    runtime: Runtime,
    host: Host,
}

impl FreshInstances {
    pub(super) fn new(addresses: &Addresses) -> Result<Self> {
        Ok(Self {
            runtime: runtime::single_threaded()?,
            host: host(addresses, true)?,
        })
    }
}

impl Contender for FreshInstances {
    fn name(&self) -> &'static str {
        names::FRESH
    }

    fn run(&mut self, load: Load<'_>) -> Result<Duration> {
        self.runtime.block_on(drive(load, || async {
            let instance = self.host.instance();
            Ok(instance.rest_get(load.url).await?.body().len())
        }))
    }
}
