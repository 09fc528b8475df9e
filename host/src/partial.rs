//! What there is of a reply, complete or not.

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use std::fmt;

/// What there is of a reply.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RawResponse {
    pub(crate) status: StatusCode,
    /// Those that speak of the connection alone are not among them.
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl RawResponse {
    pub(crate) fn content_type(&self) -> Option<&str> {
        let value = self.headers.get(header::CONTENT_TYPE)?;
        std::str::from_utf8(value.as_bytes()).ok()
    }
}

/// What had arrived of a reply when transfer-timeout passed.
///
/// ```
/// # let url: String = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/service/serve.rs"));
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use std::time::Duration;
///
/// let instance = rest_client_host::Host::new(Default::default())?.instance();
/// // It sends half of its body, and no more.
/// let error = instance
///     .rest_get(&format!("{url}/half"))
///     .transfer_timeout(Duration::from_millis(200))
///     .await
///     .unwrap_err();
/// let partial = error.partial().expect("a reply that had begun");
/// assert_eq!(partial.status(), http::StatusCode::OK);
/// assert_eq!(partial.body(), "calls=41 ");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Partial(RawResponse);

impl Partial {
    pub(crate) fn new(raw: RawResponse) -> Self {
        Self(raw)
    }

    pub(crate) fn into_raw(self) -> RawResponse {
        self.0
    }

    /// The HTTP status code.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// All fields of the head, but those that speak of the connection alone.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// The first `content-type`, if there is one and it is UTF-8.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.0.content_type()
    }

    /// The bytes of the body so far.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.0.body
    }
}

/// Shows no body and no fields: both may hold secrets.
impl fmt::Debug for Partial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Partial")
            .field("status", &self.0.status)
            .field("body", &self.0.body.len())
            .finish_non_exhaustive()
    }
}
