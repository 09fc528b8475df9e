//! A complete reply, as an embedding program meets it.

use std::time::Duration;

/// Header fields in the order received, names in lower case, values as bytes.
pub type Headers = Vec<(String, Vec<u8>)>;

/// A complete reply, of any status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status code.
    pub status: u16,
    /// The first `content-type`, if there is one and it is UTF-8.
    pub content_type: Option<String>,
    /// All fields of the head, but those that speak of the connection alone.
    pub headers: Headers,
    /// Byte for byte as it was sent; empty if there was none.
    pub body: Vec<u8>,
    /// Where the time went.
    pub timings: Timings,
    /// The version that was spoken, as in a status line: `HTTP/1.1`.
    pub version: &'static str,
}

impl Response {
    /// The return code of the original's functions, which is 1 for every
    /// complete reply.
    #[must_use]
    pub fn code(&self) -> i32 {
        1
    }

    /// The first value of the field `name`, in any case, if it is UTF-8.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(candidate, _)| candidate.eq_ignore_ascii_case(name))
            .and_then(|(_, value)| std::str::from_utf8(value).ok())
    }
}

/// Times from the start of a call; `None` where it did not come to that, as
/// with a kept connection, which is neither looked up nor made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timings {
    /// The name had its addresses.
    pub name_lookup: Option<Duration>,
    /// TCP was connected.
    pub connect: Option<Duration>,
    /// TLS was established.
    pub tls: Option<Duration>,
    /// The head of the reply was there.
    pub first_byte: Option<Duration>,
    /// The call returned.
    pub total: Duration,
}
