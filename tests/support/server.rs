//! A server of HTTP/1.1 on a raw socket, which does what its script says,
//! right or wrong, and remembers what it saw.

use crate::{
    http1,
    listener::{Listener, further_handle, reset_at_close, until_closed},
    pki::{Authority, Identity},
    steps::{Gate, Step, ok},
};
use bytes::Bytes;
use socket2::Socket;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncBufRead, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    sync::watch,
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

/// How long a test waits for something that must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A request as the server saw it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// As in the request line.
    pub method: String,
    /// As in the request line.
    pub target: String,
    /// As in the request line: `HTTP/1.1`.
    pub version: String,
    /// With the names in the case in which they came.
    pub headers: Vec<(String, String)>,
    /// Empty where it was held back.
    pub body: Bytes,
    /// Which connection it came on, from 0.
    pub connection: usize,
}

impl Seen {
    /// All values of a field.
    #[must_use]
    pub fn header(&self, name: &str) -> Vec<&str> {
        http1::values(&self.headers, name)
    }
}

/// What the server has seen so far.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// All requests, in their order.
    pub requests: Vec<Seen>,
    /// Connections accepted.
    pub accepted: usize,
    /// Connections open now.
    pub open: usize,
}

type Script = Arc<dyn Fn(&Seen) -> Vec<Step> + Send + Sync>;

/// Says of a connection, counted from 0, whether it is meant.
pub type Which = fn(usize) -> bool;

#[derive(Clone)]
struct Tls {
    acceptor: TlsAcceptor,
    /// What connections wait for before their handshake, and which of them do.
    gate: Option<(Gate, Which)>,
}

impl From<TlsAcceptor> for Tls {
    fn from(acceptor: TlsAcceptor) -> Self {
        Self {
            acceptor,
            gate: None,
        }
    }
}

/// Runs until it is dropped.
pub struct Server {
    listener: Listener,
    tls: bool,
    record: watch::Receiver<Record>,
}

impl Server {
    /// Answers one request in so many, with the end of its connection, and is silent to all
    /// others.
    pub async fn answering_one_in(many: usize) -> Self {
        let before = AtomicUsize::new(0);
        Self::start(
            move |_| match (before.fetch_add(1, Relaxed) + 1).is_multiple_of(many) {
                true => [ok(""), vec![Step::Close]].concat(),
                false => vec![Step::Stall],
            },
        )
        .await
    }

    /// A server without TLS on 127.0.0.1.
    pub async fn start(script: impl Fn(&Seen) -> Vec<Step> + Send + Sync + 'static) -> Self {
        Self::listen("127.0.0.1:0", None, Arc::new(script)).await
    }

    /// A server without TLS on an address of the caller's, with port 0.
    pub async fn start_on(
        address: &str,
        script: impl Fn(&Seen) -> Vec<Step> + Send + Sync + 'static,
    ) -> Self {
        Self::listen(address, None, Arc::new(script)).await
    }

    /// A server with TLS, which shows `identity`.
    pub async fn start_tls(
        identity: &Identity,
        script: impl Fn(&Seen) -> Vec<Step> + Send + Sync + 'static,
    ) -> Self {
        Self::start_tls_as(identity.server_config(), script).await
    }

    /// A server with TLS as `config` has it.
    pub async fn start_tls_as(
        config: Arc<ServerConfig>,
        script: impl Fn(&Seen) -> Vec<Step> + Send + Sync + 'static,
    ) -> Self {
        let acceptor = TlsAcceptor::from(config);
        Self::listen("127.0.0.1:0", Some(acceptor.into()), Arc::new(script)).await
    }

    /// As [`start_tls`](Self::start_tls), for clients that show a certificate of
    /// `authority`.
    pub async fn start_mutual_tls(
        identity: &Identity,
        authority: &Authority,
        script: impl Fn(&Seen) -> Vec<Step> + Send + Sync + 'static,
    ) -> Self {
        Self::start_tls_as(identity.mutual_config(authority), script).await
    }

    /// As [`start_tls`](Self::start_tls), but that every connection after the
    /// first waits at `gate` before its handshake.
    pub async fn start_tls_with_gate(
        identity: &Identity,
        gate: Gate,
        script: impl Fn(&Seen) -> Vec<Step> + Send + Sync + 'static,
    ) -> Self {
        Self::start_tls_holding(identity, gate, |connection| connection > 0, script).await
    }

    /// As [`start_tls`](Self::start_tls), but that the connections that `held`
    /// says, which are counted from 0, wait at `gate` before their handshake.
    pub async fn start_tls_holding(
        identity: &Identity,
        gate: Gate,
        held: Which,
        script: impl Fn(&Seen) -> Vec<Step> + Send + Sync + 'static,
    ) -> Self {
        let tls = Tls {
            acceptor: TlsAcceptor::from(identity.server_config()),
            gate: Some((gate, held)),
        };
        Self::listen("127.0.0.1:0", Some(tls), Arc::new(script)).await
    }

    async fn listen(address: &str, tls: Option<Tls>, script: Script) -> Self {
        let (record, seen) = watch::channel(Record::default());
        let record = Arc::new(record);
        let with_tls = tls.is_some();
        let listener = Listener::start_on(address, move |stream| {
            let mut number = 0;
            record.send_modify(|record| {
                number = record.accepted;
                record.accepted += 1;
                record.open += 1;
            });
            let connection = Connection {
                number,
                record: record.clone(),
                script: script.clone(),
            };
            connection.run(stream, tls.clone())
        })
        .await;
        Self {
            listener,
            tls: with_tls,
            record: seen,
        }
    }

    /// The URL of `path`, which begins with a slash.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin())
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// The URL of `path` on another name for this server.
    #[must_use]
    pub fn url_on(&self, host: &str, path: &str) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{host}:{}{path}", self.port())
    }

    /// Scheme and authority.
    #[must_use]
    pub fn origin(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.address())
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address().port()
    }

    /// What it has seen so far.
    #[must_use]
    pub fn record(&self) -> Record {
        self.record.borrow().clone()
    }

    /// The only request it has seen.
    #[must_use]
    pub fn only_request(&self) -> Seen {
        let mut requests = self.record().requests;
        assert_eq!(requests.len(), 1, "requests at the server");
        requests.remove(0)
    }

    /// Waits until what it has seen satisfies `condition`.
    pub async fn wait_for(&self, what: &str, condition: impl FnMut(&Record) -> bool) {
        let mut record = self.record.clone();
        tokio::time::timeout(PATIENCE, record.wait_for(condition))
            .await
            .unwrap_or_else(|_| panic!("the server never saw {what}"))
            .expect("the server runs");
    }
}

struct Connection {
    number: usize,
    record: Arc<watch::Sender<Record>>,
    script: Script,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.record.send_modify(|record| record.open -= 1);
    }
}

impl Connection {
    async fn run(self, stream: TcpStream, tls: Option<Tls>) {
        // The stream may be wrapped in TLS when it is to be reset.
        let socket = further_handle(&stream);
        match tls {
            None => self.serve(stream, &socket).await,
            Some(tls) => {
                if let Some((gate, held)) = tls.gate
                    && held(self.number)
                {
                    gate.pass().await;
                }
                if let Ok(stream) = tls.acceptor.accept(stream).await {
                    self.serve(stream, &socket).await;
                }
            }
        }
    }

    /// Reads requests and plays the script for each, until either side ends.
    async fn serve(&self, stream: impl AsyncRead + AsyncWrite + Unpin, socket: &Socket) {
        let mut stream = BufReader::new(stream);
        while let Some(seen) = self.read_request(&mut stream).await {
            self.record
                .send_modify(|record| record.requests.push(seen.clone()));
            for step in (self.script)(&seen) {
                let done = match step {
                    Step::Send(bytes) => send(&mut stream, &bytes).await,
                    Step::Drip(bytes, pause) => drip(&mut stream, &bytes, pause).await,
                    Step::Flood(bytes) => flood(&mut stream, &bytes).await,
                    Step::ReadBody => {
                        let body = http1::read_body(&mut stream, &seen.headers).await;
                        self.record.send_modify(|record| {
                            if let Some(last) = record.requests.last_mut() {
                                last.body = body.unwrap_or_default().into();
                            }
                        });
                        true
                    }
                    Step::Wait(gate) => {
                        gate.pass().await;
                        true
                    }
                    Step::Pause(time) => {
                        tokio::time::sleep(time).await;
                        true
                    }
                    Step::Stall => {
                        until_closed(&mut stream).await;
                        false
                    }
                    Step::Close => {
                        let _ = stream.shutdown().await;
                        false
                    }
                    Step::Reset => {
                        reset_at_close(socket);
                        false
                    }
                };
                if !done {
                    return;
                }
            }
        }
    }

    async fn read_request(&self, stream: &mut (impl AsyncBufRead + Unpin)) -> Option<Seen> {
        let head = http1::read_head(stream).await?;
        let held_back = !http1::values(&head.headers, "expect").is_empty();
        let body = if held_back {
            Vec::new()
        } else {
            http1::read_body(stream, &head.headers).await?
        };
        Some(Seen {
            method: head.method,
            target: head.target,
            version: head.version,
            headers: head.headers,
            body: body.into(),
            connection: self.number,
        })
    }
}

async fn send(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> bool {
    stream.write_all(bytes).await.is_ok() && stream.flush().await.is_ok()
}

async fn drip(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8], pause: Duration) -> bool {
    for byte in bytes {
        if !send(stream, &[*byte]).await {
            return false;
        }
        tokio::time::sleep(pause).await;
    }
    true
}

/// Returns false, when the client has closed the connection.
async fn flood(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> bool {
    while send(stream, bytes).await {}
    false
}
