//! How long a connection waits for the other end where hyper sets it no time: for its first
//! request, and until something of what is written is taken.

use std::{
    io::{ErrorKind, IoSlice, Result},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
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
    /// Until its first byte, from the end of a reply of HTTP/1.1 to the head of the next
    /// request, and while nothing is taken of what is written.
    pub(super) idle: Duration,
    /// From its first byte to the end of the first head of HTTP/1.1, or of the preface of HTTP/2.
    pub(super) head: Duration,
}

/// What a connection of HTTP/2 begins with (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Whether a connection has had a request.
#[derive(Debug, Clone, Default)]
pub(super) struct FirstRequest(Arc<AtomicBool>);

impl FirstRequest {
    /// Its head is here.
    pub(super) fn has_come(&self) {
        self.0.store(true, Relaxed);
    }

    fn is_here(&self) -> bool {
        self.0.load(Relaxed)
    }
}

/// A stream of which reading or writing fails with [`ErrorKind::TimedOut`] when a time is over.
pub(super) struct Timed<S> {
    stream: S,
    timeouts: Timeouts,
    request: FirstRequest,
    speaks: Speaks,
    /// Empty once the first head is here. hyper waits for all others.
    first_head: Option<Deadline>,
    /// When something of what is written must be taken, while nothing is.
    taken: Deadline,
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

/// A time that is set often, and seldom comes.
#[derive(Debug, Default)]
struct Deadline {
    at: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    fn set(&mut self, after: Duration) {
        self.at = Some(Instant::now() + after);
    }

    /// As `set`, if it is not set.
    fn begin(&mut self, after: Duration) {
        if self.at.is_none() {
            self.set(after);
        }
    }

    fn clear(&mut self) {
        self.at = None;
    }

    /// Ready when it has passed.
    fn poll_passed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at else {
            return Poll::Pending;
        };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
        // It is set where it would come too late. One that comes early is set anew, which
        // saves setting it each time.
        if at < timer.deadline() {
            timer.as_mut().reset(at);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if Instant::now() >= at {
                return Poll::Ready(());
            }
            timer.as_mut().reset(at);
        }
        Poll::Pending
    }
}

impl<S> Timed<S> {
    pub(super) fn new(stream: S, timeouts: Timeouts, request: FirstRequest) -> Self {
        let mut first_head = Deadline::default();
        first_head.set(timeouts.idle);
        Self {
            stream,
            timeouts,
            request,
            speaks: Speaks::PerhapsHttp2(0),
            first_head: Some(first_head),
            taken: Deadline::default(),
        }
    }

    /// Notes that these came.
    fn take_note(&mut self, bytes: &[u8]) {
        let Some(first_head) = &mut self.first_head else {
            return;
        };
        let was_silent = self.speaks == Speaks::PerhapsHttp2(0);
        self.speaks = self.speaks.after(bytes);
        if self.speaks == Speaks::Http2 {
            // From here on it has frames that are of no request, and asks who is silent.
            self.first_head = None;
        } else if was_silent {
            first_head.set(self.timeouts.head);
        }
    }

    /// Ready when the first head should be here, and is not.
    fn poll_late_head(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.request.is_here() {
            self.first_head = None;
        }
        match &mut self.first_head {
            Some(first_head) => first_head.poll_passed(cx),
            None => Poll::Pending,
        }
    }

    /// What `written` is, or an error where nothing has been taken for too long.
    fn or_too_slow(
        &mut self,
        written: Poll<Result<usize>>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<usize>> {
        if written.is_ready() {
            self.taken.clear();
            return written;
        }
        self.taken.begin(self.timeouts.idle);
        self.taken
            .poll_passed(cx)
            .map(|()| Err(ErrorKind::TimedOut.into()))
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
                .poll_late_head(cx)
                .map(|()| Err(ErrorKind::TimedOut.into()));
        }
        self.take_note(&buffer.filled()[before..]);
        read
    }
}

/// Neither flushing nor shutting down a socket waits for the other end.
impl<S: AsyncWrite + Unpin> AsyncWrite for Timed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.or_too_slow(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.or_too_slow(written, cx)
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

    fn timed(idle: Duration, head: Duration) -> (DuplexStream, Timed<DuplexStream>, FirstRequest) {
        let (ours, theirs) = duplex(1024);
        let request = FirstRequest::default();
        let timed = Timed::new(theirs, Timeouts { idle, head }, request.clone());
        (ours, timed, request)
    }

    async fn read(timed: &mut Timed<DuplexStream>) -> Result<usize> {
        timed.read(&mut [0; 64]).await
    }

    fn timed_out<T>(done: Result<T>) -> bool {
        done.is_err_and(|error| error.kind() == ErrorKind::TimedOut)
    }

    /// Whether it still waits after more time than it has where it has one.
    async fn waits(timed: &mut Timed<DuplexStream>) -> bool {
        tokio::time::timeout(4 * SHORT, read(timed)).await.is_err()
    }

    #[tokio::test]
    async fn one_that_never_says_anything_ends() {
        let (_ours, mut timed, _) = timed(SHORT, LONG);
        assert!(timed_out(read(&mut timed).await));
    }

    #[tokio::test]
    async fn the_first_head_has_its_own_time_from_its_first_byte() {
        let (mut ours, mut timed, _) = timed(LONG, SHORT);
        ours.write_all(b"GET /").await.unwrap();
        assert_eq!(read(&mut timed).await.unwrap(), 5);
        assert!(timed_out(read(&mut timed).await));
    }

    #[tokio::test]
    async fn once_there_was_a_request_reading_has_no_time_of_its_own() {
        let (mut ours, mut timed, request) = timed(LONG, SHORT);
        for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\r\n", b"G"] {
            ours.write_all(bytes).await.unwrap();
            read(&mut timed).await.unwrap();
            request.has_come();
            assert!(waits(&mut timed).await);
        }
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
        assert!(waits(&mut timed).await);
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

    #[tokio::test]
    async fn one_that_takes_nothing_ends() {
        let (_ours, mut timed, _) = timed(SHORT, LONG);
        assert!(timed_out(timed.write_all(&[0; 4096]).await));
    }

    #[tokio::test]
    async fn one_that_takes_it_slowly_has_its_time_again_and_again() {
        let (mut ours, mut timed, _) = timed(10 * SHORT, LONG);
        let takes = async {
            for _ in 0..16 {
                tokio::time::sleep(SHORT).await;
                ours.read_exact(&mut [0; 256]).await.unwrap();
            }
        };
        let (written, ()) = tokio::join!(timed.write_all(&[0; 4096 + 512]), takes);
        written.unwrap();
    }
}
