//! The body of a request of HTTP/2 that a reply may come before.
//!
//! A server may answer before it has read the body (RFC 9113, section 8.1). hyper then goes on
//! with the body by itself, for as long as the server grants it no room. So a large body is
//! handed out in pieces, and can be taken back.

use bytes::Bytes;
use parking_lot::Mutex;
use std::{error::Error, fmt, sync::Arc};

/// Bytes that are handed out at once. They are copied, so that hyper keeps no more.
const PIECE: usize = 64 * 1024;

/// A body in pieces. Clones are the same.
#[derive(Clone)]
pub(super) struct Upload(Arc<Mutex<State>>);

struct State {
    left: Bytes,
    is_taken_back: bool,
}

/// What the stream ends with whose body was taken back.
#[derive(Debug)]
pub(super) struct TakenBack;

impl Upload {
    /// `body` in pieces; `None` for one that is no more than a piece.
    pub(super) fn of(body: &Bytes) -> Option<Self> {
        (body.len() > PIECE).then(|| {
            Self(Arc::new(Mutex::new(State {
                left: body.clone(),
                is_taken_back: false,
            })))
        })
    }

    /// The next piece; `None` at the end.
    pub(super) fn next(&self) -> Option<Result<Bytes, TakenBack>> {
        let mut state = self.0.lock();
        if state.is_taken_back {
            return Some(Err(TakenBack));
        }
        let length = state.left.len().min(PIECE);
        let piece = state.left.split_to(length);
        (length > 0).then(|| Ok(Bytes::copy_from_slice(&piece)))
    }

    /// Whether all of it was handed out.
    pub(super) fn is_handed_out(&self) -> bool {
        let state = self.0.lock();
        // The stream that it is taken from ends with an error.
        state.left.is_empty() && !state.is_taken_back
    }

    /// Bytes that were not handed out.
    pub(super) fn left(&self) -> usize {
        self.0.lock().left.len()
    }

    /// Nobody sends it any more.
    pub(super) fn end(&self) {
        self.0.lock().left = Bytes::new();
    }

    /// Has the rest of it sent to nobody. False if there is no rest.
    pub(super) fn take_back(&self) -> bool {
        let mut state = self.0.lock();
        let left = std::mem::take(&mut state.left);
        state.is_taken_back |= !left.is_empty();
        !left.is_empty()
    }
}

impl fmt::Display for TakenBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the exchange was over before the body of the request was sent")
    }
}

impl Error for TakenBack {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_handed_out_in_pieces_until_it_is_taken_back() {
        let whole: Bytes = (0..=u8::MAX).cycle().take(PIECE * 2 + 1).collect();
        assert!(Upload::of(&whole.slice(..PIECE)).is_none());
        let upload = Upload::of(&whole).unwrap();
        let mut pieces = Vec::new();
        while let Some(piece) = upload.next() {
            pieces.push(piece.unwrap());
        }
        assert_eq!(pieces.concat(), whole);
        assert!(upload.is_handed_out() && !upload.take_back());
        assert!(upload.next().is_none());

        let upload = Upload::of(&whole).unwrap();
        upload.next().unwrap().unwrap();
        assert_eq!(upload.left(), PIECE + 1);
        assert!(upload.take_back());
        assert!(upload.left() == 0 && !upload.is_handed_out());
        upload.next().unwrap().unwrap_err();
    }
}
