//! HTTP/2 on connections of TLS, and how many of them are used.

use super::Replies;
use bytes::Bytes;
use http::Response;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

/// Counts the connections that have brought a request since somebody asked.
#[derive(Debug, Default)]
pub(super) struct Used {
    connections: AtomicUsize,
    /// How often somebody has asked.
    asked: AtomicUsize,
}

impl Used {
    /// How many there are, as a reply in HTTP/1.1. From now on they are counted anew.
    pub(super) fn reply(&self) -> Vec<u8> {
        self.asked.fetch_add(1, Relaxed);
        let connections = self.connections.swap(0, Relaxed).to_string();
        let length = connections.len();
        format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{connections}"
        )
        .into_bytes()
    }

    /// Counts a connection that brings a request, which was counted last when `counted`.
    fn count(&self, counted: &mut Option<usize>) {
        let asked = self.asked.load(Relaxed);
        if *counted != Some(asked) {
            *counted = Some(asked);
            self.connections.fetch_add(1, Relaxed);
        }
    }
}

/// Answers each request of a connection with the small body, in the task that reads it.
pub(super) async fn secured(acceptor: TlsAcceptor, stream: TcpStream, replies: Arc<Replies>) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    let Ok(mut connection) = h2::server::handshake(stream).await else {
        return;
    };
    let body = Bytes::copy_from_slice(replies.small_body());
    let mut counted = None;
    while let Some(Ok((_, mut respond))) = connection.accept().await {
        replies.http2.count(&mut counted);
        let head = Response::builder()
            .header("content-type", "application/json")
            .header("content-length", body.len())
            .body(());
        // A client that has gone wants no answer, and the connection says so next.
        if let Ok(head) = head
            && let Ok(mut reply) = respond.send_response(head, false)
        {
            let _ = reply.send_data(body.clone(), true);
        }
    }
}
