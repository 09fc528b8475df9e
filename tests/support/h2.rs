//! Servers of HTTP/2 without TLS.

use crate::{
    listener::{Listener, until_closed},
    pki::Identity,
};
use bytes::Bytes;
use http_body_util::{Empty, Full};
use hyper::{
    HeaderMap, Response,
    header::{HeaderName, HeaderValue},
    server::conn::http2,
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::Barrier,
};
use tokio_rustls::TlsAcceptor;

/// Answers no request before a number of them are there at once. Runs until it
/// is dropped.
pub struct Together {
    listener: Listener,
    accepted: Arc<AtomicUsize>,
    tls: bool,
}

impl Together {
    /// Starts one without TLS on 127.0.0.1 that waits for `many`.
    pub async fn start(many: usize) -> Self {
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = accepted.clone();
        let barrier = Arc::new(Barrier::new(many));
        let listener = Listener::start(move |stream| {
            count.fetch_add(1, Ordering::SeqCst);
            serve(stream, barrier.clone())
        })
        .await;
        Self {
            listener,
            accepted,
            tls: false,
        }
    }

    /// Starts one with TLS on 127.0.0.1 that waits for `many`. Its first
    /// connection never gets beyond the beginning of the handshake.
    pub async fn start_tls_hanging_once(identity: &Identity, many: usize) -> Self {
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = accepted.clone();
        let barrier = Arc::new(Barrier::new(many));
        let mut config = (*identity.server_config()).clone();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = Listener::start(move |mut stream| {
            let hangs = count.fetch_add(1, Ordering::SeqCst) == 0;
            let (acceptor, barrier) = (acceptor.clone(), barrier.clone());
            async move {
                if hangs {
                    until_closed(&mut stream).await;
                } else if let Ok(stream) = acceptor.accept(stream).await {
                    serve(stream, barrier).await;
                }
            }
        })
        .await;
        Self {
            listener,
            accepted,
            tls: true,
        }
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}/", self.listener.address())
    }

    /// Connections so far.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    barrier: Arc<Barrier>,
) {
    let service = service_fn(move |_| {
        let barrier = barrier.clone();
        async move {
            barrier.wait().await;
            let body = Full::new(Bytes::from_static(b"together"));
            Ok::<_, Infallible>(Response::new(body))
        }
    });
    let connection =
        http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service);
    // A client that leaves is no fault.
    let _ = connection.await;
}

/// Answers each request with the same header fields. Runs until it is dropped.
pub struct Fields {
    listener: Listener,
}

impl Fields {
    /// Starts one on 127.0.0.1 that sends `fields`.
    pub async fn start(fields: &[(String, String)]) -> Self {
        let fields: HeaderMap = fields
            .iter()
            .map(|(name, value)| {
                let name = HeaderName::try_from(name).expect("a name");
                (name, HeaderValue::try_from(value).expect("a value"))
            })
            .collect();
        let listener = Listener::start(move |stream| {
            let fields = fields.clone();
            let service = service_fn(move |_| {
                let mut response = Response::new(Empty::<Bytes>::new());
                *response.headers_mut() = fields.clone();
                async { Ok::<_, Infallible>(response) }
            });
            let connection = http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service);
            async {
                // A client that leaves is no fault.
                let _ = connection.await;
            }
        })
        .await;
        Self { listener }
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/", self.listener.address())
    }
}
