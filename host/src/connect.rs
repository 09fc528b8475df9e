//! From an origin to a stream of bytes with its server: resolve, dial, TLS.

use crate::{
    call::{Call, Phase},
    config::{Config, ConfigError, HttpVersion},
    connection::Stream,
    failure::{Cause, Failure},
    origin::Origin,
    resolve::Resolver,
    tls::{self, TlsPolicy},
};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

/// How long one address is tried before the next is tried beside it (RFC 8305,
/// section 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// A way to the server, on which no HTTP was spoken yet.
pub(crate) struct Link {
    pub(crate) stream: Box<dyn Stream>,
    /// HTTP/2 is to be spoken on it: the server offered it, or nobody asked.
    pub(crate) http2: bool,
}

/// Makes connections, all under the same policy.
#[derive(Debug)]
pub(crate) struct Connector {
    resolver: Resolver,
    tls: TlsPolicy,
    version: HttpVersion,
}

impl Connector {
    /// # Errors
    ///
    /// The TLS policy can't be made.
    pub(crate) fn new(config: &Config) -> Result<Self, ConfigError> {
        Ok(Self {
            resolver: Resolver::new(config.dns_servers.clone()),
            tls: TlsPolicy::new(config)?,
            version: config.http_version,
        })
    }

    /// Connects to `origin`. The caller sets the deadline.
    pub(crate) async fn connect(&self, origin: &Origin, call: &Call) -> Result<Link, Failure> {
        call.enter(Phase::NameLookup);
        let addresses = self.resolver.resolve(&origin.host).await?;
        tracing::debug!(%origin, ?addresses, "the host has addresses");
        call.enter(Phase::Connect);
        let stream = dial(&addresses, origin.port).await?;
        tracing::debug!(%origin, peer = ?stream.peer_addr().ok(), "connected");
        let prior_knowledge = self.version == HttpVersion::Http2PriorKnowledge;
        if !origin.tls {
            return Ok(Link {
                stream: Box::new(stream),
                http2: prior_knowledge,
            });
        }
        call.enter(Phase::Tls);
        let name = ServerName::try_from(origin.server_name().to_owned())
            .map_err(|_| Failure::new(Cause::Tls, "this host name can't stand in a certificate"))?;
        let stream = TlsConnector::from(self.tls.client().await?)
            .connect(name, stream)
            .await
            .map_err(|error| tls::handshake_failure(&error))?;
        let (_, session) = stream.get_ref();
        tracing::debug!(
            %origin,
            version = ?session.protocol_version(),
            cipher = ?session.negotiated_cipher_suite().map(|suite| suite.suite()),
            "TLS is established"
        );
        let http2 = prior_knowledge || session.alpn_protocol() == Some(b"h2");
        Ok(Link {
            stream: Box::new(stream),
            http2,
        })
    }

    /// Whether a connection to `origin` may turn out to speak HTTP/2.
    pub(crate) fn may_speak_http2(&self, origin: &Origin) -> bool {
        match self.version {
            HttpVersion::Http10 | HttpVersion::Http11 => false,
            HttpVersion::Auto | HttpVersion::Http2 | HttpVersion::Http2Tls => origin.tls,
            HttpVersion::Http2PriorKnowledge => true,
        }
    }
}

/// Connects to the first of `addresses` that answers, which alternate between
/// the two families, each with a head start before the next (RFC 8305).
async fn dial(addresses: &[IpAddr], port: u16) -> Result<TcpStream, Failure> {
    let mut waiting = interleaved(addresses).into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut last = None;
    loop {
        if let Some(address) = waiting.next() {
            attempts.push(TcpStream::connect(SocketAddr::new(address, port)));
        }
        if attempts.is_empty() {
            return Err(last.map_or_else(
                || Failure::new(Cause::Dns, "the name has no address"),
                |error| unreachable(&error, addresses.len()),
            ));
        }
        let head_start = async {
            if waiting.len() == 0 {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(ATTEMPT_DELAY).await;
        };
        tokio::select! {
            Some(attempt) = attempts.next() => match attempt {
                Ok(stream) => {
                    // Requests are small and are waited for: nothing is gained
                    // by gathering bytes.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "TCP_NODELAY can't be set");
                    }
                    return Ok(stream);
                }
                Err(error) => last = Some(error),
            },
            () = head_start => {}
        }
    }
}

fn interleaved(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let (first, second): (Vec<IpAddr>, Vec<IpAddr>) = addresses
        .iter()
        .partition(|address| address.is_ipv6() == addresses[0].is_ipv6());
    let mut second = second.into_iter();
    let mut order = Vec::with_capacity(addresses.len());
    for address in first {
        order.push(address);
        order.extend(second.next());
    }
    order.extend(second);
    order
}

fn unreachable(error: &io::Error, addresses: usize) -> Failure {
    let of_all = if addresses > 1 {
        format!(" (the last of {addresses} addresses)")
    } else {
        String::new()
    };
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Failure::new(
            Cause::Refused,
            format!("the connection was refused, nothing listens on this port{of_all}"),
        ),
        io::ErrorKind::TimedOut => Failure::new(
            Cause::ConnectionTimeout,
            format!("the system gave up connecting{of_all}"),
        ),
        _ => Failure::new(
            Cause::Refused,
            format!("the host can't be reached: {error}{of_all}"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_alternate_between_the_families() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let given = ["::1", "::2", "::3", "127.0.0.1"].map(address);
        let expected = ["::1", "127.0.0.1", "::2", "::3"].map(address);
        assert_eq!(interleaved(&given), expected);
        let given = ["127.0.0.1", "::1", "::2"].map(address);
        let expected = ["127.0.0.1", "::1", "::2"].map(address);
        assert_eq!(interleaved(&given), expected);
    }

    #[tokio::test]
    async fn an_address_that_refuses_does_not_hide_one_that_answers() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let addresses = ["127.0.0.2", "127.0.0.1"].map(|text| text.parse().unwrap());
        let stream = dial(&addresses, port).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), listener.local_addr().unwrap());
    }
}
