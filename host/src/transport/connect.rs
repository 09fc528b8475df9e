//! From an origin to a stream of bytes with its server: resolve, dial, TLS.

use super::{
    dial::dial,
    errors,
    proxy::{Proxies, Proxy},
    resolve::Resolver,
    socket::{Reins, Socket},
    stream::Stream,
    tls::{TlsPolicies, Trust},
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
use std::{sync::Arc, time::Duration};
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

    /// Connects to `origin`. The caller sets the deadline.
    pub(super) async fn connect(&self, origin: &Origin, call: &Call) -> Result<Link, Failure> {
        let proxy = self.proxies.as_ref().and_then(|it| it.of_origin(origin));
        let target = proxy.as_ref().map_or(origin, |proxy| &proxy.origin);
        let of_proxy = |failure| match &proxy {
            Some(proxy) => proxy.failed(failure),
            None => failure,
        };
        let socket = self.reach(target, call).await.map_err(of_proxy)?;
        let reins = socket.reins();
        reins.hold(self.link(socket, proxy, origin, call)).await
    }

    /// Speaks to the proxy and TLS, as far as there is one.
    async fn link(
        &self,
        socket: Socket,
        proxy: Option<Proxy>,
        origin: &Origin,
        call: &Call,
    ) -> Result<Link, Failure> {
        let reins = socket.reins();
        let mut trust = Vec::new();
        let stream: Box<dyn Stream> = match proxy {
            Some(proxy) => {
                let stream = self.secure_proxy(socket, &proxy, call, &mut trust).await;
                let stream = stream.map_err(|failure| proxy.failed(failure))?;
                if !origin.tls && !self.version.may_be_http2(false) {
                    return Ok(Link {
                        stream,
                        reins,
                        http2: false,
                        proxy: Some(proxy),
                        trust,
                    });
                }
                call.enter(Phase::Proxy);
                proxy.tunnel(stream, origin).await?
            }
            None => Box::new(socket),
        };
        let (stream, chosen) = if origin.tls {
            let (client, of_server) = self.tls.of(origin).client().await?;
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
        })
    }

    async fn reach(&self, origin: &Origin, call: &Call) -> Result<Socket, Failure> {
        call.enter(Phase::NameLookup);
        let addresses = self.resolver.addresses(&origin.host)?;
        let stream = dial(addresses, origin.port, call).await?;
        tracing::debug!(%origin, peer = ?stream.peer_addr().ok(), "connected");
        Ok(Socket::new(stream, self.transfer_timeout))
    }

    /// Speaks TLS to the proxy, if it wants that.
    async fn secure_proxy(
        &self,
        socket: Socket,
        proxy: &Proxy,
        call: &Call,
        trust: &mut Vec<Trust>,
    ) -> Result<Box<dyn Stream>, Failure> {
        if !proxy.origin.tls {
            return Ok(Box::new(socket));
        }
        let (client, of_proxy) = self.tls.of(&proxy.origin).client().await?;
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
