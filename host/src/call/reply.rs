//! A reply, gathered by the host before the sandbox sees any of it.
//!
//! A call is answered with an entire reply or not at all, so that nothing is
//! gained by handing it over in pieces; and a guest that holds no body needs no
//! memory for it.

use super::{
    budget::Budget,
    failure::Failure,
    paid::{Buffer, pay_for_fields},
};
use bytes::Bytes;
use http::{Response, response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use std::{
    pin::Pin,
    task::{Context, Poll},
};
use wasmtime_wasi_http::{Error as WasiError, WasiBody};

/// What arrived of a reply.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) head: response::Parts,
    pub(crate) body: Buffer,
    /// Why there is not all of the body: the transfer-timeout passed.
    pub(crate) cut: Option<Failure>,
}

impl Reply {
    /// A reply whose head is here, and whose body announces so many bytes. It is
    /// charged to `budget` if there is one.
    pub(crate) fn begin(
        mut head: response::Parts,
        announced: u64,
        budget: Option<&Budget>,
    ) -> Result<Self, Failure> {
        if let Some(budget) = budget {
            pay_for_fields(&mut head.headers, budget)?;
        }
        Ok(Self {
            head,
            body: Buffer::new(announced, budget)?,
            cut: None,
        })
    }

    /// The reply as a guest reads it.
    pub(crate) fn into_wasi(self) -> Response<WasiBody> {
        let body = Gathered {
            bytes: Some(self.body.into_bytes()).filter(|bytes| !bytes.is_empty()),
            // It is the deadline that cuts a reply, and nothing else.
            end: self.cut.map(|_| WasiError::HttpResponseTimeout),
        };
        Response::from_parts(self.head, body.boxed_unsync())
    }
}

/// Bytes, and the error after them if there is one.
struct Gathered {
    bytes: Option<Bytes>,
    end: Option<WasiError>,
}

impl Body for Gathered {
    type Data = Bytes;
    type Error = WasiError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, WasiError>>> {
        let next = match self.bytes.take() {
            Some(bytes) => Some(Ok(Frame::data(bytes))),
            None => self.end.take().map(Err),
        };
        Poll::Ready(next)
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none() && self.end.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, Bytes::len) as u64)
    }
}
