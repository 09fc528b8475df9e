//! Peers that give no answer, or one that has nothing to do with the question.

use crate::listener::{Listener, until_closed};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::watch,
};

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
    listener: Listener,
    /// Connections open now.
    pub open: watch::Receiver<usize>,
}

impl Silent {
    /// Starts one on 127.0.0.1.
    pub async fn start() -> Self {
        let (count, open) = watch::channel(0);
        let count = Arc::new(count);
        let listener = Listener::start(move |mut stream| {
            count.send_modify(|open| *open += 1);
            let count = count.clone();
            async move {
                until_closed(&mut stream).await;
                count.send_modify(|open| *open -= 1);
            }
        })
        .await;
        Self { listener, open }
    }

    /// Its URL, with TLS that never answers.
    #[must_use]
    pub fn https(&self) -> String {
        format!("https://{}/", self.address())
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }
}

/// Says the same to everybody before it is asked anything.
pub struct Blunt {
    listener: Listener,
}

impl Blunt {
    /// Starts one on 127.0.0.1 that says `words`, and listens then.
    pub async fn start(words: &'static [u8]) -> Self {
        let listener = Listener::start(move |mut stream| async move {
            let _ = stream.write_all(words).await;
            until_closed(&mut stream).await;
        })
        .await;
        Self { listener }
    }

    /// Starts one on 127.0.0.1 that says `words`, and closes the connection.
    pub async fn start_curt(words: &'static [u8]) -> Self {
        let listener = Listener::start(move |mut stream| async move {
            let _ = stream.write_all(words).await;
        })
        .await;
        Self { listener }
    }

    /// Its URL, as if it spoke HTTP.
    #[must_use]
    pub fn http(&self) -> String {
        format!("http://{}/", self.listener.address())
    }

    /// Its URL, as if it spoke TLS.
    #[must_use]
    pub fn https(&self) -> String {
        format!("https://{}/", self.listener.address())
    }
}

/// Hears what is said first, and closes without a word.
pub struct Closing {
    listener: Listener,
}

impl Closing {
    /// Starts one on 127.0.0.1.
    pub async fn start() -> Self {
        let listener = Listener::start(|mut stream| async move {
            let mut heard = [0; 1];
            let _ = stream.read(&mut heard).await;
            let _ = stream.shutdown().await;
            until_closed(&mut stream).await;
        })
        .await;
        Self { listener }
    }

    /// Its URL, as if it spoke TLS.
    #[must_use]
    pub fn https(&self) -> String {
        format!("https://{}/", self.listener.address())
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
        // Linux queues one more than the backlog. The others make sure that the
        // queue is full.
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
