//! Places where a connection goes to wait.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};
use tokio::{io::AsyncWriteExt as _, net::TcpListener, sync::watch, task::JoinSet};

/// A port on which nothing listens, held so that nobody else can take it.
pub struct Refusing {
    socket: socket2::Socket,
}

impl Default for Refusing {
    fn default() -> Self {
        Self {
            socket: bound(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
        }
    }
}

impl Refusing {
    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/", address(&self.socket))
    }
}

/// Accepts connections, and never says a word.
pub struct Silent {
    address: SocketAddr,
    /// Connections open now.
    pub open: watch::Receiver<usize>,
    _tasks: JoinSet<()>,
}

impl Silent {
    /// Starts one on 127.0.0.1.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port on loopback");
        let address = listener.local_addr().expect("an address");
        let (count, open) = watch::channel(0);
        let count = Arc::new(count);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                count.send_modify(|open| *open += 1);
                let count = count.clone();
                connections.spawn(async move {
                    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
                    count.send_modify(|open| *open -= 1);
                });
            }
        });
        Self {
            address,
            open,
            _tasks: tasks,
        }
    }

    /// Its URL, with TLS that never answers.
    #[must_use]
    pub fn https(&self) -> String {
        format!("https://{}/", self.address)
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Says the same to everybody before it is asked anything.
pub struct Blunt {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Blunt {
    /// Starts one on 127.0.0.1 that says `words`.
    pub async fn start(words: &'static [u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port on loopback");
        let address = listener.local_addr().expect("an address");
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                connections.spawn(async move {
                    let _ = stream.write_all(words).await;
                    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
                });
            }
        });
        Self {
            address,
            _tasks: tasks,
        }
    }

    /// Its URL, as if it spoke TLS.
    #[must_use]
    pub fn https(&self) -> String {
        format!("https://{}/", self.address)
    }
}

/// A listener whose queue is full, so that a further SYN is never answered.
pub struct FullBacklog {
    socket: socket2::Socket,
    _queued: Vec<socket2::Socket>,
}

impl Default for FullBacklog {
    fn default() -> Self {
        let socket = bound(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        socket.listen(0).expect("a listener");
        // Linux queues one more than the backlog; further ones are for sure.
        let queued = (0..4)
            .map(|_| {
                let client = stream_socket();
                client.set_nonblocking(true).expect("no blocking");
                let _ = client.connect(&address(&socket).into());
                client
            })
            .collect();
        Self {
            socket,
            _queued: queued,
        }
    }
}

impl FullBacklog {
    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/", address(&self.socket))
    }
}

fn stream_socket() -> socket2::Socket {
    socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket")
}

fn bound(to: SocketAddr) -> socket2::Socket {
    let socket = stream_socket();
    socket.bind(&to.into()).expect("a port on loopback");
    socket
}

fn address(socket: &socket2::Socket) -> SocketAddr {
    socket
        .local_addr()
        .ok()
        .and_then(|address| address.as_socket())
        .expect("an address")
}
