//! From a host name to its addresses.
//!
//! The resolver is asynchronous throughout: a name server that never answers
//! holds a socket until the deadline of the call, and no thread at all, as
//! `getaddrinfo` would. It reads `/etc/hosts` and `/etc/resolv.conf`, search
//! list included; it knows no other sources of the name service switch.

use crate::call::{
    failure::{Cause, Failure},
    origin::literal,
};
use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig},
    net::{DnsError, NetError, runtime::TokioRuntimeProvider},
};
use std::{
    net::{IpAddr, SocketAddr},
    sync::OnceLock,
};

/// Looks names up. Reads the system's settings at the first one.
#[derive(Debug)]
pub(super) struct Resolver {
    servers: Vec<SocketAddr>,
    inner: OnceLock<Result<TokioResolver, Failure>>,
}

impl Resolver {
    /// Asks `servers`, or those of the system if there are none.
    pub(super) fn new(servers: Vec<SocketAddr>) -> Self {
        Self {
            servers,
            inner: OnceLock::new(),
        }
    }

    /// The addresses of `host`, a name or an address as it stands in a URL.
    /// There is at least one.
    pub(super) async fn resolve(&self, host: &str) -> Result<Vec<IpAddr>, Failure> {
        if let Ok(address) = literal(host).parse() {
            return Ok(vec![address]);
        }
        let resolver = self.inner.get_or_init(|| build(&self.servers));
        let resolver = resolver.as_ref().map_err(Clone::clone)?;
        let addresses: Vec<IpAddr> = resolver
            .lookup_ip(host)
            .await
            .map_err(failure)?
            .iter()
            .collect();
        if addresses.is_empty() {
            return Err(Failure::new(Cause::Dns, "the name has no address"));
        }
        Ok(addresses)
    }
}

fn build(servers: &[SocketAddr]) -> Result<TokioResolver, Failure> {
    let mut builder = if servers.is_empty() {
        TokioResolver::builder_tokio()
    } else {
        let servers = servers.iter().map(|server| {
            let port = |mut connection: ConnectionConfig| {
                connection.port = server.port();
                connection
            };
            let connections = vec![port(ConnectionConfig::udp()), port(ConnectionConfig::tcp())];
            NameServerConfig::new(server.ip(), true, connections)
        });
        let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
        Ok(TokioResolver::builder_with_config(
            config,
            TokioRuntimeProvider::default(),
        ))
    }
    .map_err(|error| {
        Failure::new(
            Cause::Dns,
            format!("the system's name servers are not known: {error}"),
        )
    })?;
    builder.options_mut().ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    builder
        .build()
        .map_err(|error| Failure::new(Cause::Dns, format!("no resolver can be made: {error}")))
}

fn failure(error: NetError) -> Failure {
    let sentence = match &error {
        NetError::Timeout => "no name server answered".to_owned(),
        NetError::Dns(DnsError::NoRecordsFound(_)) => {
            "there is no such name, or it has no address".to_owned()
        }
        other => format!("the name servers can't be asked: {other}"),
    };
    Failure::new(Cause::Dns, sentence).because(error)
}
