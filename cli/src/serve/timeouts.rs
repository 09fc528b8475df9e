//! How long a connection may take for the head of a request, from its first byte on.
//!
//! hyper has one time for that and for being unused, and none before the first byte.

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
    /// Without a byte, at its beginning.
    pub(super) unused: Duration,
    /// From the first byte of a request of HTTP/1.1 to the end of its head, and from that of
    /// HTTP/2 to the end of its preface.
    pub(super) head: Duration,
}

/// What a connection of HTTP/2 begins with (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

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
    /// When what has begun to arrive must be there.
    deadline: Option<Instant>,
    /// The requests that had begun when that was set.
    begun: usize,
    speaks: Speaks,
    timer: Pin<Box<Sleep>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speaks {
    /// So many bytes are those of [`PREFACE`].
    PerhapsHttp2(usize),
    Http1,
    Http2,
}

impl Speaks {
    fn after(self, bytes: &[u8]) -> Self {
        let Self::PerhapsHttp2(seen) = self else {
            return self;
        };
        let rest = &PREFACE[seen..];
        let length = rest.len().min(bytes.len());
        match bytes[..length] == rest[..length] {
            true if length == rest.len() => Self::Http2,
            true => Self::PerhapsHttp2(seen + length),
            false => Self::Http1,
        }
    }
}

impl<S> Timed<S> {
    pub(super) fn new(stream: S, timeouts: Timeouts, requests: Requests) -> Self {
        let deadline = Instant::now() + timeouts.unused;
        Self {
            stream,
            timeouts,
            begun: requests.begun(),
            requests,
            deadline: Some(deadline),
            speaks: Speaks::PerhapsHttp2(0),
            timer: Box::pin(sleep_until(deadline)),
        }
    }

    /// Notes that these came.
    fn take_note(&mut self, bytes: &[u8]) {
        let is_first = self.speaks == Speaks::PerhapsHttp2(0);
        self.speaks = self.speaks.after(bytes);
        self.look_at_requests();
        if self.speaks == Speaks::Http2 {
            // It has frames that are of no request, and asks who is silent.
            self.deadline = None;
        } else if is_first || (self.deadline.is_none() && !self.requests.is_replying()) {
            self.deadline = Some(Instant::now() + self.timeouts.head);
        }
    }

    /// What had begun to arrive is there, if it is a request by now.
    fn look_at_requests(&mut self) {
        let begun = self.requests.begun();
        if begun != self.begun {
            self.begun = begun;
            self.deadline = None;
        }
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.look_at_requests();
        let Some(deadline) = self.deadline else {
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
    async fn a_reply_may_take_its_time() {
        let (mut ours, mut timed, requests) = timed(LONG, SHORT);
        for _ in 0..2 {
            ours.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
            read(&mut timed).await.unwrap();
            let replying = requests.begin();
            let waiting = tokio::time::timeout(4 * SHORT, read(&mut timed)).await;
            assert!(waiting.is_err(), "{waiting:?}");
            drop(replying);
        }
        // The next head has its time again.
        ours.write_all(b"G").await.unwrap();
        read(&mut timed).await.unwrap();
        assert!(timed_out(read(&mut timed).await));
    }

    #[tokio::test]
    async fn over_http2_bytes_may_be_of_no_request() {
        let (mut ours, mut timed, _) = timed(LONG, SHORT);
        // In two parts, as it may come.
        let (one, other) = PREFACE.split_at(2);
        for part in [one, other, b"\0\0\0\x04\0\0\0\0\0"] {
            ours.write_all(part).await.unwrap();
            read(&mut timed).await.unwrap();
        }
        let waiting = tokio::time::timeout(4 * SHORT, read(&mut timed)).await;
        assert!(waiting.is_err(), "{waiting:?}");
    }

    #[tokio::test]
    async fn what_only_begins_as_http2_does_is_a_head() {
        for begin in [&b"PRI"[..], b"PRIx / HTTP/1.1\r\n"] {
            let (mut ours, mut timed, _) = timed(LONG, SHORT);
            ours.write_all(begin).await.unwrap();
            read(&mut timed).await.unwrap();
            assert!(timed_out(read(&mut timed).await));
        }
    }
}
