//! Replies of a plugin that answers HTTP by itself, many at a time.

use super::{
    DecisionError, FailureKind, PoolOptions, PoolStats,
    instances::{Instances, trapped},
};
use crate::{
    instance::Instance,
    plugin::{handler::Answer, questions::Questions, runtime::Plugin, trace::Trace},
};
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, Request, Response, header::HOST};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Collected, Full};
use std::{
    convert::Infallible,
    error::Error,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    sync::oneshot,
    task::{JoinError, JoinSet},
};
use wasmtime_wasi_http::{
    Error as WasiError,
    p2::{bindings::Proxy, body::HyperOutgoingBody},
};

type Work = Pin<Box<dyn Future<Output = Result<(), DecisionError>> + Send>>;

/// Instances of a plugin that exports `wasi:http/incoming-handler`, which answer requests
/// at the same time. Clones are the same pool.
///
/// It is run as a [`PluginPool`](super::PluginPool) runs its plugin, and one reply counts
/// as one decision. What it asks are calls of an [`Instance`], made with
/// `rest:client/rest`; `wasi:http/outgoing-handler` is there and refuses every request
/// (`HTTP-request-denied`).
///
/// ```
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use rest_client_host::{
///     Config, Host,
///     plugin::{HandlerPool, Limits, PluginRuntime, PoolOptions},
/// };
///
/// # let no_handler = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/plugin_pool/drops_all.rs"));
/// let runtime = PluginRuntime::new(Limits::default())?;
/// let plugin = runtime.load(&no_handler)?;
/// let instance = Host::new(Config::default())?.instance();
/// let error = HandlerPool::new(&plugin, instance, PoolOptions::default()).unwrap_err();
/// assert!(error.to_string().contains("wasi:http/incoming-handler"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct HandlerPool(Arc<Instances<Proxy>>);

/// The body of a reply, which the plugin may still be writing. It ends with an error
/// where the plugin fails before it is done, so that nobody takes a part for the whole.
/// Dropped, it ends the plugin's work.
pub struct HandlerBody(Written);

enum Written {
    /// By a plugin that was done when the reply began.
    Whole(Full<Bytes>),
    WithTrailers(Collected<Bytes>),
    /// By one that is still at it.
    Partly {
        frames: HyperOutgoingBody,
        work: Writing,
    },
}

/// One task, until it has ended.
type Writing = JoinSet<Result<(), DecisionError>>;

impl HandlerPool {
    /// A pool of instances of `plugin`, whose questions are calls of `instance`. There is
    /// none of them until the first is needed.
    ///
    /// # Errors
    ///
    /// The plugin does not export `wasi:http/incoming-handler`, or there is a recorder: these
    /// are for decisions alone.
    pub fn new(
        plugin: &Plugin,
        instance: Instance,
        options: PoolOptions,
    ) -> wasmtime::Result<Self> {
        if options.recorder.is_some() {
            wasmtime::bail!("a plugin that answers HTTP by itself can't be recorded");
        }
        Ok(Self(Arc::new(Instances::new(plugin, instance, options)?)))
    }

    /// Starts an instance, which answers the first request then.
    ///
    /// # Errors
    ///
    /// It can't be started.
    pub async fn check(&self) -> Result<(), DecisionError> {
        self.0.check().await
    }

    /// Has the plugin answer `request`, which says in its URI or in its field `host` for
    /// whom it is. The decision-timeout holds until the body of the reply has ended.
    /// Dropped, the future ends the plugin's work.
    ///
    /// # Errors
    ///
    /// There is no reply: see [`FailureKind`] for why.
    pub async fn handle<B>(
        &self,
        request: Request<B>,
    ) -> Result<Response<HandlerBody>, DecisionError>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let replied = self.reply(request).await;
        if let Err(error) = &replied {
            self.0.note::<()>(&Err(error.clone()));
        }
        replied
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.options.name
    }

    /// Whose calls the plugin's questions are.
    #[must_use]
    pub fn instance(&self) -> &Instance {
        &self.0.instance
    }

    /// What became of its replies so far.
    #[must_use]
    pub fn stats(&self) -> PoolStats {
        self.0.stats()
    }

    /// Whether the plugin is not started at the moment, since it trapped again and again at
    /// its start.
    #[must_use]
    pub fn is_set_aside(&self) -> bool {
        self.0.is_set_aside()
    }

    async fn reply<B>(&self, request: Request<B>) -> Result<Response<HandlerBody>, DecisionError>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let (answer, mut answered) = oneshot::channel();
        let mut work = self.work(request, answer).await?;
        // It is polled here as long as it has not answered, so that one that answers at
        // once changes no thread.
        let answer = tokio::select! {
            // What is done is seen before what was said on the way.
            biased;
            done = &mut work => {
                done?;
                let answer = match answered.try_recv() {
                    Ok(answer) => head(answer)?,
                    Err(_) => {
                        let what = "the plugin returned without an answer";
                        return Err(DecisionError::new(FailureKind::Invalid, what));
                    }
                };
                let (head, frames) = answer.into_parts();
                let body = HandlerBody(written(frames)?);
                self.0.counts.add::<()>(&Ok(()));
                return Ok(Response::from_parts(head, body));
            }
            Ok(answer) = &mut answered => head(answer)?,
        };
        let pool = self.0.clone();
        let mut task = JoinSet::new();
        task.spawn(async move {
            let done = work.await;
            pool.note(&done);
            done
        });
        Ok(answer.map(|frames| HandlerBody(Written::Partly { frames, work: task })))
    }

    /// What is to be done for `request`, as soon as there is a place for it.
    async fn work<B>(
        &self,
        request: Request<B>,
        answer: oneshot::Sender<Answer>,
    ) -> Result<Work, DecisionError>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        if !names_its_host(&request) {
            let what = "the request does not say for which host it is";
            return Err(DecisionError::new(FailureKind::Invalid, what));
        }
        let deadline = self.0.begin(Duration::MAX);
        let place = self.0.place(deadline).await?;
        let trace = trace(request.headers());
        let request = request.map(|body| {
            let body = body.map_err(|error| {
                let error: Box<dyn Error + Send + Sync> = error.into();
                tracing::debug!(%error, "the body of a request broke off");
                WasiError::HttpProtocolError
            });
            body.boxed_unsync()
        });
        let shared = self.0.clone();
        Ok(Box::pin(async move {
            let pool = shared.clone();
            let run = shared.run(deadline, |pace| async move {
                let mut started = pool.instance(&pace).await?;
                let observer = pool.options.observer.clone();
                let questions = observer.map(|it| Questions::unread().observed_by(Some(it)));
                started.context().keep_questions(questions);
                started.context().keep_trace(trace);
                started.handle(request, answer).await.map_err(trapped)?;
                started.context().keep_questions(None);
                pool.give_back(started);
                drop(place);
                Ok(())
            });
            run.await
        }))
    }
}

/// Whether a plugin can be told for whom `request` is.
fn names_its_host<B>(request: &Request<B>) -> bool {
    let host = request.headers().get(HOST);
    request.uri().authority().is_some() || host.is_some_and(|it| it.to_str().is_ok())
}

/// The head of what the plugin answered.
fn head(answer: Answer) -> Result<Response<HyperOutgoingBody>, DecisionError> {
    answer.map_err(|code| {
        let what = format!("the plugin answered with an error: {code:?}");
        DecisionError::of_plugin(what)
    })
}

fn trace(headers: &HeaderMap) -> Trace {
    let fields: Vec<(String, Vec<u8>)> = headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
        .collect();
    Trace::of(&fields)
}

/// All that a plugin has written that is done.
fn written(frames: HyperOutgoingBody) -> Result<Written, DecisionError> {
    match frames.collect().now_or_never() {
        Some(Ok(whole)) => Ok(match whole.trailers() {
            None => Written::Whole(whole.to_bytes().into()),
            Some(_) => Written::WithTrailers(whole),
        }),
        Some(Err(_)) | None => Err(unfinished()),
    }
}

fn unfinished() -> DecisionError {
    let what = "the plugin returned without finishing the body of its answer";
    DecisionError::new(FailureKind::Invalid, what)
}

impl Body for HandlerBody {
    type Data = Bytes;
    type Error = DecisionError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, DecisionError>>> {
        match &mut self.0 {
            Written::Whole(whole) => never_fails(Pin::new(whole).poll_frame(cx)),
            Written::WithTrailers(whole) => never_fails(Pin::new(whole).poll_frame(cx)),
            Written::Partly { frames, work } => poll_partly(frames, work, cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Written::Whole(whole) => whole.is_end_stream(),
            _ => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Written::Whole(whole) => whole.size_hint(),
            _ => SizeHint::default(),
        }
    }
}

type Polled<E> = Poll<Option<Result<Frame<Bytes>, E>>>;

fn never_fails(polled: Polled<Infallible>) -> Polled<DecisionError> {
    polled.map_err(|never| match never {})
}

fn poll_partly(
    frames: &mut HyperOutgoingBody,
    work: &mut Writing,
    cx: &mut Context<'_>,
) -> Polled<DecisionError> {
    loop {
        match Pin::new(&mut *frames).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => return Poll::Ready(Some(Ok(frame))),
            // It says so itself, or its store is gone: what is written is a part.
            Poll::Ready(Some(Err(_))) => return Poll::Ready(Some(Err(unfinished()))),
            // It has to end well, too.
            Poll::Ready(None) => {
                let done = ready!(work.poll_join_next(cx));
                return Poll::Ready(done.and_then(|done| ended(done).err()).map(Err));
            }
            Poll::Pending => match ready!(work.poll_join_next(cx)) {
                // What it has written last is there by now.
                Some(done) => ended(done)?,
                None => return Poll::Ready(Some(Err(unfinished()))),
            },
        }
    }
}

fn ended(done: Result<Result<(), DecisionError>, JoinError>) -> Result<(), DecisionError> {
    match done {
        Ok(done) => done,
        Err(lost) => match lost.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(unfinished()),
        },
    }
}

impl fmt::Debug for HandlerBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerBody").finish_non_exhaustive()
    }
}

impl fmt::Debug for HandlerPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerPool")
            .field("options", &self.0.options)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
