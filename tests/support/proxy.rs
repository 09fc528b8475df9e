//! A proxy that makes tunnels, and remembers what it was asked for.

use crate::{http1, listener::Listener};
use std::sync::{Arc, Mutex};
use tokio::{
    io::{AsyncWriteExt as _, BufReader, copy_bidirectional},
    net::TcpStream,
};

type Heads = Arc<Mutex<Vec<String>>>;

/// Runs until it is dropped.
pub struct TunnelProxy {
    listener: Listener,
    heads: Heads,
}

impl TunnelProxy {
    /// Starts one on 127.0.0.1 that says `reply` to every CONNECT, and makes
    /// the tunnel if that is a 200.
    pub async fn start(reply: &'static str) -> Self {
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = heads.clone();
        let listener = Listener::start(move |stream| serve(stream, reply, seen.clone())).await;
        Self { listener, heads }
    }

    /// Its URL, with these credentials: `user:password@`.
    #[must_use]
    pub fn url(&self, credentials: &str) -> String {
        format!("http://{credentials}{}", self.listener.address())
    }

    /// The heads of the requests so far.
    #[must_use]
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("no panic").clone()
    }
}

async fn serve(stream: TcpStream, reply: &str, seen: Heads) {
    let mut stream = BufReader::new(stream);
    let Some(head) = http1::read_head(&mut stream).await else {
        return;
    };
    seen.lock().expect("no panic").push(head.text);
    if stream.write_all(reply.as_bytes()).await.is_err() {
        return;
    }
    if reply.starts_with("HTTP/1.1 200")
        && let Ok(mut server) = TcpStream::connect(head.target).await
    {
        let _ = copy_bidirectional(&mut stream, &mut server).await;
    }
}
