//! What is printed of a load, for people and for machines.

use super::tally::{Errors, Tally};
use rest_client_host::{Stats, WorkerState};
use serde_json::json;
use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

/// What is printed at the end.
pub(super) struct Report<'a> {
    pub(super) tally: &'a Tally,
    pub(super) elapsed: Duration,
    pub(super) stats: Stats,
    pub(super) workers: Vec<WorkerState>,
}

impl Report<'_> {
    fn calls(&self) -> u64 {
        self.tally.times.len() + self.tally.errors.values().map(|it| it.count).sum::<u64>()
    }

    fn per_second(&self) -> f64 {
        self.calls() as f64 / self.elapsed.as_secs_f64()
    }

    /// The times that so many per cent of the replies kept.
    fn quantiles(&self) -> [(&'static str, f64); 5] {
        let times = &self.tally.times;
        [
            ("min", times.min()),
            ("p50", times.value_at_quantile(0.5)),
            ("p90", times.value_at_quantile(0.9)),
            ("p99", times.value_at_quantile(0.99)),
            ("max", times.max()),
        ]
        .map(|(name, microseconds)| (name, microseconds as f64 / 1e3))
    }

    pub(super) fn json(&self) -> String {
        let times: BTreeMap<_, _> = self.quantiles().into();
        let statuses: BTreeMap<String, u64> = self
            .tally
            .statuses
            .iter()
            .map(|(status, count)| (status.to_string(), *count))
            .collect();
        let errors: BTreeMap<_, _> = self
            .tally
            .errors
            .iter()
            .map(|(kind, errors)| (kind, errors.count))
            .collect();
        let report = json!({
            "calls": self.calls(),
            "seconds": self.elapsed.as_secs_f64(),
            "per_second": self.per_second(),
            "milliseconds": times,
            "statuses": statuses,
            "errors": errors,
            "stats": self.stats,
            "workers": self.workers,
        });
        format!("{report}\n")
    }

    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "{} calls in {:.2} s, {:.0} a second\n",
            self.calls(),
            self.elapsed.as_secs_f64(),
            self.per_second()
        );
        // A String takes everything.
        if !self.tally.times.is_empty() {
            let quantiles = self
                .quantiles()
                .map(|(name, milliseconds)| format!("{name} {milliseconds:.2}"))
                .join("  ");
            let _ = writeln!(text, "\ntimes in ms: {quantiles}");
            self.draw(&mut text);
        }
        let _ = writeln!(text);
        for (status, count) in &self.tally.statuses {
            let _ = writeln!(text, "status {status}: {count}");
        }
        for (kind, errors) in &self.tally.errors {
            let Errors { count, message, .. } = errors;
            let _ = writeln!(text, "error {kind}: {count}, as in: {message}");
        }
        let Stats {
            blocked,
            waited,
            rejected,
            ..
        } = self.stats;
        let _ = writeln!(
            text,
            "at the cap: {blocked} blocked, {waited} waited, {rejected} rejected"
        );
        text
    }

    /// The histogram of times, each line twice as long as the one before it.
    fn draw(&self, text: &mut String) {
        const WIDTH: u64 = 40;
        let mut lines = Vec::new();
        let mut up_to = 64_u64;
        let mut from = 0;
        while from <= self.tally.times.max() {
            let count = self.tally.times.count_between(from, up_to - 1);
            if count > 0 || !lines.is_empty() {
                lines.push((up_to, count));
            }
            (from, up_to) = (up_to, up_to * 2);
        }
        let _ = writeln!(text, "{:>10}", "up to ms");
        let most = lines.iter().map(|(_, count)| *count).max().unwrap_or(1);
        for (up_to, count) in lines {
            let length = usize::try_from((count * WIDTH).div_ceil(most.max(1))).unwrap_or(0);
            let bar = "#".repeat(length);
            let _ = writeln!(text, "{:>10.3} {bar} {count}", up_to as f64 / 1e3);
        }
    }
}
