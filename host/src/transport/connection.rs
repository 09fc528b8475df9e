//! A connection that can take a request.
//!
//! hyper splits an HTTP/1 connection into a sender and a future that does the
//! work. Here both stay together, and the work is done by whoever uses the
//! connection: no task is woken to send a request, and a transfer that is
//! dropped has closed its socket when the drop returns. A connection of HTTP/2
//! serves many at once, and so has a task of its own.

use super::{
    connect::Link, connect_lock::LiveConnection, head::HeadRules, http1_stream::Http1Stream,
    interim::Interim, proxy::Proxy, request_body::RequestBody, socket::Reins, tls::Trust,
};
use crate::call::failure::Failure;
use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body as _, Frame};
use http_body_util::BodyExt as _;
use hyper::{
    body::Incoming,
    client::conn::{TrySendError, http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

/// How often a connection of HTTP/2 in use is asked whether it is alive.
const PING_INTERVAL: Duration = Duration::from_secs(10);

/// How long it has to answer.
const PING_TIMEOUT: Duration = Duration::from_secs(5);

type Io = TokioIo<Http1Stream>;

/// One of the two.
pub(super) enum Connection {
    Http1(Http1),
    Http2(Http2),
}

/// Why a connection gave no reply.
pub(super) enum SendError {
    /// Nothing of the request was sent.
    Unsent(hyper::Error),
    /// It was sent, at least in part.
    Failed(hyper::Error),
    /// Interim replies came without end.
    TooManyInterim,
}

impl From<TrySendError<Request<RequestBody>>> for SendError {
    fn from(mut error: TrySendError<Request<RequestBody>>) -> Self {
        match error.take_message() {
            Some(_) => Self::Unsent(error.into_error()),
            None => Self::Failed(error.into_error()),
        }
    }
}

/// A connection of HTTP/2. Clones share it.
#[derive(Clone)]
pub(super) struct Http2 {
    sender: http2::SendRequest<RequestBody>,
    identity: Arc<()>,
    /// Of all who were asked for it, the server last.
    trust: Arc<[Trust]>,
}

/// A connection of HTTP/1, which takes one request at a time. Dropped, it is
/// closed.
pub(super) struct Http1 {
    sender: http1::SendRequest<RequestBody>,
    /// Empty once it has ended.
    work: Option<Pin<Box<http1::Connection<Io, RequestBody>>>>,
    proxy: Option<Proxy>,
    reins: Reins,
    rules: HeadRules,
    /// Bytes that were read since a request was sent.
    heard: Arc<AtomicUsize>,
    /// Of all who were asked for it, the server last.
    trust: Vec<Trust>,
    _live: Option<LiveConnection>,
}

/// Speaks HTTP/1 over `link`, at whose other end there may be a proxy.
pub(super) async fn http1(
    link: Link,
    live: Option<LiveConnection>,
    rules: HeadRules,
) -> hyper::Result<Http1> {
    let stream = Http1Stream::new(link.stream);
    let heard = stream.heard();
    let (sender, work) = rules.http1().handshake(TokioIo::new(stream)).await?;
    Ok(Http1 {
        sender,
        work: Some(Box::pin(work)),
        proxy: link.proxy,
        reins: link.reins,
        rules,
        heard,
        trust: link.trust,
        _live: live,
    })
}

/// Speaks HTTP/2 over `link`, until the last clone of the result is dropped.
pub(super) async fn http2(
    link: Link,
    live: Option<LiveConnection>,
    rules: HeadRules,
) -> hyper::Result<Http2> {
    let (sender, work) = rules
        .http2(&mut http2::Builder::new(TokioExecutor::new()))
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .handshake(TokioIo::new(link.stream))
        .await?;
    // hyper reads it in a task of its own, which the runtime bounds.
    link.reins.let_go();
    tokio::spawn(async move {
        if let Err(error) = work.await {
            tracing::debug!(%error, "a connection of HTTP/2 ended");
        }
        drop(live);
    });
    Ok(Http2 {
        sender,
        identity: Arc::new(()),
        trust: link.trust.into(),
    })
}

impl Connection {
    /// The next frame of the body of a reply on it; `None` at its end.
    pub(super) async fn frame(
        &mut self,
        body: &mut Incoming,
    ) -> Option<hyper::Result<Frame<Bytes>>> {
        match self {
            Self::Http1(http1) => http1.frame(body).await,
            Self::Http2(_) => body.frame().await,
        }
    }
}

impl Http2 {
    /// Sends `request` and waits for the head of its reply.
    pub(super) async fn send(
        &mut self,
        request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, SendError> {
        Ok(self.sender.try_send_request(request).await?)
    }

    /// Whether it could take another request: the server takes them, as far as one
    /// can know, and is trusted as it was when this was made.
    pub(super) fn is_ready(&self) -> bool {
        self.sender.is_ready() && self.trust.iter().all(Trust::is_current)
    }

    /// Whether it has ended.
    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Whether `other` is a clone of it.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.identity, &other.identity)
    }
}

impl Http1 {
    /// Sends `request` and waits for the head of its reply.
    pub(super) async fn send(
        &mut self,
        request: Request<RequestBody>,
        interim: &Interim,
    ) -> Result<Response<Incoming>, SendError> {
        let Self {
            sender,
            work,
            reins,
            heard,
            ..
        } = self;
        heard.store(0, Relaxed);
        // What is wrong with the connection is told by sending on it.
        let _ = poll_fn(|cx| beside(work, reins, cx, |cx| sender.poll_ready(cx))).await;
        let mut sent = pin!(sender.try_send_request(request));
        poll_fn(|cx| {
            let polled = beside(work, reins, cx, |cx| sent.as_mut().poll(cx));
            if polled.is_pending() && interim.are_too_many() {
                return Poll::Ready(Err(SendError::TooManyInterim));
            }
            polled.map_err(SendError::from)
        })
        .await
    }

    async fn frame(&mut self, body: &mut Incoming) -> Option<hyper::Result<Frame<Bytes>>> {
        let Self { work, reins, .. } = self;
        poll_fn(|cx| beside(work, reins, cx, |cx| Pin::new(&mut *body).poll_frame(cx))).await
    }

    /// Why the head of a reply was found too large.
    pub(super) fn head_too_large(&self) -> Failure {
        self.rules.exceeded(self.heard.load(Relaxed))
    }

    /// Who reads the requests, if not the server itself.
    pub(super) fn proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref()
    }

    /// Whether it could take another request: the last exchange is over, the server
    /// has not closed it as far as the kernel knows, and is trusted as it was when
    /// this was made.
    pub(super) fn is_ready(&mut self) -> bool {
        if !self.trust.iter().all(Trust::is_current) {
            return false;
        }
        let Some(work) = &mut self.work else {
            return false;
        };
        // Has it see what has come since it was used last. Nobody is to be
        // woken for it: it is looked at again before it is used.
        self.reins.begin_poll();
        self.reins.doubt();
        let mut cx = Context::from_waker(Waker::noop());
        if work.as_mut().poll(&mut cx).is_ready() {
            self.work = None;
            return false;
        }
        self.sender.is_ready()
    }
}

/// Polls for what the caller waits for, and has the connection work for it.
fn beside<T>(
    work: &mut Option<Pin<Box<http1::Connection<Io, RequestBody>>>>,
    reins: &Reins,
    cx: &mut Context<'_>,
    mut awaited: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Poll<T> {
    if let Poll::Ready(done) = awaited(cx) {
        return Poll::Ready(done);
    }
    reins.begin_poll();
    if let Some(connection) = work
        && let Poll::Ready(ended) = connection.as_mut().poll(cx)
    {
        // Its error reaches those who wait for a reply.
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended");
        }
        *work = None;
    }
    awaited(cx)
}
