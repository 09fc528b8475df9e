//! A connection that can take a request.
//!
//! hyper splits an HTTP/1 connection into a sender and a future that does the
//! work. Here both stay together, and the work is done by whoever uses the
//! connection: no task is woken to send a request, and a transfer that is
//! dropped has closed its socket when the drop returns. A connection of HTTP/2
//! serves many at once, and so has a task of its own.

use super::{
    connect::Link,
    connect_lock::LiveConnection,
    errors,
    head::HeadRules,
    http1_stream::Http1Stream,
    http2_stream::{Farewell, Http2Stream, Silence},
    pause::Pause,
    policy::Peer,
    proxy::Proxy,
    request_body::RequestBody,
    socket::Reins,
    tls::Trust,
};
use crate::call::failure::Failure;
use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body as _, Frame};
use http_body_util::BodyExt as _;
use hyper::{
    body::Incoming,
    client::conn::{TrySendError, http1, http2},
    rt::Executor,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    convert::Infallible,
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker, ready},
    time::Duration,
};
use tokio::{
    sync::oneshot,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

/// How often a connection of HTTP/2 in use is asked whether it is alive.
const PING_INTERVAL: Duration = Duration::from_secs(10);

/// How long it has to answer.
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// After so much time without a byte of the server a call that ran out of time leaves
/// its connection of HTTP/2 to nobody. A caller that gives less time than this to its
/// calls could close connections to others as often as it likes.
const LONG_SILENCE: Duration = Duration::from_millis(250);

/// How long a connection of HTTP/2 that nobody uses any more has to end by itself. hyper would
/// wait for as long as a server does not read a request that it has answered.
const GOODBYE: Duration = Duration::from_secs(1);

type Io = TokioIo<Http1Stream>;

/// One of the two.
pub(super) enum Connection {
    Http1(Box<Http1>),
    Http2(Http2),
}

/// Why a connection gave no reply.
pub(super) enum SendError {
    /// Nothing of the request was sent.
    Unsent(hyper::Error),
    /// It was sent, at least in part.
    Failed(hyper::Error),
    /// What was to be the head of a reply is more than one may be.
    Head(Failure),
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
    /// Dropped with the last clone.
    _used: Arc<oneshot::Sender<Infallible>>,
    sender: http2::SendRequest<RequestBody>,
    farewell: Farewell,
    silence: Silence,
    /// Of all who were asked for it, the server last.
    trust: Arc<[Trust]>,
    peer: Peer,
}

/// A connection of HTTP/1, which takes one request at a time. Dropped, it is
/// closed.
pub(super) struct Http1 {
    sender: http1::SendRequest<RequestBody>,
    work: Work,
    proxy: Option<Proxy>,
    rules: HeadRules,
    /// When it was kept last. Empty for a new one.
    kept: Option<Instant>,
    /// Replies that have begun on it.
    served: u64,
    /// Bytes that were read since a request was sent.
    heard: Arc<AtomicUsize>,
    /// Of all who were asked for it, the server last.
    trust: Vec<Trust>,
    peer: Peer,
    _live: Option<LiveConnection>,
}

/// Runs what hyper has to do for a connection of HTTP/2 in tasks of its own, under `reins`, until
/// it is given up.
#[derive(Clone)]
struct Tasks {
    reins: Reins,
    given_up: CancellationToken,
}

impl<F> Executor<F> for Tasks
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, future: F) {
        let held = self.reins.clone().hold(future);
        tokio::spawn(self.given_up.clone().run_until_cancelled_owned(held));
    }
}

/// Speaks HTTP/1 over `link`, at whose other end there may be a proxy.
pub(super) async fn http1(
    link: Link,
    live: Option<LiveConnection>,
    rules: HeadRules,
) -> hyper::Result<Box<Http1>> {
    let stream = Http1Stream::new(link.stream);
    let heard = stream.heard();
    let (sender, work) = rules.http1().handshake(TokioIo::new(stream)).await?;
    Ok(Box::new(Http1 {
        sender,
        work: Work {
            connection: Some(Box::pin(work)),
            reins: link.reins,
            pause: Pause::default(),
        },
        proxy: link.proxy,
        rules,
        kept: None,
        served: 0,
        heard,
        trust: link.trust,
        peer: link.peer,
        _live: live,
    }))
}

/// Speaks HTTP/2 over `link`, until the last clone of the result is dropped.
pub(super) async fn http2(
    link: Link,
    live: Option<LiveConnection>,
    rules: HeadRules,
) -> hyper::Result<Http2> {
    let stream = Http2Stream::new(link.stream);
    let (farewell, silence) = (stream.farewell(), stream.silence());
    let given_up = CancellationToken::new();
    let tasks = Tasks {
        reins: link.reins,
        given_up: given_up.clone(),
    };
    let (sender, work) = rules
        .http2(&mut http2::Builder::new(tasks))
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .handshake(TokioIo::new(stream))
        .await?;
    let (used, unused) = oneshot::channel::<Infallible>();
    tokio::spawn(async move {
        if let Err(error) = work.await {
            tracing::debug!(%error, "a connection of HTTP/2 ended");
        }
        drop(live);
        let _ = unused.await;
        sleep(GOODBYE).await;
        given_up.cancel();
    });
    Ok(Http2 {
        _used: Arc::new(used),
        sender,
        farewell,
        silence,
        trust: link.trust.into(),
        peer: link.peer,
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

    /// Why an exchange on it failed.
    pub(super) fn failure(&self, error: hyper::Error) -> Failure {
        match self {
            Self::Http1(_) => errors::exchanging(error),
            Self::Http2(http2) => errors::exchanging_http2(error, http2.farewell.reason()),
        }
    }
}

impl Http2 {
    /// Sends `request` and waits for the head of its reply.
    pub(super) async fn send(
        &mut self,
        request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, SendError> {
        self.silence.begin();
        Ok(self.sender.try_send_request(request).await?)
    }

    /// Whether a call that ran out of time on it shows that it may be dead: the server
    /// has said nothing for long, to anybody.
    pub(super) fn may_be_dead(&self) -> bool {
        self.silence.begin().elapsed() >= LONG_SILENCE
    }

    /// Who is at its other end.
    pub(super) fn peer(&self) -> &Peer {
        &self.peer
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
        self.farewell.is_same(&other.farewell)
    }
}

impl Http1 {
    /// Waits until it can take a request. What is wrong with it is told by sending
    /// on it.
    pub(super) async fn ready(&mut self) {
        let Self { sender, work, .. } = self;
        let _ = poll_fn(|cx| work.beside(cx, |cx| sender.poll_ready(cx))).await;
    }

    /// Sends `request`, and then waits for the head of its reply.
    pub(super) fn send(
        &mut self,
        request: Request<RequestBody>,
    ) -> impl Future<Output = Result<Response<Incoming>, SendError>> {
        let Self {
            sender,
            work,
            rules,
            served,
            heard,
            ..
        } = self;
        heard.store(0, Relaxed);
        // It holds a whole request, and would be in the state of all that wait.
        let mut sent = Box::pin(sender.try_send_request(request));
        poll_fn(move |cx| {
            let polled = work.beside(cx, |cx| sent.as_mut().poll(cx));
            if let Poll::Ready(Ok(_)) = polled {
                *served += 1;
            }
            let heard = heard.load(Relaxed);
            match polled.map_err(SendError::from) {
                Poll::Pending if rules.are_interim(heard) => {
                    Poll::Ready(Err(SendError::Head(rules.too_many_interim())))
                }
                Poll::Ready(Err(SendError::Failed(error))) if error.is_parse_too_large() => {
                    Poll::Ready(Err(SendError::Head(rules.exceeded(heard))))
                }
                other => other,
            }
        })
    }

    async fn frame(&mut self, body: &mut Incoming) -> Option<hyper::Result<Frame<Bytes>>> {
        let work = &mut self.work;
        poll_fn(|cx| work.beside(cx, |cx| Pin::new(&mut *body).poll_frame(cx))).await
    }

    /// It is kept from `now` on.
    pub(super) fn keep(&mut self, now: Instant) {
        self.kept = Some(now);
    }

    /// When it was kept last. `None` for a new one.
    pub(super) fn kept_since(&self) -> Option<Instant> {
        self.kept
    }

    /// Whether it is over, be it that the server has closed it.
    pub(super) fn has_ended(&self) -> bool {
        self.work.connection.is_none()
    }

    /// Whether it has been of use after its first request.
    pub(super) fn has_served_several(&self) -> bool {
        self.served > 1
    }

    /// Who is at its other end.
    pub(super) fn peer(&self) -> &Peer {
        &self.peer
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
        self.work.reins.doubt();
        self.is_idle()
    }

    /// Whether the last exchange is over, and nothing says that there can't be
    /// another.
    pub(super) fn is_idle(&mut self) -> bool {
        self.work.is_alive() && self.sender.is_ready()
    }
}

/// What a connection does when it is polled.
struct Work {
    /// Empty once it has ended.
    connection: Option<Pin<Box<http1::Connection<Io, RequestBody>>>>,
    reins: Reins,
    pause: Pause,
}

impl Work {
    /// Polls for what the caller waits for, and works for it.
    fn beside<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut awaited: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        if let Poll::Ready(done) = awaited(cx) {
            return Poll::Ready(done);
        }
        ready!(self.pause.poll_over(cx));
        self.reins.begin_poll();
        if let Some(connection) = &mut self.connection
            && let Poll::Ready(ended) = connection.as_mut().poll(cx)
        {
            // Its error reaches those who wait for a reply.
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection ended");
            }
            self.connection = None;
        }
        let polled = awaited(cx);
        if polled.is_ready() {
            self.pause.reset();
            self.reins.set_fruitless(false);
        } else if self.reins.is_held_back() {
            self.pause.begin(cx);
            self.reins.set_fruitless(true);
        }
        polled
    }

    /// Has it see what has come since it was used last. Nobody is to be woken for
    /// it: it is looked at again before it is used.
    fn is_alive(&mut self) -> bool {
        let Some(connection) = &mut self.connection else {
            return false;
        };
        self.reins.begin_poll();
        let mut cx = Context::from_waker(Waker::noop());
        let has_ended = connection.as_mut().poll(&mut cx).is_ready();
        if has_ended {
            self.connection = None;
        }
        !has_ended
    }
}
