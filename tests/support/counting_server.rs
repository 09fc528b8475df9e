//! A server that counts: how many transfers of each instance are open, at any
//! moment and at most, and which calls it has seen. It does what the path of a
//! request says, faults included.

use crate::{
    http1,
    listener::{Listener, further_handle, reset_at_close, until_closed},
    steps::Gate,
};
use std::{
    collections::{BTreeMap, HashMap},
    mem::MaybeUninit,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncWriteExt as _, BufReader},
    net::TcpStream,
    sync::watch,
};

/// Names the instance that a request is from.
pub const INSTANCE: &str = "x-instance";

/// Runs until it is dropped, and then takes its connections with it.
pub struct CountingServer {
    listener: Listener,
    shared: Arc<Shared>,
    open: watch::Receiver<usize>,
}

struct Shared {
    counts: Mutex<Counts>,
    next: AtomicUsize,
    open: watch::Sender<usize>,
    gate: Gate,
}

/// What was counted.
#[derive(Debug, Default)]
struct Counts {
    /// Open transfers, each with its instance and its socket. The key is the
    /// number of the transfer.
    open: HashMap<usize, (String, socket2::Socket)>,
    peaks: BTreeMap<String, usize>,
    /// How often each target was asked.
    asked: HashMap<String, usize>,
}

impl CountingServer {
    /// Starts one on 127.0.0.1.
    pub async fn start() -> Self {
        let (sender, open) = watch::channel(0);
        let shared = Arc::new(Shared {
            counts: Mutex::default(),
            next: AtomicUsize::new(0),
            open: sender,
            gate: Gate::default(),
        });
        let counting = shared.clone();
        let listener = Listener::start(move |stream| serve(counting.clone(), stream)).await;
        Self {
            listener,
            shared,
            open,
        }
    }

    /// The URL of `path`, which begins with a slash:
    ///
    /// - `/echo/ID`: the path again, at once
    /// - `/slow/MS/ID`: the path again, after so many milliseconds
    /// - `/large/BYTES/ID`: a body of that size
    /// - `/gate/ID`: the path again, when [`Self::open_gate`] lets it
    /// - `/stall/ID`, `/half/ID`: nothing, or half a reply, and no more
    /// - `/reset/ID`, `/cut/ID`: a reset before, or the end inside a reply
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.listener.address())
    }

    /// Lets `count` requests for `/gate` through.
    pub fn open_gate(&self, count: usize) {
        for _ in 0..count {
            self.shared.gate.open();
        }
    }

    /// Waits until `count` transfers are open at the same time.
    pub async fn wait_for_open(&self, count: usize) {
        let mut open = self.open.clone();
        tokio::time::timeout(
            Duration::from_secs(60),
            open.wait_for(|open| *open == count),
        )
        .await
        .unwrap_or_else(|_| panic!("{} transfers are open, not {count}", *self.open.borrow()))
        .expect("the service runs");
    }

    /// The most transfers of each instance that were open at a time.
    #[must_use]
    pub fn peaks(&self) -> BTreeMap<String, usize> {
        self.shared.counts().peaks.clone()
    }

    /// How often `path` was asked.
    #[must_use]
    pub fn asked(&self, path: &str) -> usize {
        self.shared.counts().asked.get(path).copied().unwrap_or(0)
    }

    /// The same, and it forgets it.
    #[must_use]
    pub fn forget(&self, path: &str) -> usize {
        self.shared.counts().asked.remove(path).unwrap_or(0)
    }

    /// Transfers that are open now.
    #[must_use]
    pub fn open_now(&self) -> usize {
        let mut counts = self.shared.counts();
        counts.remove_closed();
        counts.open.len()
    }
}

impl Shared {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().expect("not poisoned")
    }

    /// Counts a transfer in, until the result is dropped.
    fn enter(self: &Arc<Self>, instance: String, target: &str, stream: &TcpStream) -> Open {
        let socket = further_handle(stream);
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut counts = self.counts();
        *counts.asked.entry(target.to_owned()).or_default() += 1;
        counts.open.insert(number, (instance.clone(), socket));
        // A connection that the client has closed is not open, even if its task
        // has not noticed yet.
        counts.remove_closed();
        let of_instance = counts
            .open
            .values()
            .filter(|(of, _)| *of == instance)
            .count();
        let peak = counts.peaks.entry(instance).or_default();
        *peak = (*peak).max(of_instance);
        self.open.send_replace(counts.open.len());
        Open {
            shared: self.clone(),
            number,
        }
    }
}

impl Counts {
    fn remove_closed(&mut self) {
        self.open.retain(|_, (_, socket)| {
            let mut byte = [MaybeUninit::uninit()];
            match socket.peek(&mut byte) {
                Ok(0) => false,
                Ok(_) => true,
                Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
            }
        });
    }
}

/// A transfer that is open.
struct Open {
    shared: Arc<Shared>,
    number: usize,
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut counts = self.shared.counts();
        counts.open.remove(&self.number);
        self.shared.open.send_replace(counts.open.len());
    }
}

async fn serve(shared: Arc<Shared>, stream: TcpStream) {
    let mut stream = BufReader::new(stream);
    while let Some((instance, target)) = read_request(&mut stream).await {
        let open = shared.enter(instance, &target, stream.get_ref());
        let mut words = target.split('/').skip(1);
        let kind = words.next().unwrap_or_default();
        let number = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
        let body = match kind {
            "slow" => {
                tokio::time::sleep(Duration::from_millis(number)).await;
                target.clone().into_bytes()
            }
            "large" => vec![b'x'; usize::try_from(number).unwrap_or(0)],
            "gate" => {
                shared.gate.pass().await;
                target.clone().into_bytes()
            }
            "stall" => return until_closed(&mut stream).await,
            "half" => {
                let half = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf";
                if stream.write_all(half).await.is_ok() {
                    until_closed(&mut stream).await;
                }
                return;
            }
            "cut" => {
                drop(open);
                let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf";
                let _ = stream.write_all(cut).await;
                return;
            }
            "reset" => {
                drop(open);
                reset_at_close(stream.get_ref());
                return;
            }
            _ => target.clone().into_bytes(),
        };
        let length = body.len();
        let mut reply = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n").into_bytes();
        reply.extend(body);
        // The transfer is counted out before its last byte is sent: the client
        // may begin another one as soon as it has that byte.
        let (last, rest) = reply.split_last().expect("a reply");
        if stream.write_all(rest).await.is_err() {
            return;
        }
        drop(open);
        if stream.write_all(&[*last]).await.is_err() {
            return;
        }
    }
}

/// The instance and the target of the next request.
async fn read_request(stream: &mut BufReader<TcpStream>) -> Option<(String, String)> {
    let head = http1::read_head(stream).await?;
    http1::read_body(stream, &head.headers).await?;
    let instance = http1::values(&head.headers, INSTANCE).concat();
    Some((instance, head.target))
}
