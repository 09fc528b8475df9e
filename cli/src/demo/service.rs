//! The service that the demonstration asks: small, on loopback, and willing to
//! misbehave.

use anyhow::{Context as _, Result};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{Method, Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rcgen::KeyPair;
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, pem::PemObject as _},
};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

/// What the slow report has sent when it stops.
pub(super) const REPORT_SO_FAR: &str = "calls=41 minutes=3";

/// How long the slow look-up takes.
pub(super) const SLOW: Duration = Duration::from_millis(400);

/// The addresses of the service, and the certificate that it shows.
pub(super) struct Service {
    pub(super) http: String,
    pub(super) https: String,
    /// Accepts connections, and never says a word.
    pub(super) silent: String,
    /// Nothing listens there: the port is held, so that nobody else can.
    pub(super) closed: String,
    pub(super) certificate_pem: String,
    _closed: tokio::net::TcpSocket,
}

/// Starts the service; it ends with the runtime.
pub(super) async fn start() -> Result<Service> {
    let (http, http_address) = bind().await?;
    tokio::spawn(accept(http, None));

    let certified = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
    let (https, https_address) = bind().await?;
    tokio::spawn(accept(https, Some(acceptor(&certified)?)));

    let (silent, silent_address) = bind().await?;
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((connection, _)) = silent.accept().await {
            held.push(connection);
        }
    });

    let closed = tokio::net::TcpSocket::new_v4()?;
    closed.bind(([127, 0, 0, 1], 0).into())?;
    let closed_address = closed.local_addr()?;
    Ok(Service {
        http: format!("http://{http_address}"),
        https: format!("https://{https_address}"),
        silent: format!("https://{silent_address}"),
        closed: format!("http://{closed_address}"),
        certificate_pem: certified.cert.pem(),
        _closed: closed,
    })
}

async fn bind() -> Result<(TcpListener, std::net::SocketAddr)> {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .context("no port on 127.0.0.1 can be had for the service")?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

fn acceptor(certified: &rcgen::CertifiedKey<KeyPair>) -> Result<TlsAcceptor> {
    let key = PrivateKeyDer::from_pem_slice(certified.signing_key.serialize_pem().as_bytes())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>) {
    while let Ok((connection, _)) = listener.accept().await {
        let tls = tls.clone();
        // Else the system waits for more to send, up to 40 ms.
        let _ = connection.set_nodelay(true);
        tokio::spawn(async move {
            match tls {
                None => serve(connection).await,
                // A client that does not trust the certificate hangs up here.
                Some(tls) => match tls.accept(connection).await {
                    Ok(connection) => serve(connection).await,
                    Err(error) => tracing::debug!(%error, "the demonstration's TLS handshake"),
                },
            }
        });
    }
}

async fn serve(connection: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
    let served = http1::Builder::new()
        .serve_connection(TokioIo::new(connection), service_fn(answer))
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection of the demonstration's service");
    }
}

type Body = BoxBody<Bytes, Infallible>;

async fn answer(request: Request<Incoming>) -> Result<Response<Body>, hyper::Error> {
    let (parts, body) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    Ok(match (parts.method, parts.uri.path()) {
        (Method::GET, "/credit") if query == "caller=alice" => {
            reply(StatusCode::OK, "text/plain", "12.50 EUR")
        }
        (Method::GET, "/credit") => reply(StatusCode::NOT_FOUND, "text/plain", "no such caller"),
        (Method::GET, "/slow") => {
            tokio::time::sleep(SLOW).await;
            reply(StatusCode::OK, "text/plain", "found at last")
        }
        (Method::POST, "/register") => {
            let contact = body.collect().await?.to_bytes();
            let registered = format!(
                r#"{{"registered":"{}","expires":3600}}"#,
                String::from_utf8_lossy(&contact).escape_debug()
            );
            reply(StatusCode::CREATED, "application/json", registered)
        }
        (Method::GET, "/report") => {
            let begun = Frame::data(Bytes::from_static(REPORT_SO_FAR.as_bytes()));
            let never_done = stream::iter([Ok(begun)]).chain(stream::pending());
            Response::new(BoxBody::new(StreamBody::new(never_done)))
        }
        (Method::GET, "/everything") => {
            reply(StatusCode::OK, "application/octet-stream", vec![0; 1 << 20])
        }
        _ => reply(StatusCode::NOT_FOUND, "text/plain", "no such page"),
    })
}

fn reply(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Full::new(body.into()).boxed());
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static(content_type),
    );
    response
}
