//! The plugin that is served, as one that decides or as one that answers by itself.

use super::metrics::Metrics;
use crate::{
    args::{Form, Serve},
    exit::{Exit, Problem},
    plugin::{Prepared, recording::Recording, wrong},
};
use rest_client_host::{
    Instance,
    plugin::{DecisionError, HandlerPool, Observer, OnFailure, PluginPool, PoolStats, Question},
};
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// One version of it. Clones are the same one.
#[derive(Clone)]
pub(super) enum Pool {
    Router(PluginPool),
    Handler(HandlerPool),
}

/// A version of a plugin, as it was loaded.
pub(super) struct Version {
    pub(super) pool: Pool,
    pub(super) form: Form,
    pub(super) on_failure: OnFailure,
}

impl Version {
    /// One that can do its work here, as it says. It is loaded by a thread of its own: a
    /// compiler takes its time.
    pub(super) async fn start(
        serve: &Arc<Serve>,
        metrics: &Arc<Metrics>,
        recording: Option<&Recording>,
    ) -> Result<Self, Problem> {
        let load = {
            let (serve, metrics, recording) = (serve.clone(), metrics.clone(), recording.cloned());
            move || Pool::load(&serve, &metrics, recording.as_ref())
        };
        let loaded = spawn_blocking(load).await;
        let version = loaded.map_err(|error| Problem::new(Exit::Internal, error.to_string()))??;
        version.pool.check(serve).await?;
        Ok(version)
    }
}

impl Pool {
    /// The plugin and its services as they are now, with its questions counted, and the
    /// form in which it is asked: that of the command line, or the one that is for such a
    /// plugin.
    fn load(
        serve: &Serve,
        metrics: &Arc<Metrics>,
        recording: Option<&Recording>,
    ) -> Result<Version, Problem> {
        let mut prepared = Prepared::new(&serve.decider, |services| {
            let metrics = metrics.clone();
            let tell = move |question: &Question| metrics.asked(&services, question);
            Some(Observer::new(tell))
        })?;
        prepared.options.recorder = recording.map(Recording::recorder);
        let plugin = &prepared.plugin;
        let form = serve
            .form
            .unwrap_or(match plugin.is_handler() && !plugin.is_router() {
                true => Form::Http,
                false => Form::Json,
            });
        let on_failure = prepared.on_failure.clone();
        if form == Form::Http && on_failure == OnFailure::Open {
            let what = "--on-failure open can't be used with --form http: nothing but the plugin \
                        could answer";
            return Err(Problem::new(Exit::Usage, what));
        }
        if let (true, OnFailure::Answer(code @ 600.., _)) = (form != Form::Json, &on_failure) {
            let what = format!("--on-failure {code}: that is a SIP code, not an HTTP status");
            return Err(Problem::new(Exit::Usage, what));
        }
        let pool = match form {
            Form::Http => Self::Handler(prepared.handler()?),
            _ => Self::Router(prepared.router()?),
        };
        Ok(Version {
            pool,
            form,
            on_failure,
        })
    }

    /// Asks it whether it can do its work here.
    async fn check(&self, serve: &Serve) -> Result<(), Problem> {
        let checked = match self {
            Self::Router(pool) => pool.check().await,
            Self::Handler(pool) => pool.check().await,
        };
        checked.map_err(|error: DecisionError| {
            let what = format_args!("the plugin can't do its work here: {error}");
            wrong(&serve.decider.plugin, what)
        })
    }

    pub(super) fn stats(&self) -> PoolStats {
        match self {
            Self::Router(pool) => pool.stats(),
            Self::Handler(pool) => pool.stats(),
        }
    }

    pub(super) fn instance(&self) -> &Instance {
        match self {
            Self::Router(pool) => pool.instance(),
            Self::Handler(pool) => pool.instance(),
        }
    }

    pub(super) fn is_set_aside(&self) -> bool {
        match self {
            Self::Router(pool) => pool.is_set_aside(),
            Self::Handler(pool) => pool.is_set_aside(),
        }
    }
}
