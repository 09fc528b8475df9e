//! One transfer: a request out and a reply in, under the deadlines of its call.

use crate::{
    call::{Call, Phase},
    config::{Config, ConfigError, HttpVersion},
    connect::{Connection, Connector},
    failure::{Cause, Failure},
    origin::Origin,
    pool::{Lease, Pool},
};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, Version, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};
use wasmtime_wasi_http::{Error as WasiError, WasiBody};

/// What transfers of all instances of a host have in common.
#[derive(Debug)]
pub(crate) struct Transport {
    connector: Connector,
    version: HttpVersion,
    /// Bytes; `u64::MAX` is no limit.
    max_transfer_size: u64,
}

impl Transport {
    /// # Errors
    ///
    /// What the TLS policy refuses.
    pub(crate) fn new(config: &Config) -> Result<Self, ConfigError> {
        Ok(Self {
            connector: Connector::new(config)?,
            version: config.http_version,
            max_transfer_size: match config.max_transfer_size {
                0 => u64::MAX,
                limit => limit,
            },
        })
    }

    /// Sends `request`. The reply's head is here when this returns; its body
    /// comes under the same deadline and counts to the size limit. Dropping
    /// either ends the transfer. `connect_timeout` is the guest's own, from now,
    /// and may only shorten.
    pub(crate) async fn transfer(
        &self,
        pool: &Pool,
        call: Arc<Call>,
        request: Request<WasiBody>,
        connect_timeout: Option<Duration>,
    ) -> Result<Response<WasiBody>, WasiError> {
        let connect_by = match connect_timeout {
            Some(timeout) => call.connection_deadline().min(Instant::now() + timeout),
            None => call.connection_deadline(),
        };
        let origin = match Origin::of(request.uri()) {
            Ok(origin) => origin,
            Err(failure) => return Err(failure.to_wasi()),
        };
        self.exchange(pool, &call, &origin, request, connect_by)
            .await
            .map_err(|failure| fail(&call, &origin, failure))
    }

    async fn exchange(
        &self,
        pool: &Pool,
        call: &Arc<Call>,
        origin: &Origin,
        mut request: Request<WasiBody>,
        connect_by: Instant,
    ) -> Result<Response<WasiBody>, Failure> {
        let mut fresh = false;
        let (reply, lease) = loop {
            let connection = match pool.take(origin) {
                Some(connection) if !fresh => connection,
                _ => {
                    fresh = true;
                    self.connect(origin, call, connect_by).await?
                }
            };
            let again = replayable(&request);
            call.enter(Phase::Head);
            let sent = send(connection, pool, origin, request, self.version);
            match timeout_at(call.transfer_deadline(), sent).await {
                Err(_) => return Err(transfer_timeout(call)),
                Ok(Ok(answer)) => break answer,
                // A server may close a connection that was kept at the moment
                // in which it is used again. Nothing of a reply has come then,
                // and what may be sent twice is (RFC 9110, section 9.2.2).
                Ok(Err(Unsent::Before(unsent))) if !fresh => request = *unsent,
                Ok(Err(Unsent::Within(failure))) => match again {
                    Some(again) if !fresh && failure.cause == Cause::Incomplete => request = again,
                    _ => return Err(failure),
                },
                Ok(Err(Unsent::Before(_))) => {
                    return Err(Failure::new(
                        Cause::Incomplete,
                        "the server closed the connection before it took the request",
                    ));
                }
            }
            tracing::debug!(%origin, "a kept connection had been closed, the request is sent again");
            fresh = true;
        };

        call.enter(Phase::Body);
        call.record().version = reply.version();
        let announced = reply.body().size_hint().lower();
        if announced > self.max_transfer_size {
            return Err(too_large(self.max_transfer_size));
        }
        Ok(reply.map(|incoming| {
            ReplyBody {
                incoming,
                origin: origin.clone(),
                lease,
                deadline: Box::pin(sleep_until(call.transfer_deadline())),
                left: self.max_transfer_size,
                limit: self.max_transfer_size,
                call: call.clone(),
            }
            .finished_if_empty()
            .boxed_unsync()
        }))
    }

    async fn connect(
        &self,
        origin: &Origin,
        call: &Call,
        by: Instant,
    ) -> Result<Connection, Failure> {
        let connecting = self.connector.connect(origin, call);
        match timeout_at(by, connecting).await {
            Ok(connected) => connected,
            Err(_) => Err(Failure::new(
                Cause::ConnectionTimeout,
                format!(
                    "connection-timeout, {:?}, passed while {}",
                    by - call.started,
                    call.record().phase.as_str()
                ),
            )),
        }
    }
}

/// Keeps why a call failed for those who will be told.
fn fail(call: &Call, origin: &Origin, failure: Failure) -> WasiError {
    let error = failure.to_wasi();
    tracing::debug!(%origin, cause = ?failure.cause, "transfer failed: {}", failure.sentence);
    call.record().failure = Some((origin.to_string(), failure));
    error
}

fn transfer_timeout(call: &Call) -> Failure {
    Failure::new(
        Cause::TransferTimeout,
        format!(
            "transfer-timeout, {:?}, passed while {}",
            call.transfer_timeout,
            call.record().phase.as_str()
        ),
    )
}

fn too_large(limit: u64) -> Failure {
    Failure::new(
        Cause::TooLarge(limit),
        format!("the body of the reply is larger than max-transfer-size, {limit} bytes"),
    )
}

/// Why there is no reply.
enum Unsent {
    /// Nothing of the request had been sent; here it is again.
    Before(Box<Request<WasiBody>>),
    /// It may have been.
    Within(Failure),
}

async fn send(
    connection: Connection,
    pool: &Pool,
    origin: &Origin,
    mut request: Request<WasiBody>,
    version: HttpVersion,
) -> Result<(Response<Incoming>, Option<Lease>), Unsent> {
    let refused = |mut error: hyper::client::conn::TrySendError<Request<WasiBody>>| match error
        .take_message()
    {
        Some(request) => Unsent::Before(Box::new(request)),
        None => Unsent::Within(Failure::from_hyper(&error.into_error())),
    };
    match connection {
        Connection::Http1(mut sender) => {
            // The absolute form is for proxies (RFC 9112, section 3.2).
            let absolute = request.uri().clone();
            let path = request.uri().path_and_query().cloned();
            let mut parts = http::uri::Parts::default();
            parts.path_and_query =
                Some(path.unwrap_or_else(|| http::uri::PathAndQuery::from_static("/")));
            *request.uri_mut() = http::Uri::from_parts(parts).unwrap_or_default();
            *request.version_mut() = match version {
                HttpVersion::Http10 => Version::HTTP_10,
                _ => Version::HTTP_11,
            };
            match sender.try_send_request(request).await {
                Ok(reply) => Ok((reply, Some(pool.lease(origin.clone(), sender)))),
                Err(error) => Err(match refused(error) {
                    Unsent::Before(mut request) => {
                        *request.uri_mut() = absolute;
                        Unsent::Before(request)
                    }
                    within => within,
                }),
            }
        }
        Connection::Http2(mut sender) => {
            *request.version_mut() = Version::HTTP_2;
            let host = request.headers_mut().remove(header::HOST);
            match sender.try_send_request(request).await {
                Ok(reply) => {
                    pool.share(origin, sender);
                    Ok((reply, None))
                }
                Err(error) => Err(match refused(error) {
                    Unsent::Before(mut request) => {
                        restore_host(&mut request, host);
                        Unsent::Before(request)
                    }
                    within => within,
                }),
            }
        }
    }
}

/// HTTP/2 has the host in a pseudo-header; a further try may speak HTTP/1.
fn restore_host(request: &mut Request<WasiBody>, host: Option<HeaderValue>) {
    if let Some(host) = host {
        request.headers_mut().insert(header::HOST, host);
    }
}

/// The same request once more, if it has no body and may be sent twice.
fn replayable(request: &Request<WasiBody>) -> Option<Request<WasiBody>> {
    let idempotent = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE | Method::PUT | Method::DELETE
    );
    if !idempotent || !request.body().is_end_stream() {
        return None;
    }
    let empty = Empty::new()
        .map_err(|never: std::convert::Infallible| match never {})
        .boxed_unsync();
    let mut again = Request::new(empty);
    *again.method_mut() = request.method().clone();
    *again.uri_mut() = request.uri().clone();
    *again.headers_mut() = request.headers().clone();
    Some(again)
}

/// The body of a reply, which ends at the deadline of its call, at the size
/// limit, or when it is complete: then its connection goes back to the pool.
struct ReplyBody {
    incoming: Incoming,
    origin: Origin,
    lease: Option<Lease>,
    deadline: Pin<Box<Sleep>>,
    left: u64,
    limit: u64,
    call: Arc<Call>,
}

impl ReplyBody {
    /// A reply without a body may never be read, and its connection is free all
    /// the same.
    fn finished_if_empty(mut self) -> Self {
        if self.incoming.is_end_stream() {
            self.finish();
        }
        self
    }

    fn finish(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.give_back();
        }
    }

    fn fail(&mut self, failure: Failure) -> Option<Result<Frame<Bytes>, WasiError>> {
        self.lease = None;
        Some(Err(fail(&self.call, &self.origin, failure)))
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = WasiError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, WasiError>>> {
        // The deadline comes first: a server that never pauses is no reason to
        // go on.
        if self.deadline.as_mut().poll(cx).is_ready() || Instant::now() >= self.deadline.deadline()
        {
            let failure = transfer_timeout(&self.call);
            return Poll::Ready(self.fail(failure));
        }
        let frame = std::task::ready!(Pin::new(&mut self.incoming).poll_frame(cx));
        Poll::Ready(match frame {
            None => {
                self.finish();
                None
            }
            Some(Err(error)) => {
                let failure = Failure::from_hyper(&error);
                self.fail(failure)
            }
            Some(Ok(frame)) => {
                let length = frame.data_ref().map_or(0, |data| data.len() as u64);
                match self.left.checked_sub(length) {
                    Some(left) => {
                        self.left = left;
                        Some(Ok(frame))
                    }
                    None => {
                        let limit = self.limit;
                        self.fail(too_large(limit))
                    }
                }
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
