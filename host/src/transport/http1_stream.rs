//! A stream as HTTP/1 needs it: what the server says is the reply to a request,
//! however early it says it.

use super::stream::{Stream, not_of_http};
use std::{
    io::{self, ErrorKind, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A new connection, on which the client speaks first.
///
/// Nothing is read before the first byte of a request is written. hyper takes
/// what comes earlier for a fault of the connection; whether something came
/// earlier is a race between the two sides. On a new connection it can't be the
/// reply to anyone else's request.
///
/// A server may also reply and close the connection before it has taken all of
/// a request. So a write that fails since the server takes no more is no error
/// here: reading tells what the server said, and how the connection ended.
pub(super) struct Http1Stream {
    stream: Box<dyn Stream>,
    has_spoken: bool,
    /// Who wanted to read before that.
    reader: Option<Waker>,
    /// The server takes no more.
    is_deaf: bool,
    heard: Arc<AtomicUsize>,
}

impl Http1Stream {
    pub(super) fn new(stream: Box<dyn Stream>) -> Self {
        Self {
            stream,
            has_spoken: false,
            reader: None,
            is_deaf: false,
            heard: Arc::default(),
        }
    }

    /// Counts the bytes that are read.
    pub(super) fn heard(&self) -> Arc<AtomicUsize> {
        self.heard.clone()
    }

    /// What was written, now that `written` bytes of `offered` were.
    fn spoke(&mut self, written: io::Result<usize>, offered: usize) -> io::Result<usize> {
        let written = match written {
            Err(error) if means_deaf(&error) => {
                tracing::debug!(%error, "the server takes no more of a request");
                self.is_deaf = true;
                offered
            }
            other => other?,
        };
        if !self.has_spoken {
            self.has_spoken = true;
            if let Some(reader) = self.reader.take() {
                reader.wake();
            }
        }
        Ok(written)
    }
}

fn means_deaf(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted
    )
}

impl AsyncRead for Http1Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.has_spoken {
            self.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer)).map_err(not_of_http)?;
        self.heard
            .fetch_add(buffer.filled().len() - before, Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Http1Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_deaf {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes));
        Poll::Ready(self.spoke(written, bytes.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let offered = slices.iter().map(|slice| slice.len()).sum();
        if self.is_deaf {
            return Poll::Ready(Ok(offered));
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, slices));
        Poll::Ready(self.spoke(written, offered))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_deaf {
            return Poll::Ready(Ok(()));
        }
        match ready!(Pin::new(&mut self.stream).poll_flush(cx)) {
            // TLS holds back what it is given.
            Err(error) if means_deaf(&error) => {
                self.is_deaf = true;
                Poll::Ready(Ok(()))
            }
            flushed => Poll::Ready(flushed),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[tokio::test]
    async fn nothing_is_heard_before_something_was_said() {
        let (ours, mut theirs) = tokio::io::duplex(64);
        let mut stream = Http1Stream::new(Box::new(ours));
        let heard = stream.heard();
        theirs.write_all(b"early").await.unwrap();
        let mut buffer = [0; 5];
        {
            let mut read = std::pin::pin!(stream.read(&mut buffer));
            let mut cx = Context::from_waker(Waker::noop());
            assert!(read.as_mut().poll(&mut cx).is_pending());
        }
        assert_eq!(heard.load(Relaxed), 0);
        stream.write_all(b"a").await.unwrap();
        stream.read_exact(&mut buffer).await.unwrap();
        assert_eq!(&buffer, b"early");
        assert_eq!(heard.load(Relaxed), 5);
    }

    #[tokio::test]
    async fn a_server_that_takes_no_more_is_heard() {
        let (ours, mut theirs) = tokio::io::duplex(64);
        let mut stream = Http1Stream::new(Box::new(ours));
        theirs.write_all(b"enough").await.unwrap();
        drop(theirs);
        stream.write_all(&[b'x'; 1000]).await.unwrap();
        stream.flush().await.unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).await.unwrap();
        assert_eq!(said, "enough");
    }
}
