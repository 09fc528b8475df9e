//! A plugin of the routing contract, and how it is run.

use super::{Sources, count};
use clap::Args;
use http::HeaderName;
use rest_client_host::{
    Config, PluginConfig,
    config::{OnFailure, duration},
};
use std::{
    collections::BTreeMap,
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
    time::Duration,
};

/// A decision-timeout: the configuration refuses one of 0, too.
pub(super) fn decision_timeout(text: &str) -> Result<Duration, String> {
    match duration::parse(text)? {
        Duration::ZERO => Err("no plugin could meet it; it is at least 1ms".into()),
        timeout => Ok(timeout),
    }
}

/// Options of a plugin that decides. An option that is left out has the value of
/// `plugins.NAME` in the configuration.
#[derive(Debug, Args)]
pub(crate) struct Decider {
    /// Time limit of a decision, questions included [default: 2s]
    #[arg(long, value_name = "TIME", value_parser = decision_timeout)]
    decision_timeout: Option<Duration>,

    /// The decision when the plugin makes none: closed (503 in HTTP, 500 in SIP), open (let
    /// the request continue), or an answer of your own, such as "480 Try Later" [default:
    /// closed]
    #[arg(long, value_name = "WHAT")]
    on_failure: Option<OnFailure>,

    /// Give the plugin a setting (wasi:config/store); may be repeated
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,

    /// How many decisions are made at the same time, each in an instance of its own
    /// [default: 16 for each processor]
    #[arg(long, value_name = "COUNT", value_parser = count::<NonZeroUsize>)]
    instances: Option<NonZeroUsize>,

    /// How many decisions may wait for an instance; further ones fail at once [default: 1024]
    #[arg(long, value_name = "COUNT")]
    queue: Option<usize>,

    /// Replace an instance after this many decisions; 1 uses a new instance for each
    /// [default: 10000, and 1 with --record]
    #[arg(long, value_name = "COUNT", value_parser = count::<NonZeroU32>)]
    decisions_per_instance: Option<NonZeroU32>,

    /// Append each decision with all inputs of the plugin to FILE, as a line of JSON for
    /// `replay`; credentials of the client are left out
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,

    /// Request fields to leave out of the recording as credentials, besides authorization,
    /// proxy-authorization and cookie
    #[arg(long, value_name = "NAME", value_delimiter = ',', requires = "record")]
    pub(crate) record_secret: Vec<HeaderName>,

    /// Limit of the memory of an instance, in MiB [default: 256]
    #[arg(long, value_name = "MIB", value_parser = count::<NonZeroUsize>)]
    max_memory: Option<NonZeroUsize>,

    /// What the plugin is called in the log and the configuration [default: the name of its
    /// file]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Where compiled plugins are kept [default: rest-client in the user's cache]
    #[arg(long, value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) sources: Sources,

    /// The component, a .wasm file
    pub(crate) plugin: PathBuf,
}

impl Decider {
    /// What the plugin is called.
    pub(crate) fn name(&self) -> String {
        crate::plugin::name(self.name.as_deref(), &self.plugin)
    }

    /// What holds for it: what `config` says, and the arguments before that.
    ///
    /// # Errors
    ///
    /// Two of them contradict each other.
    pub(crate) fn plugin_config(&self, config: &Config) -> Result<PluginConfig, String> {
        let mut plugin = config
            .plugins
            .get(&self.name())
            .cloned()
            .unwrap_or_default();
        if self.record.is_some() {
            if self.decisions_per_instance.is_some_and(|it| it.get() > 1) {
                let what = "with --record each decision has an instance of its own: \
                            --decisions-per-instance is 1";
                return Err(what.into());
            }
            plugin.decisions_per_instance = Some(NonZeroU32::MIN);
        }
        plugin.decision_timeout = self.decision_timeout.or(plugin.decision_timeout);
        plugin.on_failure = self.on_failure.clone().or(plugin.on_failure);
        plugin.settings.extend(settings(&self.settings)?);
        plugin.instances = self.instances.or(plugin.instances);
        plugin.queue = self.queue.or(plugin.queue);
        plugin.decisions_per_instance = self
            .decisions_per_instance
            .or(plugin.decisions_per_instance);
        plugin.max_memory = self.max_memory.or(plugin.max_memory);
        Ok(plugin)
    }
}

/// What is given with --set.
///
/// # Errors
///
/// The same twice.
pub(super) fn settings(given: &[(String, String)]) -> Result<BTreeMap<String, String>, String> {
    let mut settings = BTreeMap::new();
    for (name, value) in given {
        if settings.insert(name.clone(), value.clone()).is_some() {
            return Err(format!("--set {name}: it is set twice"));
        }
    }
    Ok(settings)
}

pub(super) fn setting(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        _ => Err("what is needed is NAME=VALUE"),
    }
}
