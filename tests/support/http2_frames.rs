//! A server of HTTP/2 without TLS that is made of frames (RFC 9113), right or
//! wrong: it says what its script has it say to each request.

use crate::listener::{Listener, until_closed};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::watch,
};

/// How long a test waits for something that must come.
const PATIENCE: Duration = Duration::from_secs(20);

const PREFACE: usize = 24;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;

const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// What the server does on the stream of a request.
#[derive(Debug, Clone)]
pub enum Frame {
    /// The head of a reply of status 200, in which these bytes of HPACK follow
    /// the status.
    Head(&'static [u8]),
    /// The same, and the reply has no body.
    WholeHead(&'static [u8]),
    /// A part of its body.
    Data(&'static [u8]),
    /// The end of its body.
    End,
    /// The stream is reset with this code.
    Reset(u32),
    /// The connection takes no further streams: the last it has come to is this,
    /// and this is the code.
    GoAway(u32, u32),
    /// An interim reply (103), before the head.
    Interim,
    /// These again and again, until the client has gone.
    Flood(Vec<Frame>),
    /// The connection is closed.
    Close,
}

impl Frame {
    /// What is sent for it on the stream `id`.
    fn bytes(&self, id: u32) -> Vec<u8> {
        match self {
            Self::Head(fields) => frame(HEADERS, END_HEADERS, id, &[b"\x88", *fields].concat()),
            Self::WholeHead(fields) => {
                let flags = END_HEADERS | END_STREAM;
                frame(HEADERS, flags, id, &[b"\x88", *fields].concat())
            }
            Self::Data(bytes) => frame(DATA, 0, id, bytes),
            Self::End => frame(DATA, END_STREAM, id, b""),
            Self::Reset(code) => frame(RST_STREAM, 0, id, &code.to_be_bytes()),
            Self::GoAway(last, code) => {
                let payload = [last.to_be_bytes(), code.to_be_bytes()].concat();
                frame(GOAWAY, 0, 0, &payload)
            }
            // `:status` is the eighth of the names that HPACK knows.
            Self::Interim => frame(HEADERS, END_HEADERS, id, b"\x08\x03103"),
            Self::Flood(frames) => {
                let once: Vec<u8> = frames.iter().flat_map(|frame| frame.bytes(id)).collect();
                once.repeat(1024)
            }
            Self::Close => Vec::new(),
        }
    }
}

/// A request as it was met: which connection it came on, and which request of
/// that it was, both from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Met {
    /// The connection.
    pub connection: usize,
    /// The request on it.
    pub request: usize,
}

type Script = Arc<dyn Fn(Met) -> Vec<Frame> + Send + Sync>;

/// Runs until it is dropped.
pub struct FramesServer {
    listener: Listener,
    met: watch::Receiver<Vec<Met>>,
    ended: watch::Receiver<usize>,
}

impl FramesServer {
    /// Starts one on 127.0.0.1.
    pub async fn start(script: impl Fn(Met) -> Vec<Frame> + Send + Sync + 'static) -> Self {
        Self::start_on("127.0.0.1:0", script).await
    }

    /// Starts one on `address`.
    pub async fn start_on(
        address: &str,
        script: impl Fn(Met) -> Vec<Frame> + Send + Sync + 'static,
    ) -> Self {
        let script: Script = Arc::new(script);
        let (meets, met) = watch::channel(Vec::new());
        let meets = Arc::new(meets);
        let (ends, ended) = watch::channel(0);
        let mut next = 0;
        let listener = Listener::start_on(address, move |stream| {
            let number = next;
            next += 1;
            let (script, meets, ends) = (script.clone(), meets.clone(), ends.clone());
            async move {
                // A client that leaves is no fault.
                let _ = serve(stream, number, &script, &meets).await;
                ends.send_modify(|ended| *ended += 1);
            }
        })
        .await;
        Self {
            listener,
            met,
            ended,
        }
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/", self.address())
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// The requests it has met, in their order.
    #[must_use]
    pub fn met(&self) -> Vec<Met> {
        self.met.borrow().clone()
    }

    /// Waits until it has met `count` requests.
    pub async fn wait_for_requests(&self, count: usize) {
        let mut met = self.met.clone();
        tokio::time::timeout(PATIENCE, met.wait_for(|met| met.len() >= count))
            .await
            .unwrap_or_else(|_| panic!("{count} requests were never made"))
            .expect("the server runs");
    }

    /// Waits until `count` of its connections have ended.
    pub async fn wait_for_ends(&self, count: usize) {
        let mut ended = self.ended.clone();
        tokio::time::timeout(PATIENCE, ended.wait_for(|ended| *ended >= count))
            .await
            .unwrap_or_else(|_| panic!("{count} connections never ended"))
            .expect("the server runs");
    }
}

async fn serve(
    mut stream: TcpStream,
    connection: usize,
    script: &Script,
    meets: &watch::Sender<Vec<Met>>,
) -> std::io::Result<()> {
    stream.read_exact(&mut [0; PREFACE]).await?;
    stream.write_all(&frame(SETTINGS, 0, 0, b"")).await?;
    let mut request = 0;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let [a, b, c, kind, flags, id @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        stream.read_exact(&mut payload).await?;
        match kind {
            SETTINGS if flags & ACK == 0 => {
                stream.write_all(&frame(SETTINGS, ACK, 0, b"")).await?;
            }
            PING if flags & ACK == 0 => {
                stream.write_all(&frame(PING, ACK, 0, &payload)).await?;
            }
            HEADERS => {
                let now = Met {
                    connection,
                    request,
                };
                request += 1;
                meets.send_modify(|met| met.push(now));
                let id = u32::from_be_bytes(id);
                for step in script(now) {
                    let bytes = step.bytes(id);
                    stream.write_all(&bytes).await?;
                    match step {
                        Frame::Flood(_) => loop {
                            stream.write_all(&bytes).await?;
                        },
                        Frame::Close => {
                            stream.shutdown().await?;
                            until_closed(&mut stream).await;
                            return Ok(());
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(payload.len()).expect("a frame").to_be_bytes();
    let mut bytes = vec![a, b, c, kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}
