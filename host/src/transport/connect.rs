//! From an origin to a stream of bytes with its server: resolve, dial, TLS.

use super::{
    dial::dial,
    errors,
    policy::{Grant, Peer, Policy},
    proxy::{Proxies, Proxy},
    resolve::Resolver,
    socket::{Reins, Socket},
    stream::Stream,
    tls::{TlsPolicies, TlsSessions, Trust},
};
use crate::{
    call::{
        Call, Phase,
        failure::{Cause, Failure},
        origin::Origin,
    },
    config::{Config, ConfigError, HTTP1, HttpVersion},
};
use rustls::{ClientConfig, pki_types::ServerName};
use std::{net::IpAddr, sync::Arc, time::Duration};
use tokio::net::UnixStream;
use tokio_rustls::TlsConnector;

/// A way to the server, on which no HTTP was spoken yet.
pub(super) struct Link {
    pub(super) stream: Box<dyn Stream>,
    /// Of the socket below the stream.
    pub(super) reins: Reins,
    /// HTTP/2 is to be spoken on it: the server offered it, or nobody asked.
    pub(super) http2: bool,
    /// Who is at its other end, if not the server: requests are in absolute
    /// form.
    pub(super) proxy: Option<Proxy>,
    /// What TLS went by on the way, with the proxy and with the server.
    pub(super) trust: Vec<Trust>,
    pub(super) peer: Peer,
}

/// Where to connect, and on whose behalf.
pub(super) struct Way<'a> {
    pub(super) origin: &'a Origin,
    pub(super) grant: &'a Grant,
    pub(super) policy: &'a Policy,
    pub(super) sessions: &'a TlsSessions,
}

/// Makes connections, all under the same policy.
#[derive(Debug)]
pub(super) struct Connector {
    resolver: Resolver,
    tls: TlsPolicies,
    /// Empty where none is to be used.
    proxies: Option<Proxies>,
    version: HttpVersion,
    /// The longest that a call may take.
    transfer_timeout: Duration,
}

impl Connector {
    /// # Errors
    ///
    /// The TLS policy can't be made, or the environment names what is no proxy.
    pub(super) fn new(config: &Config) -> Result<Self, ConfigError> {
        Ok(Self {
            resolver: Resolver::new(config.dns_servers.clone()),
            tls: TlsPolicies::new(config)?,
            proxies: config.proxy_from_env.then(Proxies::from_env).transpose()?,
            version: config.http_version,
            transfer_timeout: config.transfer_timeout,
        })
    }

    /// Connects. The caller sets the deadline.
    ///
    /// # Errors
    ///
    /// Among others, the policy grants no address of the server, or of the proxy on
    /// the way to it.
    pub(super) async fn connect(&self, way: &Way<'_>, call: &Call) -> Result<Link, Failure> {
        let origin = way.origin;
        if let Some(path) = &origin.socket {
            call.enter(Phase::Connect);
            let stream = UnixStream::connect(path).await.map_err(errors::of_socket)?;
            tracing::debug!(%origin, "connected");
            let socket = Socket::unix(stream);
            return self.link(socket, Peer::Socket, None, way, call).await;
        }
        let Some(proxy) = self.proxies.as_ref().and_then(|it| it.of_origin(origin)) else {
            let (socket, address) = self.reach(origin, way.grant, call).await?;
            let reins = socket.reins();
            return reins
                .hold(self.link(socket, Peer::Server(address), None, way, call))
                .await;
        };
        let granted = way
            .policy
            .proxy(&proxy.origin, way.grant, call.is_for_plugin());
        let reached = match granted {
            Ok(grant) => self.reach(&proxy.origin, &grant, call).await,
            Err(failure) => Err(failure),
        };
        let (socket, address) = reached.map_err(|failure| proxy.failed(failure))?;
        let reins = socket.reins();
        let peer = Peer::Proxy(Box::new(proxy.origin.clone()), address);
        reins
            .hold(self.link(socket, peer, Some(proxy), way, call))
            .await
    }

    /// Speaks to the proxy and TLS, as far as there is one.
    async fn link(
        &self,
        socket: Socket,
        peer: Peer,
        proxy: Option<Proxy>,
        way: &Way<'_>,
        call: &Call,
    ) -> Result<Link, Failure> {
        let Way {
            origin, sessions, ..
        } = *way;
        let reins = socket.reins();
        let mut trust = Vec::new();
        let stream: Box<dyn Stream> = match proxy {
            Some(proxy) => {
                let stream = self
                    .secure_proxy(socket, &proxy, way, call, &mut trust)
                    .await;
                let stream = stream.map_err(|failure| proxy.failed(failure))?;
                if !origin.tls && !self.version.may_be_http2(false) {
                    return Ok(Link {
                        stream,
                        reins,
                        http2: false,
                        proxy: Some(proxy),
                        trust,
                        peer,
                    });
                }
                call.enter(Phase::Proxy);
                proxy.tunnel(stream, origin).await?
            }
            None => Box::new(socket),
        };
        let (stream, chosen) = if origin.tls {
            let (client, of_server) = self.tls.of(origin).client().await?;
            let client = sessions.of(client, &of_server);
            trust.push(of_server);
            secure(stream, origin, client, call).await?
        } else {
            (stream, None)
        };
        Ok(Link {
            stream,
            reins,
            http2: self.version.is_http2(chosen.as_deref()),
            proxy: None,
            trust,
            peer,
        })
    }

    /// Connects to an address of `origin` that is granted.
    async fn reach(
        &self,
        origin: &Origin,
        grant: &Grant,
        call: &Call,
    ) -> Result<(Socket, IpAddr), Failure> {
        call.enter(Phase::NameLookup);
        let addresses = self.resolver.addresses(&origin.host)?;
        let (stream, address) = dial(addresses, origin.port, grant, call).await?;
        tracing::debug!(%origin, %address, "connected");
        Ok((Socket::tcp(stream, self.transfer_timeout), address))
    }

    /// Speaks TLS to the proxy, if it wants that.
    async fn secure_proxy(
        &self,
        socket: Socket,
        proxy: &Proxy,
        way: &Way<'_>,
        call: &Call,
        trust: &mut Vec<Trust>,
    ) -> Result<Box<dyn Stream>, Failure> {
        if !proxy.origin.tls {
            return Ok(Box::new(socket));
        }
        let (client, of_proxy) = self.tls.of(&proxy.origin).client().await?;
        let client = way.sessions.of(client, &of_proxy);
        trust.push(of_proxy);
        // Tunnels through a connection of HTTP/2 are another matter.
        let mut client = ClientConfig::clone(&client);
        client.alpn_protocols = vec![HTTP1.to_vec()];
        let (stream, _) = secure(socket, &proxy.origin, Arc::new(client), call).await?;
        Ok(stream)
    }

    /// Whether a connection to `origin` may turn out to speak HTTP/2.
    pub(super) fn may_speak_http2(&self, origin: &Origin) -> bool {
        self.version.may_be_http2(origin.tls)
    }
}

/// Speaks TLS over `stream`, and returns the protocol that the server chose to
/// have spoken over that.
async fn secure(
    stream: impl Stream + 'static,
    origin: &Origin,
    client: Arc<ClientConfig>,
    call: &Call,
) -> Result<(Box<dyn Stream>, Option<Vec<u8>>), Failure> {
    call.enter(Phase::Tls);
    let name = ServerName::try_from(origin.server_name().to_owned())
        .map_err(|_| Failure::new(Cause::Tls, "this host name can't stand in a certificate"))?;
    let stream = TlsConnector::from(client)
        .connect(name, stream)
        .await
        .map_err(errors::securing)?;
    let (_, session) = stream.get_ref();
    tracing::debug!(
        %origin,
        version = ?session.protocol_version(),
        cipher = ?session.negotiated_cipher_suite().map(|suite| suite.suite()),
        "TLS is established"
    );
    let chosen = session.alpn_protocol().map(<[u8]>::to_vec);
    Ok((Box::new(stream), chosen))
}
