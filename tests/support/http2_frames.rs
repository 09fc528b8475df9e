//! A server of HTTP/2 without TLS that is made of frames (RFC 9113), right or
//! wrong: it says what its script has it say to each request.

use crate::listener::{Listener, until_closed};
use std::sync::{Arc, Mutex};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const PREFACE: usize = 24;

const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;

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
    /// The connection is closed.
    Close,
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
    met: Arc<Mutex<Vec<Met>>>,
}

impl FramesServer {
    /// Starts one on 127.0.0.1.
    pub async fn start(script: impl Fn(Met) -> Vec<Frame> + Send + Sync + 'static) -> Self {
        let script: Script = Arc::new(script);
        let met = Arc::new(Mutex::new(Vec::new()));
        let meets = met.clone();
        let mut next = 0;
        let listener = Listener::start(move |stream| {
            let number = next;
            next += 1;
            let (script, met) = (script.clone(), meets.clone());
            async move {
                // A client that leaves is no fault.
                let _ = serve(stream, number, &script, &met).await;
            }
        })
        .await;
        Self { listener, met }
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/", self.listener.address())
    }

    /// The requests it has met, in their order.
    #[must_use]
    pub fn met(&self) -> Vec<Met> {
        self.met.lock().expect("not poisoned").clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    connection: usize,
    script: &Script,
    met: &Mutex<Vec<Met>>,
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
                met.lock().expect("not poisoned").push(now);
                let id = u32::from_be_bytes(id);
                for step in script(now) {
                    let bytes = match step {
                        Frame::Head(fields) => {
                            frame(HEADERS, END_HEADERS, id, &[b"\x88", fields].concat())
                        }
                        Frame::WholeHead(fields) => {
                            let flags = END_HEADERS | END_STREAM;
                            frame(HEADERS, flags, id, &[b"\x88", fields].concat())
                        }
                        Frame::Data(bytes) => frame(0, 0, id, bytes),
                        Frame::End => frame(0, END_STREAM, id, b""),
                        Frame::Reset(code) => frame(3, 0, id, &code.to_be_bytes()),
                        Frame::GoAway(last, code) => {
                            let payload = [last.to_be_bytes(), code.to_be_bytes()].concat();
                            frame(7, 0, 0, &payload)
                        }
                        Frame::Close => {
                            stream.shutdown().await?;
                            until_closed(&mut stream).await;
                            return Ok(());
                        }
                    };
                    stream.write_all(&bytes).await?;
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
