//! What a call asks for, as an embedding program states it.

use crate::{error::Error, instance::Instance, response::Response};
use std::{fmt, pin::Pin, time::Duration};

/// A request in the making. Await it to send it.
///
/// What is wrong with it is told by the call's result, not while it is made.
#[must_use = "a request is sent when it is awaited"]
pub struct Request<'a> {
    instance: &'a Instance,
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) content_type: Option<String>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) connection_timeout: Option<Duration>,
    pub(crate) transfer_timeout: Option<Duration>,
}

impl<'a> Request<'a> {
    pub(crate) fn new(instance: &'a Instance, method: &str, url: &str) -> Self {
        Self {
            instance,
            method: method.to_owned(),
            url: url.to_owned(),
            body: None,
            content_type: None,
            headers: Vec::new(),
            connection_timeout: None,
            transfer_timeout: None,
        }
    }

    /// Adds a header field, beside others of the same name. It belongs to this
    /// request alone.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sends a body, which may be empty.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Declares the body as something else than a form,
    /// `application/x-www-form-urlencoded`.
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = Some(content_type.into());
        self
    }

    /// Shortens connection-timeout for this call. A longer one than the
    /// configured has no effect.
    pub fn connection_timeout(mut self, timeout: Duration) -> Self {
        self.connection_timeout = Some(timeout);
        self
    }

    /// Shortens transfer-timeout for this call. A longer one than the
    /// configured has no effect.
    pub fn transfer_timeout(mut self, timeout: Duration) -> Self {
        self.transfer_timeout = Some(timeout);
        self
    }
}

impl<'a> IntoFuture for Request<'a> {
    type Output = Result<Response, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.instance.run(self))
    }
}

/// Shows no URL and no values: both may hold secrets.
impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("body", &self.body.as_ref().map(Vec::len))
            .finish_non_exhaustive()
    }
}
