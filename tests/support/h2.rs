//! A server of HTTP/2 without TLS that answers no request before so many are
//! there at once.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{net::TcpListener, sync::Barrier, task::JoinSet};

/// Runs until it is dropped.
pub struct Together {
    address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Together {
    /// Starts one on 127.0.0.1 that waits for `many`.
    pub async fn start(many: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port on loopback");
        let address = listener.local_addr().expect("an address");
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = accepted.clone();
        let barrier = Arc::new(Barrier::new(many));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let barrier = barrier.clone();
                let service = service_fn(move |_| {
                    let barrier = barrier.clone();
                    async move {
                        barrier.wait().await;
                        let body = Full::new(Bytes::from_static(b"together"));
                        Ok::<_, Infallible>(Response::new(body))
                    }
                });
                connections.spawn(async move {
                    let connection = http2::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service);
                    // A client that leaves is no fault.
                    let _ = connection.await;
                });
            }
        });
        Self {
            address,
            accepted,
            _tasks: tasks,
        }
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Connections so far.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}
