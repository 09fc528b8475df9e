//! Replies of a plugin that answers HTTP by itself, many at a time.

mod answering;

use super::{
    DecisionError, FailureKind, PoolOptions, PoolStats,
    instances::{Instances, trapped},
};
use crate::{
    instance::Instance,
    plugin::{handler::Handler, questions::Questions, runtime::Plugin, trace::Trace},
};
use answering::{Done, Stream};
use bytes::Bytes;
use http::{Request, Response, header::HOST};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Collected, Full};
use std::{
    convert::Infallible,
    error::Error,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::sync::oneshot;
use wasmtime_wasi_http::Error as WasiError;

type Work = Pin<Box<dyn Future<Output = Result<Done, DecisionError>> + Send>>;

/// Instances of a plugin that exports `wasi:http/incoming-handler` of WASI 0.2, or
/// `wasi:http/handler` of 0.3, which answer requests at the same time. Clones are the same
/// pool.
///
/// It is run as a [`PluginPool`](super::PluginPool) runs its plugin, and one reply counts
/// as one decision. What it asks are calls of an [`Instance`], made with
/// `rest:client` or `rest:client-async`; `wasi:http/outgoing-handler` and `wasi:http/client`
/// are there and refuse every request (`HTTP-request-denied`).
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
pub struct HandlerPool(Arc<Instances<Handler>>);

/// The body of a reply, which the plugin may still be writing. It ends with an error if the
/// plugin fails before the end, so that a partial body is not taken for a complete one.
/// Dropping it early ends the plugin's work.
pub struct HandlerBody(Written);

enum Written {
    /// By a plugin that was done when the reply began.
    Whole(Full<Bytes>),
    WithTrailers(Collected<Bytes>),
    /// By one that is still at it.
    Partly(Stream),
}

impl HandlerPool {
    /// A pool of instances of `plugin`, whose questions are calls of `instance`. There is
    /// none of them until the first is needed.
    ///
    /// # Errors
    ///
    /// The plugin exports neither of these, or there is a recorder: these
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

    /// Lets the plugin answer `request`, which names its host in its URI or in its `host`
    /// field. The decision-timeout applies until the body of the reply has ended. Dropping
    /// the future ends the plugin's work.
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
        let (head, mut begun) = oneshot::channel();
        let mut work = self.work(request, head).await?;
        // It is polled here as long as it has not answered, so that one that answers at
        // once changes no thread.
        let response = tokio::select! {
            // What is done is seen before what was said on the way.
            biased;
            done = &mut work => {
                done?;
                self.0.counts.add::<()>(&Ok(()));
                return begun.try_recv().map_err(|_| given_up());
            }
            Ok(response) = &mut begun => response,
        };
        let (pool, (failed, failure)) = (self.0.clone(), oneshot::channel());
        tokio::spawn(async move {
            let done = work.await;
            match &done {
                Ok(Done::Complete) => pool.note(&Ok(())),
                Ok(Done::GivenUp) => {}
                Err(error) => {
                    pool.note::<()>(&Err(error.clone()));
                    // Whoever reads the body is told why it breaks off.
                    let _ = failed.send(error.clone());
                }
            }
        });
        Ok(response.map(|mut body| {
            if let Written::Partly(stream) = &mut body.0 {
                stream.failure = Some(failure);
            }
            body
        }))
    }

    /// What is to be done for `request`, as soon as there is a place for it. The reply goes to
    /// `head` before its body has ended.
    async fn work<B>(
        &self,
        request: Request<B>,
        head: oneshot::Sender<Response<HandlerBody>>,
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
        let trace = Trace::of_headers(request.headers());
        let method = request.method().clone();
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
                let (answer, answered) = oneshot::channel();
                let handled = started.handle(request, answer);
                let done = answering::run(handled, answered, &method, head).await?;
                // One that was given up is in the midst of its work, and does no other.
                if done == Done::Complete && started.is_quiet().await.map_err(trapped)? {
                    started.context().keep_questions(None);
                    pool.give_back(started);
                }
                drop(place);
                Ok(done)
            });
            run.await
        }))
    }
}

fn given_up() -> DecisionError {
    DecisionError::new(
        FailureKind::Deadline,
        "nobody waits for the answer any more",
    )
}

/// Whether a plugin can be told for whom `request` is.
fn names_its_host<B>(request: &Request<B>) -> bool {
    let host = request.headers().get(HOST);
    request.uri().authority().is_some() || host.is_some_and(|it| it.to_str().is_ok())
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
            Written::Partly(stream) => stream.poll(cx),
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
