//! Decisions of a plugin, many at a time.

mod failure;
mod handler;
mod health;
mod instances;
mod options;
mod stats;

pub use failure::{DecisionError, FailureKind};
pub use handler::{HandlerBody, HandlerPool};
pub use options::PoolOptions;
pub use stats::PoolStats;

use super::{
    questions::Questions,
    record::{Record, Replay, Tape},
    router::Router,
    runtime::Plugin,
    trace::Trace,
};
use crate::{
    instance::Instance,
    routing::{Decision, Request, Violation, check_decision, check_request, check_reserved},
};
use instances::{Instances, trapped};
use std::{fmt, sync::Arc, time::Duration};
use tokio::time::Instant;

/// Instances of a plugin of the [routing contract](crate::routing), which decide at the
/// same time. Clones are the same pool.
///
/// The questions of a plugin are calls of an [`Instance`], with its services and its policy.
/// A plugin that computes for longer than 10 ms without a pause moves to separate threads of
/// a lower priority, so that neither the caller's runtime nor other plugins wait for it.
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
pub struct PluginPool(Arc<Instances<Router>>);

impl PluginPool {
    /// A pool of instances of `plugin`, whose questions are calls of `instance`. Plugin
    /// instances are started when they are needed.
    ///
    /// # Errors
    ///
    /// The plugin does not export the router of the contract.
    pub fn new(
        plugin: &Plugin,
        instance: Instance,
        options: PoolOptions,
    ) -> wasmtime::Result<Self> {
        Ok(Self(Arc::new(Instances::new(plugin, instance, options)?)))
    }

    /// Asks the plugin whether it can do its work here, in a new instance that is used for
    /// the first decision then.
    ///
    /// # Errors
    ///
    /// It can't.
    pub async fn check(&self) -> Result<(), DecisionError> {
        self.0.check().await
    }

    /// Lets the plugin decide about `request`, within the decision-timeout of the pool at
    /// most. Dropping the future ends the plugin's work.
    ///
    /// # Errors
    ///
    /// There is no decision: see [`FailureKind`] for why, and [`OnFailure`](crate::config::OnFailure) for what to do.
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

    /// Replays `record` with a new instance of the plugin, which may be another version than
    /// the recorded one. The replay has no network, and uses the recorded clocks and random
    /// numbers. Settings of this pool override the recorded ones. If the recorded decision
    /// had run out of time, only the questions are compared.
    ///
    /// # Errors
    ///
    /// There was no instance for it before the decision-timeout.
    pub async fn replay(&self, record: &Record) -> Result<Replay, DecisionError> {
        self.0.replay(record).await
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.options.name
    }

    /// Counts a decision as [invalid](FailureKind::Invalid), because the proxy can't carry it
    /// out for the reason `what`. Returns the error that [`route`](Self::route) would have
    /// returned for it.
    pub fn reject(&self, what: &str) -> DecisionError {
        self.0.counts.reject();
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
        self.0.stats()
    }

    /// Whether the plugin is set aside: it is not started at the moment, since its instances
    /// trapped repeatedly while starting. Traps during a decision do not count: such an
    /// instance is replaced, and other decisions continue.
    #[must_use]
    pub fn is_set_aside(&self) -> bool {
        self.0.is_set_aside()
    }

    async fn decide(
        &self,
        request: Request,
        questions: Option<Questions>,
    ) -> Result<Decision, DecisionError> {
        let decided = decide(&self.0, request, questions).await;
        self.0.note(&decided);
        decided
    }
}

async fn decide(
    pool: &Arc<Instances<Router>>,
    mut request: Request,
    questions: Option<Questions>,
) -> Result<Decision, DecisionError> {
    check_request(&request).map_err(invalid("what it is asked about"))?;
    let deadline = pool.begin(Duration::from_millis(request.time_left));
    let place = pool.place(deadline).await?;
    let recorder = pool.options.recorder.as_ref();
    let tape = recorder.map(|_| Tape::taking_down());
    let shared = pool.clone();
    let taking_down = tape.clone();
    let decided = pool.run(deadline, |pace| async move {
        // A millisecond that has begun counts, so that there is never none.
        let left = deadline
            .saturating_duration_since(Instant::now())
            .as_millis();
        request.time_left = u64::try_from(left).unwrap_or(u64::MAX).max(1);
        let mut started = match &taking_down {
            None => shared.instance(&pace).await?,
            Some(tape) => {
                // Nothing comes into a plugin that is not started.
                shared.pass()?;
                tape.about(&request);
                let settings = shared.options.settings.clone();
                shared.start_on(tape.clone(), settings, &pace).await?
            }
        };
        let questions = questions.map(|it| it.observed_by(shared.options.observer.clone()));
        started.context().keep_questions(questions);
        started.context().keep_trace(Trace::of(&request.fields));
        let decided = started.route(&request).await.map_err(trapped)?;
        started.context().keep_questions(None);
        if taking_down.is_none() && started.is_quiet().await.map_err(trapped)? {
            shared.give_back(started);
        } else {
            // What it has is free before its place is.
            drop(started);
        }
        drop(place);
        let reserved = &shared.options.reserved_fields;
        checked(&request, decided, reserved)
    });
    let decided = decided.await;
    if let (Some(recorder), Some(tape)) = (recorder, &tape) {
        recorder.keep(tape, &pool.options, &decided);
    }
    decided
}

impl Instances<Router> {
    /// Plays `record` to a new instance.
    async fn replay(self: &Arc<Self>, record: &Record) -> Result<Replay, DecisionError> {
        let deadline = self.deadline(Duration::MAX);
        let place = self.place(deadline).await?;
        let (tape, request) = (Tape::playing(record), record.request().clone());
        let mut settings = record.settings().clone();
        settings.extend(self.options.settings.clone());
        let reserved = record.reserved_fields().to_vec();
        let (shared, playing) = (self.clone(), tape.clone());
        let decided = self.run(deadline, |pace| async move {
            let mut started = shared.start_on(playing, settings, &pace).await?;
            let decided = started.route(&request).await.map_err(trapped)?;
            drop(place);
            checked(&request, decided, &reserved)
        });
        Ok(record.compare(&tape, &decided.await))
    }
}

/// What a plugin has decided, if that keeps to the contract and leaves the `reserved` fields
/// alone.
fn checked(
    request: &Request,
    decided: Result<Decision, String>,
    reserved: &[String],
) -> Result<Decision, DecisionError> {
    let decision = decided.map_err(DecisionError::of_plugin)?;
    check_decision(request, &decision)
        .and_then(|()| check_reserved(request.protocol, &decision, reserved))
        .map_err(invalid("what it decided"))?;
    Ok(decision)
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
