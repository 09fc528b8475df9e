//! A plugin of the routing contract, and how it is run.

use super::{Sources, count};
use clap::Args;
use rest_client_host::{
    config::duration,
    plugin::{OnFailure, PoolOptions},
};
use std::{
    collections::BTreeMap,
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
    time::Duration,
};

/// What holds for a plugin that decides, whoever asks it.
#[derive(Debug, Args)]
pub(crate) struct Decider {
    /// How long a decision takes at most, questions included
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration::parse)]
    decision_timeout: Duration,

    /// What is decided where the plugin does not: closed (503 in HTTP, 500 in SIP), open
    /// (the request goes on), or an answer of one's own, as in "480 Try Later"
    #[arg(long, value_name = "WHAT", default_value = "closed", value_parser = on_failure)]
    pub(crate) on_failure: OnFailure,

    /// Give the plugin a setting (wasi:config/store); may be repeated
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,

    /// Decisions at the same time, each in an instance of its own [default: 16 for each
    /// processor]
    #[arg(long, value_name = "COUNT", value_parser = count::<NonZeroUsize>)]
    instances: Option<NonZeroUsize>,

    /// Decisions that wait for an instance; what comes on top fails at once
    #[arg(long, value_name = "COUNT", default_value = "1024")]
    queue: usize,

    /// Decisions after which an instance is replaced; 1 is a fresh one for each [default:
    /// 10000, and 1 with --record]
    #[arg(long, value_name = "COUNT", value_parser = count::<NonZeroU32>)]
    decisions_per_instance: Option<NonZeroU32>,

    /// Append each decision with all that came into the plugin, as a line of JSON that
    /// `replay` plays; credentials of the client are left out
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,

    /// Fields of a request that hold credentials, beside authorization,
    /// proxy-authorization and cookie
    #[arg(long, value_name = "NAME", value_delimiter = ',', requires = "record")]
    pub(crate) record_secret: Vec<String>,

    /// MiB that the memory of an instance may grow to
    #[arg(long, value_name = "MIB", default_value = "256", value_parser = count::<NonZeroUsize>)]
    pub(crate) max_memory: NonZeroUsize,

    /// What the plugin is called in the log [default: the name of its file]
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
        self.name.clone().unwrap_or_else(|| {
            let file = self.plugin.file_stem().unwrap_or_default();
            file.to_string_lossy().into_owned()
        })
    }

    pub(crate) fn options(&self) -> Result<PoolOptions, String> {
        let mut options = PoolOptions::default();
        options.name = self.name();
        options.decision_timeout = self.decision_timeout;
        if let Some(instances) = self.instances {
            options.instances = instances.get();
        }
        options.queue = self.queue;
        if let Some(decisions) = self.decisions_per_instance {
            if self.record.is_some() && decisions.get() > 1 {
                let what = "with --record each decision has an instance of its own: \
                            --decisions-per-instance is 1";
                return Err(what.into());
            }
            options.decisions_per_instance = decisions;
        }
        options.settings = settings(&self.settings)?;
        Ok(options)
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

fn on_failure(text: &str) -> Result<OnFailure, &'static str> {
    const RIGHT: &str = "what is needed is closed, open, or a code from 400 to 699 and perhaps a \
                         text, as in \"480 Try Later\"";
    match text {
        "closed" => return Ok(OnFailure::Closed),
        "open" => return Ok(OnFailure::Open),
        _ => {}
    }
    let (code, reason) = text.split_once(' ').unwrap_or((text, ""));
    let code = code.parse().ok().filter(|code| (400..=699).contains(code));
    let code = code.ok_or(RIGHT)?;
    if reason.len() > 256 || reason.chars().any(char::is_control) {
        return Err(RIGHT);
    }
    Ok(OnFailure::Answer(
        code,
        (!reason.is_empty()).then(|| reason.into()),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_decided_on_failure_is_a_refusal_or_said_to_be_open() {
        assert_eq!(on_failure("closed"), Ok(OnFailure::Closed));
        assert_eq!(on_failure("open"), Ok(OnFailure::Open));
        let later = Some("Try Later".to_owned());
        assert_eq!(
            on_failure("480 Try Later"),
            Ok(OnFailure::Answer(480, later))
        );
        assert_eq!(on_failure("403"), Ok(OnFailure::Answer(403, None)));
        for wrong in ["", "200", "302", "700", "nothing", "403\n", "403 a\r\nb"] {
            on_failure(wrong).unwrap_err();
        }
    }
}
