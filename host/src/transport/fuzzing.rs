//! What fuzz targets reach of the transport: a reply that comes over no network, and
//! what the egress policy grants.

use super::{
    Policy, Pools, Rules, Tenant, Transport,
    connect::Link,
    exchange::Exchange,
    policy::{Grant, Peer, Route, special},
    request_body::Outgoing,
    socket::Reins,
};
use crate::{
    call::{Call, origin::Origin},
    config::{Config, ConfigError, Egress},
};
use bytes::Bytes;
use http::{HeaderMap, Method, Response, Uri};
use std::{fmt, net::IpAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};

/// What a reply may take that is all there.
const PATIENCE: Duration = Duration::from_secs(10);

/// The class of an address that is nobody's on the internet.
#[must_use]
pub fn special_address(address: IpAddr) -> Option<&'static str> {
    special(address)
}

/// Whether a plugin under `egress` may send a request with `method` to `url` at
/// `address`. Empty if it is refused before there is an address.
#[must_use]
pub fn allows(egress: &Egress, method: &Method, url: &Uri, address: IpAddr) -> Option<bool> {
    let origin = Origin::of(url).ok()?;
    let policy = policy(egress).ok()?;
    match policy.route(&origin, method, true).ok()? {
        Route::Server(grant) => Some(grant.allows(address)),
        Route::Service(_) => None,
    }
}

fn policy(egress: &Egress) -> Result<Policy, ConfigError> {
    let rules = Rules::new(&std::collections::BTreeMap::new(), egress)?;
    Ok(Policy::new(Arc::new(rules)))
}

/// A transport whose connections are made by who uses it.
pub struct InMemory {
    transport: Transport,
    tenant: Tenant,
    origin: Origin,
}

impl InMemory {
    /// # Errors
    ///
    /// What the configuration refuses.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        Ok(Self {
            transport: Transport::new(config)?,
            tenant: Tenant::new(0, Pools::new(config).pool(), policy(&Egress::default())?),
            origin: Origin {
                tls: false,
                host: "h".to_owned(),
                port: 80,
                socket: None,
            },
        })
    }

    /// Sends a request over `stream`, and gathers what is the reply to it.
    ///
    /// # Errors
    ///
    /// Why there is no whole reply, in a sentence.
    ///
    /// # Panics
    ///
    /// There is no end to it.
    pub async fn ask(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        http2: bool,
        method: Method,
    ) -> Result<Response<Bytes>, String> {
        let call = Call::start(PATIENCE, PATIENCE);
        let exchange = Exchange {
            transport: &self.transport,
            tenant: &self.tenant,
            call: &call,
            origin: &self.origin,
            grant: &Grant::Everything,
            connect_timeout: PATIENCE,
            deadline: call.transfer_deadline(),
        };
        let link = Link {
            stream: Box::new(stream),
            reins: Reins::default(),
            http2,
            proxy: None,
            trust: Vec::new(),
            peer: Peer::Socket,
        };
        let outgoing = Outgoing {
            method,
            uri: Uri::from_static("http://h/"),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        };
        let replied = timeout(PATIENCE, exchange.over(link, &outgoing)).await;
        let replied = replied.expect("a reply that is all there has an end");
        match replied {
            Ok(reply) => Ok(Response::from_parts(reply.head, reply.body.into_bytes())),
            Err(failure) => Err(failure.sentence),
        }
    }
}

impl fmt::Debug for InMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemory").finish_non_exhaustive()
    }
}
