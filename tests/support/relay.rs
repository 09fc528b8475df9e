//! A relay before a server, whose connections can fall silent as behind a NAT
//! that has forgotten them: nothing is closed, and nothing comes through.

use crate::listener::Listener;
use std::net::SocketAddr;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    sync::watch,
};

/// Runs until it is dropped.
pub struct Relay {
    listener: Listener,
    silenced: watch::Sender<usize>,
    accepted: watch::Receiver<usize>,
}

impl Relay {
    /// Starts one on 127.0.0.1 before `server`.
    pub async fn start(server: SocketAddr) -> Self {
        let (silenced, listening) = watch::channel(0);
        let (count, accepted) = watch::channel(0);
        let listener = Listener::start(move |stream| {
            let number = *count.borrow();
            count.send_replace(number + 1);
            relay(stream, server, number, listening.clone())
        })
        .await;
        Self {
            listener,
            silenced,
            accepted,
        }
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Has all connections that there are fall silent. Further ones work.
    pub fn silence(&self) {
        self.silenced.send_replace(*self.accepted.borrow());
    }
}

async fn relay(
    client: TcpStream,
    server: SocketAddr,
    number: usize,
    mut silenced: watch::Receiver<usize>,
) {
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let is_silenced = tokio::select! {
        () = copy(&mut from_client, &mut to_server) => false,
        () = copy(&mut from_server, &mut to_client) => false,
        below = silenced.wait_for(|below| number < *below) => below.is_ok(),
    };
    if is_silenced {
        // Both connections stay as they are, and nobody reads them.
        std::future::pending::<()>().await;
    }
}

async fn copy(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin)) {
    let mut buffer = [0; 4096];
    while let Ok(read) = from.read(&mut buffer).await
        && read > 0
        && to.write_all(&buffer[..read]).await.is_ok()
    {}
}
