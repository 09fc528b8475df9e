//! A server of HTTP/2 without TLS. It answers no request before a number of them
//! are there at once.

use crate::listener::Listener;
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{net::TcpStream, sync::Barrier};

/// Runs until it is dropped.
pub struct Together {
    listener: Listener,
    accepted: Arc<AtomicUsize>,
}

impl Together {
    /// Starts one on 127.0.0.1 that waits for `many`.
    pub async fn start(many: usize) -> Self {
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = accepted.clone();
        let barrier = Arc::new(Barrier::new(many));
        let listener = Listener::start(move |stream| {
            count.fetch_add(1, Ordering::SeqCst);
            serve(stream, barrier.clone())
        })
        .await;
        Self { listener, accepted }
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/", self.listener.address())
    }

    /// Connections so far.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

async fn serve(stream: TcpStream, barrier: Arc<Barrier>) {
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
