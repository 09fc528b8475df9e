//! The plugin that is served, as one that decides or as one that answers by itself.

use super::metrics::Metrics;
use crate::{
    args::{Form, Serve},
    exit::Problem,
    plugin::{Prepared, recording::Recording, wrong},
};
use rest_client_host::{
    Instance,
    plugin::{DecisionError, HandlerPool, Observer, PluginPool, PoolStats, Question},
};
use std::sync::Arc;

/// One version of it. Clones are the same one.
#[derive(Clone)]
pub(super) enum Pool {
    Router(PluginPool),
    Handler(HandlerPool),
}

impl Pool {
    /// The plugin and its services as they are now, with its questions counted, and the
    /// form in which it is asked: that of the command line, or the one that is for such a
    /// plugin.
    pub(super) fn load(
        serve: &Serve,
        metrics: &Arc<Metrics>,
        recording: Option<&Recording>,
    ) -> Result<(Self, Form), Problem> {
        let recorder = recording.map(|it| {
            let metrics = metrics.clone();
            it.recorder(move || metrics.lost_recording())
        });
        let mut prepared = Prepared::new(&serve.decider, |services| {
            let metrics = metrics.clone();
            let tell = move |question: &Question| metrics.asked(&services, question);
            Some(Observer::new(tell))
        })?;
        prepared.options.recorder = recorder;
        let plugin = &prepared.plugin;
        let form = serve
            .form
            .unwrap_or(match plugin.is_handler() && !plugin.is_router() {
                true => Form::Http,
                false => Form::Json,
            });
        let pool = match form {
            Form::Http => Self::Handler(prepared.handler()?),
            _ => Self::Router(prepared.router()?),
        };
        Ok((pool, form))
    }

    /// Asks it whether it can do its work here.
    pub(super) async fn check(&self, serve: &Serve) -> Result<(), Problem> {
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
