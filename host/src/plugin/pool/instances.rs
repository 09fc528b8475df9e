//! Instances of a plugin: as many as there is work for at the same time, within what the
//! operator allows.

use super::{DecisionError, FailureKind, PoolOptions, PoolStats, health::Health, stats::Counts};
use crate::{
    instance::Instance,
    line_budget::LineBudget,
    one_line::one_line,
    plugin::{
        PluginCtx,
        exports::{Exports, Startable, Started},
        log_stream::{LINES, LogStream},
        pace::Pace,
        record::Tape,
        runtime::Plugin,
    },
};
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    future::poll_fn,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::Poll,
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};
use wasmtime_wasi::WasiCtxBuilder;

/// What any decision takes at most.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Decisions of an instance that is made so often that the time this takes matters.
const FEW: u32 = 64;

/// Lines about decisions that are not made, in ten seconds.
const COMPLAINTS: u32 = 10;

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Those of one plugin.
pub(super) struct Instances<E: Exports> {
    plugin: Startable<E>,
    pub(super) instance: Instance,
    pub(super) options: PoolOptions,
    log: LogStream,
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// Without work. The one used last is at the end.
    idle: Mutex<Vec<Started<E>>>,
    health: Health,
    pub(super) counts: Counts,
    /// What is said of decisions that are not made.
    complaints: LineBudget,
}

impl<E: Exports> Instances<E> {
    /// # Errors
    ///
    /// The plugin does not export what it takes.
    pub(super) fn new(
        plugin: &Plugin,
        instance: Instance,
        mut options: PoolOptions,
    ) -> wasmtime::Result<Self> {
        options.instances = options.instances.clamp(1, Semaphore::MAX_PERMITS);
        Ok(Self {
            plugin: Startable::new(plugin, slots(&options))?,
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
        })
    }

    /// Asks a new instance whether it can do its work here. It is used for what comes first
    /// then.
    ///
    /// # Errors
    ///
    /// It can't.
    pub(super) async fn check(self: &Arc<Self>) -> Result<(), DecisionError> {
        self.instance.start_driver();
        let deadline = self.deadline(Duration::MAX);
        let place = self.place(deadline).await?;
        let shared = self.clone();
        self.run(deadline, |pace| async move {
            let started = shared.start(&pace).await?;
            shared.give_back(started);
            drop(place);
            Ok(())
        })
        .await
    }

    /// What became of the work so far.
    pub(super) fn stats(&self) -> PoolStats {
        let in_flight = self.options.instances - self.places.available_permits();
        self.counts.stats(in_flight, self.waiting.load(Relaxed))
    }

    /// Whether the plugin is not started at the moment.
    pub(super) fn is_set_aside(&self) -> bool {
        self.pass().is_err()
    }

    /// Whether the plugin may be started now.
    ///
    /// # Errors
    ///
    /// It is set aside.
    pub(super) fn pass(&self) -> Result<(), DecisionError> {
        self.health
            .pass(Instant::now().into_std())
            .map_err(|pause| {
                let what =
                    "the plugin trapped repeatedly while starting, and is not started for another";
                DecisionError::new(FailureKind::Trap, format!("{what} {pause:.1?}"))
            })
    }

    /// Counts an outcome, and tells the operator of one that is none.
    pub(super) fn note<T>(&self, outcome: &Result<T, DecisionError>) {
        self.counts.add(outcome);
        if let Err(error) = outcome {
            self.complain(error);
        }
    }

    /// The end of what begins now and has so much time, if the operator gives it.
    pub(super) fn begin(&self, time: Duration) -> Instant {
        // Here, and not where a plugin goes on that computes for long: it is for all.
        self.instance.start_driver();
        self.deadline(time)
    }

    pub(super) fn deadline(&self, time: Duration) -> Instant {
        // Beyond it an instant may be more than the system can count to.
        Instant::now() + time.min(self.options.decision_timeout).min(LONGEST)
    }

    /// Tells the operator why there is no decision.
    pub(super) fn complain(&self, error: &DecisionError) {
        let plugin = &*self.options.name;
        let Some(left_out) = self.complaints.next(Instant::now().into_std()) else {
            return;
        };
        if left_out > 0 {
            tracing::warn!(plugin, left_out, "more decisions failed than are logged");
        }
        tracing::warn!(plugin, failed = %error.kind(), "{error}");
    }

    /// A place among those who have an instance.
    pub(super) async fn place(
        &self,
        deadline: Instant,
    ) -> Result<OwnedSemaphorePermit, DecisionError> {
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
    pub(super) async fn run<T, F>(
        &self,
        deadline: Instant,
        work: impl FnOnce(Arc<Pace>) -> F,
    ) -> Result<T, DecisionError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, DecisionError>> + Send + 'static,
    {
        let runtime = self.plugin.runtime();
        let pace = Arc::new(Pace::begin());
        let (running, working) = (runtime.running(), work(pace.clone()));
        let mut work: Option<Work<Result<T, DecisionError>>> = Some(Box::pin(async move {
            // As long as the plugin is there, which may be longer than anybody waits for it:
            // one that computes gives way at a tick of the clock, and can't be ended before.
            let _running = running;
            working.await
        }));
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
        outcome.unwrap_or_else(|_| {
            let what = "the time of the decision is over";
            Err(DecisionError::new(FailureKind::Deadline, what))
        })
    }

    /// One without work, or a new one.
    pub(super) async fn instance(&self, pace: &Arc<Pace>) -> Result<Started<E>, DecisionError> {
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
    async fn start(&self, pace: &Arc<Pace>) -> Result<Started<E>, DecisionError> {
        let context = PluginCtx::new(self.instance.clone())
            .with_settings(self.options.settings.clone())
            .with_wasi(self.wasi().build());
        self.start_in(context, pace).await
    }

    /// Starts one whose inputs are those of `tape`. It is not to be given back.
    pub(super) async fn start_on(
        &self,
        tape: Tape,
        settings: BTreeMap<String, String>,
        pace: &Arc<Pace>,
    ) -> Result<Started<E>, DecisionError> {
        let mut wasi = self.wasi();
        tape.set_inputs_of(&mut wasi);
        let context = PluginCtx::new(self.instance.clone())
            .with_settings(settings)
            .with_wasi(wasi.build())
            .with_tape(tape);
        self.start_in(context, pace).await
    }

    fn wasi(&self) -> WasiCtxBuilder {
        let mut wasi = PluginCtx::wasi_builder();
        wasi.stdout(self.log.clone()).stderr(self.log.clone());
        wasi
    }

    async fn start_in(
        &self,
        context: PluginCtx,
        pace: &Arc<Pace>,
    ) -> Result<Started<E>, DecisionError> {
        let Self {
            plugin,
            options,
            counts,
            ..
        } = self;
        // What was recorded says nothing of how things are now, and is not kept from being
        // played by it.
        let plays = context.tape().is_some_and(Tape::plays);
        if !plays {
            self.pass()?;
        }
        counts.started.fetch_add(1, Relaxed);
        let context = context
            .memory_budget(options.memory_budget)
            .max_async_transfers(options.max_async_transfers);
        let starting = Starting {
            health: (!plays).then_some(&self.health),
            pace,
        };
        let started = async {
            let mut started = plugin.start(context, pace).await?;
            let checked = started.check().await?;
            Ok((started, checked))
        };
        let (started, checked) = starting.end(started.await)?;
        checked.map_err(DecisionError::of_plugin)?;
        Ok(started)
    }

    pub(super) fn give_back(&self, started: Started<E>) {
        if started.asked < self.options.decisions_per_instance.get() {
            self.idle.lock().push(started);
        }
    }
}

/// Slots to set aside: one for each instance that may be there at a time, where one decides a few
/// times, or once, as those do that are recorded. None where they live long.
fn slots(options: &PoolOptions) -> u32 {
    let is_often = options.recorder.is_some() || options.decisions_per_instance.get() < FEW;
    match is_often {
        true => u32::try_from(options.instances).unwrap_or(u32::MAX),
        false => 0,
    }
}

/// An instance that is being started. Dropped, it took too long.
struct Starting<'a> {
    /// Empty for a recording.
    health: Option<&'a Health>,
    pace: &'a Pace,
}

impl Starting<'_> {
    fn end<T>(self, started: wasmtime::Result<T>) -> Result<T, DecisionError> {
        match (self.health, &started) {
            (Some(health), Ok(_)) => health.started(),
            (Some(health), Err(_)) => health.trapped(Instant::now().into_std()),
            (None, _) => {}
        }
        // It is over.
        std::mem::forget(self);
        started.map_err(trapped)
    }
}

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        // Else it was a service that it waited for.
        if let Some(health) = self.health
            && self.pace.computes()
        {
            health.trapped(Instant::now().into_std());
        }
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

pub(super) fn trapped(trap: wasmtime::Error) -> DecisionError {
    let cause = one_line(&trap.root_cause().to_string());
    let what = format!("the plugin trapped: {cause}");
    DecisionError::new(FailureKind::Trap, what)
}
