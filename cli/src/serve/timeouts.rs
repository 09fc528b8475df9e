//! How long a connection may be silent while nobody on it waits for a reply.

use http_body::{Body, Frame, SizeHint};
use std::{
    io::{ErrorKind, IoSlice, Result},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

/// Those of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timeouts {
    /// Without a request, from its beginning or the end of a reply.
    pub(super) unused: Duration,
    /// From the first byte of a request of HTTP/1.1 to the end of its head.
    pub(super) head: Duration,
}

/// What HTTP/2 begins with (RFC 9113, section 3.4), and nothing else.
const HTTP2: &[u8] = b"PRI";

/// How many requests of a connection have begun, and how many replies have ended.
#[derive(Debug, Clone, Default)]
pub(super) struct Requests(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    begun: AtomicUsize,
    replied: AtomicUsize,
}

impl Requests {
    /// Counts one whose head is here.
    pub(super) fn begin(&self) -> Replying {
        self.0.begun.fetch_add(1, Relaxed);
        Replying(self.0.clone())
    }

    fn begun(&self) -> usize {
        self.0.begun.load(Relaxed)
    }

    fn is_replying(&self) -> bool {
        self.0.replied.load(Relaxed) != self.begun()
    }
}

/// A request whose reply has not ended. It ends where this is dropped.
#[derive(Debug)]
pub(super) struct Replying(Arc<Counts>);

impl Drop for Replying {
    fn drop(&mut self) {
        self.0.replied.fetch_add(1, Relaxed);
    }
}

/// The body of a reply, which ends with it.
pub(super) struct LastPart<B> {
    body: B,
    _replying: Replying,
}

impl<B> LastPart<B> {
    pub(super) fn new(body: B, replying: Replying) -> Self {
        Self {
            body,
            _replying: replying,
        }
    }
}

impl<B: Body + Unpin> Body for LastPart<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream of which reading fails with [`ErrorKind::TimedOut`] when a time is over.
pub(super) struct Timed<S> {
    stream: S,
    timeouts: Timeouts,
    requests: Requests,
    /// The requests that had begun when `waits` was set.
    begun: usize,
    waits: Waits,
    is_http2: bool,
    timer: Pin<Box<Sleep>>,
}

/// For what it waits, and until when.
#[derive(Debug, Clone, Copy)]
enum Waits {
    /// For its end.
    Reply,
    Request(Instant),
    EndOfHead(Instant),
}

impl<S> Timed<S> {
    pub(super) fn new(stream: S, timeouts: Timeouts, requests: Requests) -> Self {
        let deadline = Instant::now() + timeouts.unused;
        Self {
            stream,
            timeouts,
            begun: requests.begun(),
            requests,
            waits: Waits::Request(deadline),
            is_http2: false,
            timer: Box::pin(sleep_until(deadline)),
        }
    }

    /// Notes that these came.
    fn take_note(&mut self, bytes: &[u8]) {
        if self.begun == 0 && bytes.starts_with(HTTP2) {
            self.is_http2 = true;
        }
        // Over HTTP/2 they may be of no request.
        if let Waits::Request(_) = self.waits
            && !self.is_http2
        {
            self.waits = Waits::EndOfHead(Instant::now() + self.timeouts.head);
        }
    }

    /// What is waited for, as requests and replies have come and gone.
    fn look_again(&mut self) -> Waits {
        let begun = self.requests.begun();
        if self.requests.is_replying() {
            self.waits = Waits::Reply;
        } else if begun != self.begun || matches!(self.waits, Waits::Reply) {
            self.waits = Waits::Request(Instant::now() + self.timeouts.unused);
        }
        self.begun = begun;
        self.waits
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (Waits::Request(deadline) | Waits::EndOfHead(deadline)) = self.look_again() else {
            return Poll::Pending;
        };
        // It is set where it would come too late. One that comes early is set anew, which
        // saves setting it for each request.
        if deadline < self.timer.deadline() {
            self.timer.as_mut().reset(deadline);
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Timed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if read.is_pending() {
            return self
                .poll_deadline(cx)
                .map(|()| Err(ErrorKind::TimedOut.into()));
        }
        self.look_again();
        self.take_note(&buffer.filled()[before..]);
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Timed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    /// Far more than what happens here takes, where it is not the one that is tested.
    const LONG: Duration = Duration::from_secs(600);
    const SHORT: Duration = Duration::from_millis(50);

    fn timed(unused: Duration, head: Duration) -> (DuplexStream, Timed<DuplexStream>, Requests) {
        let (ours, theirs) = duplex(1024);
        let requests = Requests::default();
        let timed = Timed::new(theirs, Timeouts { unused, head }, requests.clone());
        (ours, timed, requests)
    }

    async fn read(timed: &mut Timed<DuplexStream>) -> Result<usize> {
        timed.read(&mut [0; 64]).await
    }

    fn timed_out(read: Result<usize>) -> bool {
        read.is_err_and(|error| error.kind() == ErrorKind::TimedOut)
    }

    #[tokio::test]
    async fn one_that_never_says_anything_ends() {
        let (_ours, mut timed, _) = timed(SHORT, LONG);
        assert!(timed_out(read(&mut timed).await));
    }

    #[tokio::test]
    async fn a_head_has_its_own_time_from_its_first_byte() {
        let (mut ours, mut timed, _) = timed(LONG, SHORT);
        ours.write_all(b"GET /").await.unwrap();
        assert_eq!(read(&mut timed).await.unwrap(), 5);
        assert!(timed_out(read(&mut timed).await));
    }

    #[tokio::test]
    async fn a_reply_may_take_its_time_and_what_is_unused_begins_behind_it() {
        let (mut ours, mut timed, requests) = timed(SHORT, SHORT);
        ours.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        read(&mut timed).await.unwrap();
        let replying = requests.begin();
        let waiting = tokio::time::timeout(4 * SHORT, read(&mut timed)).await;
        assert!(waiting.is_err(), "{waiting:?}");
        drop(replying);
        assert!(timed_out(read(&mut timed).await));
    }

    #[tokio::test]
    async fn over_http2_bytes_are_no_request_and_one_without_any_ends() {
        let (mut ours, mut timed, _) = timed(4 * SHORT, SHORT / 50);
        let began = Instant::now();
        ours.write_all(b"PRI * HTTP/2.0").await.unwrap();
        read(&mut timed).await.unwrap();
        assert!(timed_out(read(&mut timed).await));
        assert!(began.elapsed() >= 4 * SHORT);
    }
}
