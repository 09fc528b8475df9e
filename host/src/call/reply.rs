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
use http::{HeaderMap, HeaderName, Response, response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use std::{
    pin::Pin,
    task::{Context, Poll},
};
use wasmtime_wasi_http::{DEFAULT_FORBIDDEN_HEADERS, Error as WasiError, WasiBody};

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

    /// The reply without the fields that no guest sees, which speak of the
    /// connection alone.
    pub(crate) fn shown(mut self) -> Self {
        self.head.headers = end_to_end(self.head.headers);
        self
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

/// `fields` without those of the connection, in the order in which they came. To
/// remove one from a map puts the last one into its place.
fn end_to_end(fields: HeaderMap) -> HeaderMap {
    let is_hidden = |name: &HeaderName| DEFAULT_FORBIDDEN_HEADERS.contains(name);
    if !fields.keys().any(is_hidden) {
        return fields;
    }
    let mut kept = HeaderMap::with_capacity(fields.len());
    let mut shown = None;
    for (name, value) in fields {
        // Further values of a name come without it.
        if let Some(name) = name {
            shown = (!is_hidden(&name)).then_some(name);
        }
        if let Some(name) = &shown {
            kept.append(name.clone(), value);
        }
    }
    kept
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

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn fields_of_the_connection_leave_the_others_in_their_order() {
        let fields: HeaderMap = [
            ("x-a", "1"),
            ("connection", "close"),
            ("x-b", "2"),
            ("keep-alive", "timeout=5"),
            ("x-a", "3"),
            ("connection", "keep-alive"),
            ("x-c", "4"),
        ]
        .into_iter()
        .map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        })
        .collect();
        let shown = end_to_end(fields);
        let shown: Vec<_> = shown
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        let expected: [(&str, &[u8]); 4] =
            [("x-a", b"1"), ("x-a", b"3"), ("x-b", b"2"), ("x-c", b"4")];
        assert_eq!(shown, expected);
    }
}
