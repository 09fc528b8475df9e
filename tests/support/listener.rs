//! What the servers have in common: a listener, and how connections end.

use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::AsyncRead,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// A listener that serves each connection by a task of its own. Dropped, it
/// closes all of them.
pub(crate) struct Listener {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Listener {
    /// Listens on a free port of 127.0.0.1.
    pub(crate) async fn start<F>(serve: impl FnMut(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::start_on("127.0.0.1:0", serve).await
    }

    /// Listens on `address`. `serve` is called in the order of the connections.
    pub(crate) async fn start_on<F>(
        address: &str,
        mut serve: impl FnMut(TcpStream) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(address)
            .await
            .expect("a port on loopback");
        let address = listener.local_addr().expect("an address");
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        let Ok((stream, _)) = accepted else { return };
                        // Without it, the system waits for more to send after a
                        // head.
                        stream.set_nodelay(true).expect("TCP_NODELAY can be set");
                        connections.spawn(serve(stream));
                    }
                    Some(_) = connections.join_next() => {}
                }
            }
        });
        Self {
            address,
            _tasks: tasks,
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Reads and ignores what the client sends, until the client closes.
pub(crate) async fn until_closed(stream: &mut (impl AsyncRead + Unpin)) {
    let _ = tokio::io::copy(stream, &mut tokio::io::sink()).await;
}

/// Makes the closing of a connection a reset.
pub(crate) fn reset_at_close(socket: &impl std::os::fd::AsFd) {
    socket2::SockRef::from(socket)
        .set_linger(Some(Duration::ZERO))
        .expect("SO_LINGER can be set");
}

/// A further handle of a connection, which outlives its stream.
pub(crate) fn further_handle(stream: &TcpStream) -> socket2::Socket {
    socket2::SockRef::from(stream)
        .try_clone()
        .expect("a further handle of a socket")
}
