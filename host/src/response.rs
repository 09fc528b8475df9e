//! A complete reply, as an embedding program meets it.

use crate::{
    error::{Error, ErrorKind},
    partial::RawResponse,
    timings::Timings,
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, Version};
use serde::de::DeserializeOwned;
use std::{borrow::Cow, fmt};

/// A complete reply, of any status. A status of 4xx or 5xx is no error: the
/// service answered.
///
/// ```
/// # let url: String = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/service/serve.rs"));
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// #[derive(serde::Deserialize)]
/// struct Credit {
///     amount: f64,
/// }
///
/// let instance = rest_client_host::Host::new(Default::default())?.instance();
/// let reply = instance.rest_get(&format!("{url}/credit.json?caller=alice")).await?;
/// assert_eq!(reply.status(), http::StatusCode::OK);
/// assert_eq!(reply.content_type(), Some("application/json"));
/// assert_eq!(reply.headers()["content-type"], "application/json");
/// assert_eq!(reply.json::<Credit>()?.amount, 12.5);
/// assert_eq!(reply.text(), r#"{"amount":12.5}"#);
/// assert_eq!(reply.version(), http::Version::HTTP_11);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    raw: RawResponse,
    version: Version,
    timings: Timings,
}

impl Response {
    pub(crate) fn new(raw: RawResponse, version: Version, timings: Timings) -> Self {
        Self {
            raw,
            version,
            timings,
        }
    }

    pub(crate) fn into_raw(self) -> RawResponse {
        self.raw
    }

    /// The return code of the original's functions, which is 1 for every
    /// complete reply.
    #[must_use]
    pub fn code(&self) -> i32 {
        1
    }

    /// The HTTP status code.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.raw.status
    }

    /// The version that was spoken.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// All fields of the head, but those that speak of the connection alone.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.raw.headers
    }

    /// The first value of the field `name`, in any case, if it is UTF-8.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let value = self.raw.headers.get(name)?;
        std::str::from_utf8(value.as_bytes()).ok()
    }

    /// The first `content-type`, if there is one and it is UTF-8.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.raw.content_type()
    }

    /// The body, byte for byte as it was sent; empty if there was none.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.raw.body
    }

    /// The body, without a copy of it.
    #[must_use]
    pub fn into_body(self) -> Bytes {
        self.raw.body
    }

    /// The body as UTF-8; each run of bytes that is none is one U+FFFD.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.raw.body)
    }

    /// The body, read as JSON, whatever its content type.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] if it is no JSON, or not that of a `T`. The error
    /// says where; its [`source`](std::error::Error::source) says why, and may
    /// hold parts of the body.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.raw.body).map_err(|error| {
            let message = format!(
                "the body of the reply is not the JSON that was asked for, from line {} column {} on",
                error.line(),
                error.column()
            );
            Error::new(ErrorKind::Decode, message).because(error)
        })
    }

    /// Where the time went.
    #[must_use]
    pub fn timings(&self) -> &Timings {
        &self.timings
    }
}

/// Shows no body and no fields: both may hold secrets.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.raw.status)
            .field("version", &self.version)
            .field("body", &self.raw.body.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partial::Partial;
    use http::{HeaderValue, header};

    fn reply(content_types: &[&[u8]], body: &'static [u8]) -> Response {
        let mut headers = HeaderMap::new();
        for value in content_types {
            let value = HeaderValue::from_bytes(value).unwrap();
            headers.append(header::CONTENT_TYPE, value);
        }
        let raw = RawResponse {
            status: StatusCode::OK,
            headers,
            body: Bytes::from_static(body),
        };
        Response::new(raw, Version::HTTP_11, Timings::default())
    }

    #[test]
    fn the_content_type_is_the_first_field_if_it_is_text() {
        let content_type = |values: &[&[u8]]| reply(values, b"").content_type().map(str::to_owned);
        assert_eq!(content_type(&[b"a/b", b"c/d"]).as_deref(), Some("a/b"));
        assert_eq!(content_type(&["ä".as_bytes()]).as_deref(), Some("ä"));
        assert_eq!(content_type(&[b"\xff", b"c/d"]), None);
        assert_eq!(content_type(&[]), None);
    }

    #[test]
    fn a_field_is_there_whatever_bytes_it_has() {
        let reply = reply(&[b"\xff"], b"");
        assert_eq!(reply.headers()[header::CONTENT_TYPE].as_bytes(), b"\xff");
        assert_eq!(reply.header("Content-Type"), None);
    }

    #[test]
    fn what_is_not_the_json_asked_for_is_told_without_the_body() {
        use std::error::Error as _;
        let error = reply(&[], b"[\n\"sesame\"]").json::<Vec<u8>>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert!(error.to_string().contains("line 2"), "{error}");
        assert!(!error.to_string().contains("sesame"), "{error}");
        assert!(error.source().unwrap().is::<serde_json::Error>());
    }

    #[test]
    fn no_body_and_no_field_is_shown() {
        let reply = reply(&[b"sesame"], b"sesame");
        let partial = Partial::new(reply.clone().into_raw());
        assert!(!format!("{reply:?}{partial:?}").contains("sesame"));
    }
}
