//! The head of a reply: how large it may be, and what it may say.

use crate::{
    call::failure::{Cause, Failure},
    config::Config,
};
use http::{HeaderMap, StatusCode, header, response};
use hyper::client::conn::{http1, http2};

/// What one more field costs beside its name and its value (RFC 9113, section
/// 6.5.2). Both versions of HTTP are measured alike.
const FIELD_OVERHEAD: usize = 32;

/// Bytes that are read at a time, at most: what is read is looked at before anybody
/// else has their turn.
const READ: usize = 64 << 10;

/// How much more HTTP/2 reads than a head may have, so that it is mostly here
/// that a head is found to be too large, which can say so.
const HTTP2_SLACK: u32 = 4;

/// What the heads of replies are held to.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeadRules {
    max_fields: u32,
    /// In bytes.
    max_size: u32,
}

impl HeadRules {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            max_fields: config.max_header_fields,
            max_size: config.max_header_size,
        }
    }

    /// Makes connections of HTTP/1 that read no more than they must.
    pub(super) fn http1(self) -> http1::Builder {
        let mut builder = http1::Builder::new();
        builder
            .allow_obsolete_multiline_headers_in_responses(true)
            .max_headers(self.max_fields as usize)
            .max_header_size(self.max_size as usize)
            .max_buf_size(READ.max(self.max_size as usize));
        builder
    }

    /// Has connections of HTTP/2 read no more than they must.
    pub(super) fn http2<E>(self, builder: &mut http2::Builder<E>) -> &mut http2::Builder<E>
    where
        E: Clone,
    {
        builder.max_header_list_size(self.max_size.saturating_mul(HTTP2_SLACK))
    }

    /// Checks the head of a reply to a request, which was a HEAD or was not.
    pub(super) fn check(self, to_head: bool, head: &response::Parts) -> Result<(), Failure> {
        let fields = &head.headers;
        if fields.len() > self.max_fields as usize {
            return Err(self.too_many());
        }
        if size(fields) > self.max_size as usize {
            return Err(self.too_large());
        }
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Failure::new(
                Cause::Protocol,
                "the server switches to another protocol (101), which nobody asked for",
            ));
        }
        // Such replies have no body, whatever they say of it (RFC 9112, section
        // 6.3).
        let is_bodiless = to_head
            || matches!(
                head.status,
                StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
            );
        if !is_bodiless && !is_plain(fields) {
            return Err(Failure::new(
                Cause::Protocol,
                "the reply is in a transfer coding that nobody asked for; chunked alone is read",
            ));
        }
        Ok(())
    }

    /// Whether `heard` bytes without a reply are more interim replies (1xx, RFC 9110,
    /// section 15.2) than a server has reason to send. Any number may come before
    /// the reply; together they may have as many bytes as its head.
    pub(super) fn are_interim(self, heard: usize) -> bool {
        heard > 2 * self.max_size as usize
    }

    pub(super) fn too_many_interim(self) -> Failure {
        Failure::new(
            Cause::Protocol,
            format!(
                "the server sent interim replies (1xx) without end: they have more than \
                 max-header-size, {} bytes",
                self.max_size
            ),
        )
    }

    /// Why hyper has found a head of HTTP/1 too large, with `heard` bytes read
    /// since the request was sent. It does not say which of the two it was.
    pub(super) fn exceeded(self, heard: usize) -> Failure {
        if heard < self.max_size as usize {
            return self.too_many();
        }
        Failure::new(
            Cause::Protocol,
            format!(
                "the head of the reply is too large: it has more than max-header-size, {} bytes, \
                 or more fields than max-header-fields, {}; a larger limit lets it through",
                self.max_size, self.max_fields
            ),
        )
    }

    fn too_many(self) -> Failure {
        Failure::new(
            Cause::Protocol,
            format!(
                "the head of the reply is too large: it has more fields than max-header-fields, {}; \
                 a larger max-header-fields lets it through",
                self.max_fields
            ),
        )
    }

    fn too_large(self) -> Failure {
        Failure::new(
            Cause::Protocol,
            format!(
                "the head of the reply is too large: it has more than max-header-size, {} bytes; \
                 a larger max-header-size lets it through",
                self.max_size
            ),
        )
    }
}

fn size(fields: &HeaderMap) -> usize {
    fields
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + FIELD_OVERHEAD)
        .sum()
}

/// Whether a body is sent as it is, or in chunks. No request has a `te` field
/// that asks for more (RFC 9112, section 7.4). `identity` is not a coding any
/// more, and hides the `content-length`.
fn is_plain(fields: &HeaderMap) -> bool {
    let mut codings = fields.get_all(header::TRANSFER_ENCODING).iter();
    let is_chunked = match codings.next() {
        Some(codings) => codings
            .as_bytes()
            .trim_ascii()
            .eq_ignore_ascii_case(b"chunked"),
        None => true,
    };
    is_chunked && codings.next().is_none()
}
