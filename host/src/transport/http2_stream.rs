//! What hyper keeps to itself of a connection of HTTP/2: since when its server says
//! nothing, and what it says when it ends the connection, of which the requests that
//! it had taken just fail.

use super::stream::{Stream, not_of_http};
use parking_lot::Mutex;
use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// The head of a frame (RFC 9113, section 4.1).
const HEAD: usize = 9;

/// GOAWAY (section 6.8): the last stream, and the code.
const GOAWAY: u8 = 7;
const GOAWAY_FIELDS: usize = 8;

/// Why a server ends a connection, if it has said so. Clones are of the same
/// connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Farewell(Arc<Mutex<Option<h2::Reason>>>);

impl Farewell {
    /// The code of the last GOAWAY.
    pub(super) fn reason(&self) -> Option<h2::Reason> {
        *self.0.lock()
    }

    /// Whether `other` is of the same connection.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Since when a server that was asked something says nothing at all. Clones are of
/// the same connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Silence(Arc<Mutex<Option<Instant>>>);

impl Silence {
    /// It is asked, or somebody has waited in vain.
    pub(super) fn begin(&self) -> Instant {
        *self.0.lock().get_or_insert_with(Instant::now)
    }

    fn end(&self) {
        *self.0.lock() = None;
    }
}

/// A stream of HTTP/2 that is listened to.
pub(super) struct Http2Stream {
    stream: Box<dyn Stream>,
    frames: Frames,
    silence: Silence,
}

impl Http2Stream {
    pub(super) fn new(stream: Box<dyn Stream>) -> Self {
        Self {
            stream,
            frames: Frames::default(),
            silence: Silence::default(),
        }
    }

    /// Since when the server will have said nothing.
    pub(super) fn silence(&self) -> Silence {
        self.silence.clone()
    }

    /// What the server will have said.
    pub(super) fn farewell(&self) -> Farewell {
        self.frames.farewell.clone()
    }
}

/// Where in the frames of a server a reader is.
#[derive(Debug, Default)]
struct Frames {
    /// The beginning of the frame, as far as it is needed.
    begun: Vec<u8>,
    /// Bytes of it that are of no interest.
    skipped: usize,
    farewell: Farewell,
}

impl Frames {
    fn read(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.skipped > 0 {
                let some = self.skipped.min(bytes.len());
                self.skipped -= some;
                bytes = &bytes[some..];
                continue;
            }
            let wanted = match self.begun.get(3) {
                Some(&GOAWAY) => HEAD + GOAWAY_FIELDS,
                _ => HEAD,
            };
            let some = (wanted - self.begun.len()).min(bytes.len());
            let (next, rest) = bytes.split_at(some);
            self.begun.extend_from_slice(next);
            bytes = rest;
            self.end_if_begun();
        }
    }

    /// Skips what is left of the frame, if all that is needed of it is here.
    fn end_if_begun(&mut self) {
        let [a, b, c, kind, _, _, _, _, _, fields @ ..] = &self.begun[..] else {
            return;
        };
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        // A shorter one breaks HTTP/2, which is for others to find out.
        if *kind == GOAWAY && length >= GOAWAY_FIELDS {
            let [_, _, _, _, code @ ..] = fields else {
                return;
            };
            let Ok(code) = <[u8; 4]>::try_from(code) else {
                return;
            };
            *self.farewell.0.lock() = Some(u32::from_be_bytes(code).into());
        }
        self.skipped = length.saturating_sub(fields.len());
        self.begun.clear();
    }
}

impl AsyncRead for Http2Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf)).map_err(not_of_http)?;
        self.silence.end();
        self.frames.read(&buf.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Http2Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: &[u8] = b"\0\0\0\x04\0\0\0\0\0";
    const DATA: &[u8] = b"\0\0\x03\0\0\0\0\0\x01abc";
    const GOAWAY: &[u8] = b"\0\0\x0b\x07\0\0\0\0\0\0\0\0\x01\0\0\0\x0bwhy";
    const NO_ERROR: &[u8] = b"\0\0\x08\x07\0\0\0\0\0\0\0\0\x01\0\0\0\0";

    fn reason(parts: &[&[u8]]) -> Option<h2::Reason> {
        let mut frames = Frames::default();
        for part in parts {
            frames.read(part);
        }
        frames.farewell.reason()
    }

    #[test]
    fn the_last_goaway_is_found_however_it_is_cut() {
        let calm = Some(h2::Reason::ENHANCE_YOUR_CALM);
        let all = [SETTINGS, DATA, GOAWAY, DATA].concat();
        assert_eq!(reason(&[&all]), calm);
        assert_eq!(reason(&all.chunks(1).collect::<Vec<_>>()), calm);
        assert_eq!(reason(&all.chunks(7).collect::<Vec<_>>()), calm);
        assert_eq!(reason(&[NO_ERROR, GOAWAY]), calm);
        assert_eq!(reason(&[GOAWAY, NO_ERROR]), Some(h2::Reason::NO_ERROR));
    }

    #[test]
    fn without_one_there_is_none() {
        assert_eq!(reason(&[SETTINGS, DATA]), None);
        assert_eq!(reason(&[&GOAWAY[..16]]), None);
        // Too short to say anything.
        assert_eq!(reason(&[b"\0\0\x04\x07\0\0\0\0\0\0\0\0\x01", DATA]), None);
    }
}
