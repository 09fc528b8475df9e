//! A connection as transfers read it: so much in one poll, and not by what the
//! runtime believes of it where that may be out of date.

use socket2::SockRef;
use std::{
    io::{self, IoSlice, Read as _},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
};

/// Reads in one poll. hyper and rustls go on for as long as there are bytes, and a
/// server may send interim replies, digits of a chunk's length or session tickets
/// faster than they are read.
const MAX_READS: u32 = 16;

/// Bytes in one poll, but for those of the last read.
const MAX_BYTES: usize = 32 << 10;

/// From the second read of a poll on. Interim replies and trailers take many times
/// as long as a body of as many bytes, and all other transfers of an instance wait.
const MAX_TIME: Duration = Duration::from_micros(200);

/// Bytes of a read that asks the kernel. They are zeroed before, and hyper's
/// buffers are large; there is seldom anything to read.
const ASKED: usize = 1024;

/// Bytes of a read where nothing came of those before. So much is soon looked at,
/// and then it is time to look at the clock.
const FRUITLESS: usize = 4096;

/// How long what was sent may stay unacknowledged, or unsent since the peer takes no
/// more, before the kernel gives the connection up: a peer that is gone says nothing.
/// A call that may take longer has its time.
const USER_TIMEOUT: Duration = Duration::from_secs(20);

/// A connection to a port, or to a socket of this machine.
pub(super) struct Socket {
    io: Io,
    reins: Reins,
}

enum Io {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// The same of both kinds.
macro_rules! each {
    ($io:expr, $stream:ident => $of_stream:expr) => {
        match $io {
            Io::Tcp($stream) => $of_stream,
            Io::Unix($stream) => $of_stream,
        }
    };
}

/// How a socket is read by whoever polls what stands on it. Clones hold the same
/// socket.
///
/// rustls takes a socket that has nothing more for one that has all that came
/// before, and goes on. So what may be read in one poll is given out at its
/// start, and once it is used up the socket has nothing until the next.
#[derive(Debug, Clone, Default)]
pub(super) struct Reins(Arc<State>);

#[derive(Debug, Default)]
struct State {
    reads: AtomicU32,
    bytes: AtomicUsize,
    second_read: AtomicTime,
    is_held_back: AtomicBool,
    is_fruitless: AtomicBool,
    in_doubt: AtomicBool,
}

impl Reins {
    /// A poll begins.
    pub(super) fn begin_poll(&self) {
        self.0.reads.store(0, Relaxed);
        self.0.bytes.store(0, Relaxed);
        self.0.is_held_back.store(false, Relaxed);
    }

    /// Whether the poll wanted to read more than it may.
    pub(super) fn is_held_back(&self) -> bool {
        self.0.is_held_back.load(Relaxed)
    }

    /// Says whether anything has come of what was read last.
    pub(super) fn set_fruitless(&self, is_fruitless: bool) {
        self.0.is_fruitless.store(is_fruitless, Relaxed);
    }

    /// Polls `future`, which may read the socket, and says when each poll begins.
    pub(super) fn hold<F: Future>(self, future: F) -> Held<F> {
        Held {
            reins: self,
            future: Box::pin(future),
        }
    }

    /// Has the next read ask the kernel. The runtime learns of a connection that
    /// was closed when it next looks at its sockets, which may be later than the
    /// connection is used again.
    pub(super) fn doubt(&self) {
        self.0.in_doubt.store(true, Relaxed);
    }

    fn is_used_up(&self) -> bool {
        match self.0.reads.load(Relaxed) {
            // Most polls read once, and need no clock.
            0 => false,
            1 => {
                self.0.second_read.set_to_now();
                false
            }
            reads => {
                reads >= MAX_READS
                    || self.0.bytes.load(Relaxed) >= MAX_BYTES
                    || self.0.second_read.elapsed() >= MAX_TIME
            }
        }
    }

    fn count(&self, bytes: usize) {
        self.0.reads.fetch_add(1, Relaxed);
        self.0.bytes.fetch_add(bytes, Relaxed);
    }
}

/// A point in time.
#[derive(Debug)]
struct AtomicTime {
    epoch: Instant,
    /// Since then, in microseconds.
    since: AtomicU64,
}

impl Default for AtomicTime {
    fn default() -> Self {
        Self {
            epoch: Instant::now(),
            since: AtomicU64::new(0),
        }
    }
}

impl AtomicTime {
    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn set_to_now(&self) {
        self.since.store(self.now(), Relaxed);
    }

    fn elapsed(&self) -> Duration {
        Duration::from_micros(self.now() - self.since.load(Relaxed))
    }
}

/// A future that reads a socket.
pub(super) struct Held<F> {
    reins: Reins,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Held<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.reins.begin_poll();
        self.future.as_mut().poll(cx)
    }
}

impl Socket {
    /// A connection for calls that take `longest` at most.
    pub(super) fn tcp(tcp: TcpStream, longest: Duration) -> Self {
        // Requests are small and are waited for: nothing is gained by gathering
        // bytes.
        if let Err(error) = tcp.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY can't be set");
        }
        #[cfg(target_os = "linux")]
        if let Err(error) =
            SockRef::from(&tcp).set_tcp_user_timeout(Some(USER_TIMEOUT.max(longest)))
        {
            tracing::debug!(%error, "TCP_USER_TIMEOUT can't be set");
        }
        Self::of(Io::Tcp(tcp))
    }

    /// A connection within this machine, whose kernel knows when its peer is gone.
    pub(super) fn unix(stream: UnixStream) -> Self {
        Self::of(Io::Unix(stream))
    }

    fn of(io: Io) -> Self {
        Self {
            io,
            reins: Reins::default(),
        }
    }

    /// For whoever polls what stands on it.
    pub(super) fn reins(&self) -> Reins {
        self.reins.clone()
    }

    /// Reads little.
    fn sip(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let room = buf.remaining().min(FRUITLESS);
        let mut little = ReadBuf::new(buf.initialize_unfilled_to(room));
        let read = each!(&mut self.io, stream => Pin::new(stream).poll_read(cx, &mut little));
        let filled = little.filled().len();
        buf.advance(filled);
        read
    }

    fn ask_kernel(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let room = buf.remaining().min(ASKED);
        let unfilled = buf.initialize_unfilled_to(room);
        match each!(&self.io, stream => (&*SockRef::from(stream)).read(unfilled)) {
            Ok(read) => {
                buf.advance(read);
                Poll::Ready(Ok(()))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.reins.0.in_doubt.store(false, Relaxed);
                each!(&mut self.io, stream => Pin::new(stream).poll_read(cx, buf))
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.reins.is_used_up() {
            // There may be more: whoever polls comes back.
            self.reins.0.is_held_back.store(true, Relaxed);
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buf.filled().len();
        let read = if self.reins.0.in_doubt.load(Relaxed) {
            self.ask_kernel(cx, buf)
        } else if self.reins.0.is_fruitless.load(Relaxed) {
            self.sip(cx, buf)
        } else {
            each!(&mut self.io, stream => Pin::new(stream).poll_read(cx, buf))
        };
        if read.is_ready() {
            self.reins.count(buf.filled().len() - before);
        }
        read
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        each!(&mut self.io, stream => Pin::new(stream).poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(&mut self.io, stream => Pin::new(stream).poll_write_vectored(cx, bytes))
    }

    fn is_write_vectored(&self) -> bool {
        each!(&self.io, stream => stream.is_write_vectored())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(&mut self.io, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(&mut self.io, stream => Pin::new(stream).poll_shutdown(cx))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    async fn connected(longest: Duration) -> (Socket, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (client, server) = tokio::join!(TcpStream::connect(address), listener.accept());
        let socket = Socket::tcp(client.unwrap(), longest);
        (socket, server.unwrap().0)
    }

    #[tokio::test]
    async fn a_poll_reads_so_much_and_the_next_goes_on() {
        let (mut socket, mut server) = connected(Duration::ZERO).await;
        server.write_all(&[b'x'; 4096]).await.unwrap();
        each!(&socket.io, stream => stream.readable().await.unwrap());
        let mut cx = Context::from_waker(Waker::noop());
        let mut reads = || {
            let mut reads = 0;
            let mut byte = [0];
            let mut buf = ReadBuf::new(&mut byte);
            while Pin::new(&mut socket)
                .poll_read(&mut cx, &mut buf)
                .is_ready()
            {
                buf.clear();
                reads += 1;
            }
            reads
        };
        assert_eq!(reads(), MAX_READS);
        assert_eq!(reads(), 0, "it is the same poll");
        socket.reins().begin_poll();
        let mut rest = vec![0; 4096 - MAX_READS as usize];
        socket.read_exact(&mut rest).await.unwrap();
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_call_that_may_take_long_is_not_ended_by_the_kernel() {
        for longest in [Duration::ZERO, USER_TIMEOUT * 3] {
            let (socket, _server) = connected(longest).await;
            let timeout =
                each!(&socket.io, stream => SockRef::from(stream).tcp_user_timeout()).unwrap();
            assert_eq!(timeout, Some(USER_TIMEOUT.max(longest)));
        }
    }

    #[tokio::test]
    async fn in_doubt_the_end_is_seen_before_the_runtime_has_looked() {
        let (mut socket, server) = connected(Duration::ZERO).await;
        let mut cx = Context::from_waker(Waker::noop());
        let mut byte = [0];
        let mut buf = ReadBuf::new(&mut byte);
        let mut poll = |socket: &mut Socket| Pin::new(socket).poll_read(&mut cx, &mut buf);
        assert!(poll(&mut socket).is_pending());
        // No await between this and the last line: the runtime can't look.
        drop(server.into_std().unwrap());
        assert!(poll(&mut socket).is_pending(), "the runtime has looked");
        socket.reins().doubt();
        assert!(matches!(poll(&mut socket), Poll::Ready(Ok(()))));
        assert_eq!(buf.filled().len(), 0);
    }
}
