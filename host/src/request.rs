//! What a call asks for, as an embedding program states it.

use crate::{error::Error, instance::Instance, response::Response, worker_pool::WorkerPool};
use std::{fmt, pin::Pin, time::Duration};
use tokio::sync::oneshot;

/// A request in the making. Await it to send it.
///
/// What is wrong with it is told by the call's result, not while it is made.
/// Dropping its future ends its transfer, and frees its slot.
#[must_use = "a request is sent when it is awaited"]
pub struct Request<'a> {
    by: By<'a>,
    pub(crate) question: Question,
    pub(crate) connection_timeout: Option<Duration>,
    pub(crate) transfer_timeout: Option<Duration>,
    /// Told when the call runs beside others, or waits for its turn. Dropped
    /// untold at the end of one that runs in a blocking manner.
    pub(crate) begun: Option<oneshot::Sender<()>>,
}

/// Who makes the call.
#[derive(Clone, Copy)]
pub(crate) enum By<'a> {
    Instance(&'a Instance),
    Pool(&'a WorkerPool),
}

/// What the guest is given.
#[derive(Clone)]
pub(crate) struct Question {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) content_type: Option<String>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) max_redirects: u32,
}

impl<'a> Request<'a> {
    pub(crate) fn new(by: By<'a>, method: &str, url: &str) -> Self {
        Self {
            by,
            question: Question {
                method: method.to_owned(),
                url: url.to_owned(),
                body: None,
                content_type: None,
                headers: Vec::new(),
                max_redirects: 0,
            },
            connection_timeout: None,
            transfer_timeout: None,
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
        self.question.headers.push((name.into(), value.into()));
        self
    }

    /// Sends a body, which may be empty.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.question.body = Some(body.into());
        self
    }

    /// Declares the body as something else than a form,
    /// `application/x-www-form-urlencoded`.
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.question.content_type = Some(content_type.into());
        self
    }

    /// Follows up to `max` redirects (RFC 9110, section 15.4). By default none
    /// is followed: a redirect is a reply like any other. All hops share the
    /// deadline of the call; none goes from https to http; credentials stay with
    /// the origin they were for.
    pub fn max_redirects(mut self, max: u32) -> Self {
        self.question.max_redirects = max;
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
        match self.by {
            By::Instance(instance) => Box::pin(instance.run(self)),
            By::Pool(pool) => Box::pin(pool.run(self)),
        }
    }
}

/// Shows no URL and no values: both may hold secrets.
impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.question.method)
            .field("body", &self.question.body.as_ref().map(Vec::len))
            .finish_non_exhaustive()
    }
}
