//! What a call asks for, as an embedding program states it.

use crate::{call::spec::CallSpec, error::Error, response::Response};
use std::{fmt, pin::Pin, sync::Arc, time::Duration};
use tokio::sync::oneshot;

/// A request builder. Await it to send the request.
///
/// Errors in the request are reported by the result of the call, not by the builder.
/// Dropping the future ends the transfer, and frees its slot.
///
/// ```
/// # let url: String = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/service/serve.rs"));
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use std::time::Duration;
///
/// let instance = rest_client_host::Host::new(Default::default())?.instance();
/// let reply = instance
///     .rest_post(&format!("{url}/register"), "sip:alice@192.0.2.7")
///     .content_type("text/plain")
///     .header("x-call-id", "843817637684230")
///     .transfer_timeout(Duration::from_secs(2))
///     .await?;
/// assert_eq!(reply.status(), http::StatusCode::CREATED);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a request is sent when it is awaited"]
pub struct Request {
    caller: Arc<dyn Caller>,
    spec: Box<CallSpec>,
    /// Told when the call runs beside others, or waits for its turn. Dropped
    /// untold at the end of one that runs in a blocking manner.
    begun: Option<oneshot::Sender<()>>,
}

/// What makes calls.
pub(crate) trait Caller: Send + Sync {
    /// Makes one. `begun` is that of the request.
    fn call(
        self: Arc<Self>,
        spec: Box<CallSpec>,
        begun: Option<oneshot::Sender<()>>,
    ) -> PendingResponse;
}

/// The end of a call.
pub(crate) type PendingResponse = Pin<Box<dyn Future<Output = Result<Response, Error>> + Send>>;

impl Request {
    pub(crate) fn new(caller: Arc<dyn Caller>, method: &str, url: &str) -> Self {
        Self::of(caller, CallSpec::new(method, url))
    }

    /// One of which all is known.
    pub(crate) fn of(caller: Arc<dyn Caller>, spec: CallSpec) -> Self {
        Self {
            caller,
            spec: Box::new(spec),
            begun: None,
        }
    }

    pub(crate) fn tell_begun(mut self, begun: oneshot::Sender<()>) -> Self {
        self.begun = Some(begun);
        self
    }

    /// Adds a header field, beside others of the same name. It belongs to this
    /// request alone.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.spec.headers.push((name.into(), value.into()));
        self
    }

    /// Sends a body, which may be empty.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.spec.body = Some(body.into());
        self
    }

    /// Declares the body as something else than a form,
    /// `application/x-www-form-urlencoded`.
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.spec.content_type = Some(content_type.into());
        self
    }

    /// Follows up to `max` redirects (RFC 9110, section 15.4). By default none
    /// is followed: a redirect is a reply like any other. All hops share the
    /// deadline of the call; none goes from https to http; credentials stay with
    /// the origin they were for.
    pub fn max_redirects(mut self, max: u32) -> Self {
        self.spec.max_redirects = max;
        self
    }

    /// Shortens connection-timeout for this call. A longer one than the
    /// configured has no effect.
    pub fn connection_timeout(mut self, timeout: Duration) -> Self {
        self.spec.connection_timeout = Some(timeout);
        self
    }

    /// Shortens transfer-timeout for this call. A longer one than the
    /// configured has no effect.
    pub fn transfer_timeout(mut self, timeout: Duration) -> Self {
        self.spec.transfer_timeout = Some(timeout);
        self
    }
}

impl IntoFuture for Request {
    type Output = Result<Response, Error>;
    type IntoFuture = PendingResponse;

    fn into_future(self) -> Self::IntoFuture {
        self.caller.call(self.spec, self.begun)
    }
}

/// Shows no URL and no values: both may hold secrets.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.spec.method)
            .field("body", &self.spec.body.as_ref().map(Vec::len))
            .finish_non_exhaustive()
    }
}
