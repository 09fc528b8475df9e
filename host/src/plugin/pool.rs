//! Decisions of a plugin, many at a time.

mod failure;
mod health;
mod options;

pub use failure::{DecisionError, FailureKind, OnFailure};
pub use options::PoolOptions;

use super::{
    PluginCtx,
    log_stream::{LINES, LogStream},
    pace::Pace,
    questions::Questions,
    router::{Router, Started},
    runtime::Plugin,
    trace::Trace,
};
use crate::{
    instance::Instance,
    line_budget::LineBudget,
    routing::{
        Decision, Protocol, Request, Violation, check_decision, check_request, check_reserved,
    },
};
use health::Health;
use parking_lot::Mutex;
use std::{
    fmt,
    future::poll_fn,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    task::Poll,
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

/// What any decision takes at most.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Lines about decisions that are not made, in ten seconds.
const COMPLAINTS: u32 = 10;

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Instances of a plugin of the [routing contract](crate::routing), which decide at the
/// same time. Clones are the same pool.
///
/// What a plugin asks are calls of an [`Instance`], by the services and the policy of that.
/// One that computes for longer than 10 ms at a stretch goes on in threads of its own at a
/// lower priority, so that neither the caller's runtime nor other plugins wait for it.
///
/// ```
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use rest_client_host::{
///     Config, Host,
///     plugin::{Limits, OnFailure, PluginPool, PluginRuntime, PoolOptions},
///     routing::{Decision, read_request},
/// };
///
/// # let component: Vec<u8> = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/plugin_pool/drops_all.rs"));
/// // A compiler of any language makes such a component; this one lets nobody through.
/// let plugin = PluginRuntime::new(Limits::default())?.load(&component)?;
/// let instance = Host::new(Config::default())?.instance();
/// let pool = PluginPool::new(&plugin, instance, PoolOptions::default())?;
/// pool.check().await?;
///
/// let request = read_request(br#"{"protocol": "http", "method": "GET", "target": "/"}"#)?;
/// let protocol = request.protocol;
/// let decision = match pool.route(request).await {
///     Ok(decision) => decision,
///     Err(error) => {
///         eprintln!("{error}");
///         OnFailure::Closed.decision(protocol)
///     }
/// };
/// assert_eq!(decision, Decision::Drop(vec![]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct PluginPool(Arc<Shared>);

struct Shared {
    router: Router,
    instance: Instance,
    options: PoolOptions,
    log: LogStream,
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// Without work. The one used last is at the end.
    idle: Mutex<Vec<Started>>,
    health: Health,
    counts: Counts,
    /// What is said of decisions that are not made.
    complaints: LineBudget,
}

#[derive(Default)]
struct Counts {
    decided: AtomicU64,
    failed: [AtomicU64; FailureKind::ALL.len()],
    started: AtomicU64,
    moved: AtomicU64,
}

/// What became of the decisions of a pool.
///
/// ```
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # use rest_client_host::{Config, Host, plugin::{Limits, PluginRuntime, PoolOptions}};
/// # let component: Vec<u8> = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/plugin_pool/drops_all.rs"));
/// # let plugin = PluginRuntime::new(Limits::default())?.load(&component)?;
/// # let instance = Host::new(Config::default())?.instance();
/// # let pool = rest_client_host::plugin::PluginPool::new(&plugin, instance, PoolOptions::default())?;
/// use rest_client_host::routing::read_request;
///
/// let request = read_request(br#"{"protocol": "http", "method": "GET", "target": "/"}"#)?;
/// pool.route(request).await?;
/// let stats = pool.stats();
/// assert_eq!((stats.decided, stats.in_flight), (1, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStats {
    /// Those that the plugin has made.
    pub decided: u64,
    /// Those that it has not, by how it failed.
    pub failed: Vec<(FailureKind, u64)>,
    /// Those that are being made now.
    pub in_flight: usize,
    /// Those that wait for an instance.
    pub waiting: usize,
    /// Instances that were started.
    pub started: u64,
    /// Decisions that went on in the background, since the plugin computed for long.
    pub moved: u64,
}

impl PluginPool {
    /// A pool of instances of `plugin`, whose questions are calls of `instance`. There is
    /// none of them until the first is needed.
    ///
    /// # Errors
    ///
    /// The plugin does not export what the contract says.
    pub fn new(
        plugin: &Plugin,
        instance: Instance,
        mut options: PoolOptions,
    ) -> wasmtime::Result<Self> {
        options.instances = options.instances.clamp(1, Semaphore::MAX_PERMITS);
        Ok(Self(Arc::new(Shared {
            router: Router::new(plugin)?,
            instance,
            log: LogStream {
                plugin: options.name.as_str().into(),
                lines: Arc::new(LineBudget::new(LINES)),
            },
            places: Arc::new(Semaphore::new(options.instances)),
            waiting: AtomicUsize::new(0),
            idle: Mutex::default(),
            health: Health::default(),
            counts: Counts::default(),
            complaints: LineBudget::new(COMPLAINTS),
            options,
        })))
    }

    /// Asks the plugin whether it can do its work here, in a new instance that is used for
    /// the first decision then.
    ///
    /// # Errors
    ///
    /// It can't.
    pub async fn check(&self) -> Result<(), DecisionError> {
        self.0.instance.start_driver();
        let deadline = self.0.deadline(Duration::MAX);
        let place = self.0.place(deadline).await?;
        let shared = self.0.clone();
        self.0
            .run(deadline, |pace| async move {
                let started = shared.start(&pace).await?;
                shared.give_back(started);
                drop(place);
                Ok(())
            })
            .await
    }

    /// Has the plugin decide about `request`, which has no more time than the pool's
    /// decision-timeout. Dropped, it ends the plugin's work.
    ///
    /// # Errors
    ///
    /// There is no decision: see [`FailureKind`] for why, and [`OnFailure`] for what to do.
    pub async fn route(&self, request: Request) -> Result<Decision, DecisionError> {
        let questions = self.0.options.observer.is_some().then(Questions::unread);
        self.decide(request, questions).await
    }

    /// The same, and what the plugin asked on the way is added to `questions`.
    ///
    /// # Errors
    ///
    /// See [`route`](Self::route).
    pub async fn explain(
        &self,
        request: Request,
        questions: &Questions,
    ) -> Result<Decision, DecisionError> {
        self.decide(request, Some(questions.clone())).await
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.options.name
    }

    /// Counts a decision as [invalid](FailureKind::Invalid) that the proxy in question can't
    /// carry out, for the reason that `what` says. The result is what
    /// [`route`](Self::route) would have had for it.
    pub fn reject(&self, what: &str) -> DecisionError {
        let counts = &self.0.counts;
        counts.decided.fetch_sub(1, Relaxed);
        counts.failed[FailureKind::Invalid as usize].fetch_add(1, Relaxed);
        let error = DecisionError::new(FailureKind::Invalid, what);
        self.0.complain(&error);
        error
    }

    /// Whose calls the plugin's questions are.
    #[must_use]
    pub fn instance(&self) -> &Instance {
        &self.0.instance
    }

    /// What became of its decisions so far.
    #[must_use]
    pub fn stats(&self) -> PoolStats {
        let Shared {
            options,
            places,
            waiting,
            counts,
            ..
        } = &*self.0;
        let failed = FailureKind::ALL.into_iter().zip(&counts.failed);
        PoolStats {
            decided: counts.decided.load(Relaxed),
            failed: failed.map(|(kind, it)| (kind, it.load(Relaxed))).collect(),
            in_flight: options.instances - places.available_permits(),
            waiting: waiting.load(Relaxed),
            started: counts.started.load(Relaxed),
            moved: counts.moved.load(Relaxed),
        }
    }

    /// Whether the plugin is not asked at the moment, since it trapped again and again.
    #[must_use]
    pub fn is_set_aside(&self) -> bool {
        self.0.health.pass(Instant::now().into_std()).is_err()
    }

    async fn decide(
        &self,
        request: Request,
        questions: Option<Questions>,
    ) -> Result<Decision, DecisionError> {
        let decided = self.0.clone().decide(request, questions).await;
        let counts = &self.0.counts;
        match &decided {
            Ok(_) => &counts.decided,
            Err(error) => {
                self.0.complain(error);
                &counts.failed[error.kind() as usize]
            }
        }
        .fetch_add(1, Relaxed);
        decided
    }
}

impl Shared {
    async fn decide(
        self: Arc<Self>,
        mut request: Request,
        questions: Option<Questions>,
    ) -> Result<Decision, DecisionError> {
        check_request(&request).map_err(invalid("what it is asked about"))?;
        // Here, and not where a plugin goes on that computes for long: it is for all.
        self.instance.start_driver();
        let time = Duration::from_millis(request.time_left);
        let deadline = self.deadline(time);
        self.health
            .pass(Instant::now().into_std())
            .map_err(|pause| {
                let what = "the plugin trapped again and again, and is not asked for another";
                DecisionError::new(FailureKind::Trap, format!("{what} {pause:.1?}"))
            })?;
        let place = self.place(deadline).await?;
        let shared = self.clone();
        self.run(deadline, |pace| async move {
            let mut started = shared.instance(&pace).await?;
            let questions = questions.map(|it| it.observed_by(shared.options.observer.clone()));
            started.context().keep_questions(questions);
            started.context().keep_trace(Trace::of(&request.fields));
            // A millisecond that has begun counts, so that there is never none.
            let left = deadline
                .saturating_duration_since(Instant::now())
                .as_millis();
            request.time_left = u64::try_from(left).unwrap_or(u64::MAX).max(1);
            let routed = started.route(&request).await.map_err(trapped)?;
            started.context().keep_questions(None);
            shared.give_back(started);
            drop(place);
            let decision = routed.map_err(DecisionError::of_plugin)?;
            check_decision(&request, &decision)
                .and_then(|()| shared.check_reserved(request.protocol, &decision))
                .map_err(invalid("what it decided"))?;
            Ok(decision)
        })
        .await
    }

    /// Of a decision that has so much time, if the operator gives it.
    fn deadline(&self, time: Duration) -> Instant {
        // Beyond it an instant may be more than the system can count to.
        Instant::now() + time.min(self.options.decision_timeout).min(LONGEST)
    }

    /// Tells the operator why there is no decision.
    fn complain(&self, error: &DecisionError) {
        let plugin = &*self.options.name;
        let Some(left_out) = self.complaints.next(Instant::now().into_std()) else {
            return;
        };
        if left_out > 0 {
            tracing::warn!(
                plugin,
                left_out,
                "more decisions failed than there are lines"
            );
        }
        tracing::warn!(plugin, failed = %error.kind(), "{error}");
    }

    /// A place among those who have an instance.
    async fn place(&self, deadline: Instant) -> Result<OwnedSemaphorePermit, DecisionError> {
        if let Ok(place) = self.places.clone().try_acquire_owned() {
            return Ok(place);
        }
        let waiting = Waiting::begin(&self.waiting);
        if waiting.others >= self.options.queue {
            let what = format!("{} decisions wait for the plugin already", waiting.others);
            return Err(DecisionError::new(FailureKind::Queue, what));
        }
        let place = timeout_at(deadline, self.places.clone().acquire_owned()).await;
        match place {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) => unreachable!("it is never closed"),
            Err(_) => Err(DecisionError::new(
                FailureKind::Deadline,
                "the time of the decision was over before an instance of the plugin was free",
            )),
        }
    }

    /// Runs the plugin until the deadline: here as long as it need not give way, and in
    /// the background from then on.
    async fn run<T, F>(
        &self,
        deadline: Instant,
        work: impl FnOnce(Arc<Pace>) -> F,
    ) -> Result<T, DecisionError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, DecisionError>> + Send + 'static,
    {
        let runtime = &self.router.plugin.runtime;
        let _running = runtime.running();
        let pace = Arc::new(Pace::begin());
        let mut work: Option<Work<Result<T, DecisionError>>> = Some(Box::pin(work(pace.clone())));
        let outcome = timeout_at(deadline, async {
            let here = poll_fn(|cx| {
                let Some(running) = &mut work else {
                    unreachable!("it was not moved yet")
                };
                pace.polled();
                match running.as_mut().poll(cx) {
                    Poll::Ready(done) => Poll::Ready(Some(done)),
                    Poll::Pending if pace.has_given_way() => Poll::Ready(None),
                    Poll::Pending => Poll::Pending,
                }
            });
            if let Some(done) = here.await {
                return done;
            }
            self.counts.moved.fetch_add(1, Relaxed);
            let work = work.take().expect("it was not moved yet");
            let there = pin!(runtime.background().run(work));
            there.await.unwrap_or_else(|error| {
                let what = format!("the plugin can't go on in the background: {error}");
                Err(DecisionError::new(FailureKind::Queue, what))
            })
        })
        .await;
        let now = Instant::now().into_std();
        let outcome = outcome.unwrap_or_else(|_| {
            if pace.computes() {
                // It was not a service that it waited for.
                self.health.trapped(now);
            }
            let what = "the time of the decision is over";
            Err(DecisionError::new(FailureKind::Deadline, what))
        });
        match &outcome {
            Ok(_) => self.health.answered(),
            Err(error) => match error.kind() {
                FailureKind::Trap => self.health.trapped(now),
                FailureKind::Error | FailureKind::Invalid => self.health.answered(),
                FailureKind::Deadline | FailureKind::Queue => {}
            },
        }
        outcome
    }

    /// One without work, or a new one.
    async fn instance(&self, pace: &Arc<Pace>) -> Result<Started, DecisionError> {
        let idle = self.idle.lock().pop();
        match idle {
            Some(mut started) => {
                started.keep_to(pace);
                Ok(started)
            }
            None => self.start(pace).await,
        }
    }

    /// Starts one, and asks it whether it can do its work.
    async fn start(&self, pace: &Arc<Pace>) -> Result<Started, DecisionError> {
        let Self {
            router,
            instance,
            options,
            log,
            counts,
            ..
        } = self;
        counts.started.fetch_add(1, Relaxed);
        let mut wasi = PluginCtx::wasi_builder();
        wasi.stdout(log.clone()).stderr(log.clone());
        let context = PluginCtx::new(instance.clone())
            .memory_budget(options.memory_budget)
            .max_async_transfers(options.max_async_transfers)
            .with_settings(options.settings.clone())
            .with_wasi(wasi.build());
        let mut started = router.start(context, pace).await.map_err(trapped)?;
        let checked = started.check().await.map_err(trapped)?;
        checked.map_err(DecisionError::of_plugin)?;
        Ok(started)
    }

    fn give_back(&self, started: Started) {
        if started.decisions < self.options.decisions_per_instance.get() {
            self.idle.lock().push(started);
        }
    }

    /// Checks that a decision leaves the operator's fields alone.
    fn check_reserved(&self, protocol: Protocol, decision: &Decision) -> Result<(), Violation> {
        if self.options.reserved_fields.is_empty() {
            return Ok(());
        }
        check_reserved(protocol, decision, &self.options.reserved_fields)
    }
}

/// One who waits.
struct Waiting<'a> {
    all: &'a AtomicUsize,
    others: usize,
}

impl<'a> Waiting<'a> {
    fn begin(all: &'a AtomicUsize) -> Self {
        let others = all.fetch_add(1, Relaxed);
        Self { all, others }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.all.fetch_sub(1, Relaxed);
    }
}

fn trapped(trap: wasmtime::Error) -> DecisionError {
    let cause = trap.root_cause().to_string();
    let what = format!("the plugin trapped: {}", cause.escape_debug());
    DecisionError::new(FailureKind::Trap, what)
}

fn invalid(what: &str) -> impl Fn(Violation) -> DecisionError {
    move |violation| {
        let what = format!("{what} breaks the contract: {violation}");
        DecisionError::new(FailureKind::Invalid, what)
    }
}

impl fmt::Debug for PluginPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginPool")
            .field("options", &self.0.options)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
