//! What the server has done, in the text form of Prometheus.

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};
use rest_client_host::{
    Stats,
    plugin::{FailureKind, PoolStats, Question},
    routing::Decision,
};
use std::{collections::BTreeSet, time::Duration};

/// What stands in the label of a service that has no name in the configuration: a plugin
/// may ask for as many as it likes.
const OTHER: &str = "other";

/// Counted since the program began, whichever version of the plugin it was.
pub(super) struct Metrics {
    plugin: String,
    decisions: Family<OfDecision, Counter>,
    decision_times: Family<OfPlugin, Histogram>,
    questions: Family<OfQuestion, Counter>,
    question_times: Family<OfService, Histogram>,
    broken_off: Family<OfFailure, Counter>,
    refused_peers: Counter,
    refused_forms: Counter,
    lost_lines: Counter,
    lost_recordings: Counter,
    reloads: Family<OfReload, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfPlugin {
    plugin: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfDecision {
    plugin: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfFailure {
    plugin: String,
    failed: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfQuestion {
    plugin: String,
    service: String,
    result: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfService {
    plugin: String,
    service: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfReload {
    plugin: String,
    outcome: &'static str,
}

impl Metrics {
    pub(super) fn new(plugin: &str) -> Self {
        // From a tenth of a millisecond to 1.6 s.
        let times = || Histogram::new(exponential_buckets(0.0001, 2.0, 15));
        Self {
            plugin: plugin.to_owned(),
            decisions: Family::default(),
            decision_times: Family::new_with_constructor(times),
            questions: Family::default(),
            question_times: Family::new_with_constructor(times),
            broken_off: Family::default(),
            refused_peers: Counter::default(),
            refused_forms: Counter::default(),
            lost_lines: Counter::default(),
            lost_recordings: Counter::default(),
            reloads: Family::default(),
        }
    }

    /// A decision, or how there is none.
    pub(super) fn decided(&self, outcome: Result<&Decision, FailureKind>, elapsed: Duration) {
        let outcome = match outcome {
            Ok(Decision::Continue(_)) => "continue",
            Ok(Decision::Answer(_)) => "answer",
            Ok(Decision::Redirect(_)) => "redirect",
            Ok(Decision::Drop(_)) => "drop",
            Err(kind) => kind.as_str(),
        };
        self.count(outcome, elapsed);
    }

    /// A plugin has answered by itself, or failed.
    pub(super) fn answered(&self, failed: Option<FailureKind>, elapsed: Duration) {
        self.count(failed.map_or("answer", FailureKind::as_str), elapsed);
    }

    /// There was no answer, and why: whoever has asked went away, or it was not waited for.
    pub(super) fn none(&self, why: &'static str, elapsed: Duration) {
        self.count(why, elapsed);
    }

    /// A plugin failed behind the head of its answer.
    pub(super) fn broke_off(&self, failed: FailureKind) {
        let (plugin, failed) = (self.plugin.clone(), failed.as_str());
        let labels = OfFailure { plugin, failed };
        self.broken_off.get_or_create(&labels).inc();
    }

    fn count(&self, outcome: &'static str, elapsed: Duration) {
        let plugin = self.plugin.clone();
        let labels = OfDecision { plugin, outcome };
        self.decisions.get_or_create(&labels).inc();
        let labels = OfPlugin {
            plugin: self.plugin.clone(),
        };
        let times = self.decision_times.get_or_create(&labels);
        times.observe(elapsed.as_secs_f64());
    }

    /// A question of the plugin, which has these services. Their names may be labels.
    pub(super) fn asked(&self, services: &BTreeSet<String>, question: &Question) {
        let service = service(&question.url)
            .filter(|it| services.contains(*it))
            .unwrap_or(OTHER);
        let result = match question.outcome {
            Some(Ok(status)) => format!("{}xx", status / 100),
            Some(Err(kind)) => kind.name().into(),
            None => "given-up".into(),
        };
        let (plugin, service) = (self.plugin.clone(), service.to_owned());
        let labels = OfService { plugin, service };
        let times = self.question_times.get_or_create(&labels);
        times.observe(question.elapsed.as_secs_f64());
        let OfService { plugin, service } = labels;
        let labels = OfQuestion {
            plugin,
            service,
            result,
        };
        self.questions.get_or_create(&labels).inc();
    }

    /// A peer that is not trusted was refused. Whether it is the first.
    pub(super) fn refused_peer(&self) -> bool {
        self.refused_peers.inc() == 0
    }

    /// A proxy asked in another form. Whether it is the first time.
    pub(super) fn refused_form(&self) -> bool {
        self.refused_forms.inc() == 0
    }

    /// A line of the access log could not be written.
    pub(super) fn lost_line(&self) {
        self.lost_lines.inc();
    }

    /// A decision could not be recorded.
    pub(super) fn lost_recording(&self) {
        self.lost_recordings.inc();
    }

    /// A new version took over, or did not.
    pub(super) fn reloaded(&self, has_taken_over: bool) {
        let plugin = self.plugin.clone();
        let outcome = match has_taken_over {
            true => "taken-over",
            false => "failed",
        };
        let labels = OfReload { plugin, outcome };
        self.reloads.get_or_create(&labels).inc();
    }

    /// All of it, and how things stand now: with the plugin, and with its calls.
    pub(super) fn text(&self, stats: &PoolStats, calls: &Stats, is_set_aside: bool) -> String {
        let mut all = Registry::with_prefix("rest_client");
        all.register("decisions", "Decisions by outcome", self.decisions.clone());
        all.register(
            "decision_duration_seconds",
            "Time of decisions, waiting and questions included",
            self.decision_times.clone(),
        );
        all.register(
            "questions",
            "Questions of plugins by service and result",
            self.questions.clone(),
        );
        all.register(
            "question_duration_seconds",
            "Time of questions",
            self.question_times.clone(),
        );
        all.register(
            "answers_broken_off",
            "Answers of plugins that were aborted after their head, by how the plugin failed",
            self.broken_off.clone(),
        );
        all.register(
            "refused_peers",
            "Requests of peers that are not trusted",
            self.refused_peers.clone(),
        );
        all.register(
            "refused_forms",
            "Requests that do not match --form",
            self.refused_forms.clone(),
        );
        all.register(
            "access_log_lost",
            "Lines of the access log that could not be written, or that the disk was too slow for",
            self.lost_lines.clone(),
        );
        all.register(
            "recordings_lost",
            "Recordings of decisions that could not be written, or that the disk was too slow for",
            self.lost_recordings.clone(),
        );
        all.register(
            "reloads",
            "New versions of plugins by outcome",
            self.reloads.clone(),
        );
        let now = |value: u64| {
            let gauge = Gauge::<i64>::default();
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
            gauge
        };
        for (name, help, value) in [
            (
                "decisions_in_flight",
                "Decisions that are being made",
                stats.in_flight as u64,
            ),
            (
                "decisions_waiting",
                "Decisions that wait for an instance",
                stats.waiting as u64,
            ),
            (
                "calls_in_flight",
                "Calls to services that are open",
                calls.in_flight,
            ),
            (
                "plugin_set_aside",
                "1 while the plugin is set aside, because it traps while starting",
                u64::from(is_set_aside),
            ),
        ] {
            all.register(name, help, now(value));
        }
        // Of the version that is there now: they begin anew with the next one.
        let count = |value: u64| {
            let counter = Counter::<u64>::default();
            counter.inc_by(value);
            counter
        };
        for (name, help, value) in [
            (
                "plugin_instances_started",
                "Instances started",
                stats.started,
            ),
            (
                "decisions_moved",
                "Decisions that were moved to low-priority threads",
                stats.moved,
            ),
            (
                "calls_at_cap",
                "Calls that met max-async-transfers",
                calls.blocked + calls.waited + calls.rejected,
            ),
            (
                "calls_denied",
                "Calls that the policy refused",
                calls.denied,
            ),
            (
                "sandboxes_replaced",
                "Sandboxes of the client that died and were replaced",
                calls.replaced,
            ),
        ] {
            all.register(name, help, count(value));
        }
        let mut text = String::new();
        encode(&mut text, &all).expect("a text takes what is written to it");
        text
    }
}

/// The name of the service that a URL asks, if it is one.
fn service(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let host = rest.split(['/', '?', '#', ':']).next()?;
    host.strip_suffix(".service.internal")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_known_by_its_name() {
        for (url, name) in [
            ("http://billing.service.internal/credit", Some("billing")),
            ("https://billing.service.internal:8443?x", Some("billing")),
            ("http://example.com/.service.internal", None),
            ("nonsense", None),
        ] {
            assert_eq!(service(url), name);
        }
    }
}
