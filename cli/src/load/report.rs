//! What is printed of a load, for people and for machines.

use super::tally::{Errors, Tally};
use hdrhistogram::Histogram;
use rest_client_host::{Stats, WorkerState};
use serde_json::json;
use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

/// Bars of the histogram of times.
const BARS: u32 = 12;

/// Characters of the longest bar.
const WIDTH: u64 = 40;

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

    /// The times that so many per cent of the replies kept, in milliseconds.
    fn quantiles(&self) -> [(&'static str, f64); 8] {
        let times = &self.tally.times;
        [
            ("min", times.min()),
            ("p50", times.value_at_quantile(0.5)),
            ("p75", times.value_at_quantile(0.75)),
            ("p90", times.value_at_quantile(0.9)),
            ("p95", times.value_at_quantile(0.95)),
            ("p99", times.value_at_quantile(0.99)),
            ("p99.9", times.value_at_quantile(0.999)),
            ("max", times.max()),
        ]
        .map(|(name, microseconds)| (name, milliseconds(microseconds)))
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
            draw(&bars(&self.tally.times), &mut text);
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
}

/// How many times lie in a range of them.
#[derive(Debug, PartialEq, Eq)]
struct Bar {
    /// The longest time in it, in microseconds.
    up_to: u64,
    count: u64,
}

/// The times in [`BARS`] ranges from the shortest to the longest, each range as
/// many times as wide as the one before it.
fn bars(times: &Histogram<u64>) -> Vec<Bar> {
    // A histogram tells times apart by three digits; so do its bars.
    let shortest = times.highest_equivalent(times.min()).max(1) as f64;
    let longest = times.max();
    let step = (longest as f64 / shortest).powf(1.0 / f64::from(BARS));
    let mut bars: Vec<Bar> = (1..BARS)
        .map(|bar| (shortest * step.powf(f64::from(bar))) as u64)
        .chain([longest])
        .map(|up_to| Bar { up_to, count: 0 })
        .collect();
    // Narrow ranges are the same when they are rounded.
    bars.dedup();
    for value in times.iter_recorded() {
        let reached = value.value_iterated_to();
        let at = bars.partition_point(|bar| bar.up_to < reached);
        let at = at.min(bars.len() - 1);
        bars[at].count += value.count_at_value();
    }
    bars
}

fn draw(bars: &[Bar], text: &mut String) {
    let _ = writeln!(text, "{:>10}", "up to ms");
    let most = bars.iter().map(|bar| bar.count).max().unwrap_or(0).max(1);
    for Bar { up_to, count } in bars {
        let length = usize::try_from((count * WIDTH).div_ceil(most)).unwrap_or(0);
        let line = format!(
            "{:>10.3} {} {count}",
            milliseconds(*up_to),
            "#".repeat(length)
        );
        let _ = writeln!(text, "{line}");
    }
}

fn milliseconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(microseconds: impl IntoIterator<Item = u64>) -> Histogram<u64> {
        let mut times = Histogram::new(3).unwrap();
        for value in microseconds {
            times.record(value).unwrap();
        }
        times
    }

    #[test]
    fn bars_follow_the_data() {
        // All between 5 and 7 ms, as with a service that is steady.
        let bars = bars(&times((0..3000).map(|call| 5000 + call * 2000 / 3000)));
        assert_eq!(bars.len(), BARS as usize);
        assert_eq!(bars.iter().map(|bar| bar.count).sum::<u64>(), 3000);
        assert!(bars.iter().all(|bar| bar.count > 100), "{bars:?}");
    }

    #[test]
    fn one_that_takes_long_leaves_the_others_apart() {
        let bars = bars(&times((200..400).chain([2_000_000])));
        let used = bars.iter().filter(|bar| bar.count > 0).count();
        assert!(used >= 2, "{bars:?}");
        assert_eq!(bars.last().unwrap().count, 1);
    }

    #[test]
    fn times_that_are_all_the_same_are_one_bar() {
        for time in [0, 1, 5000] {
            let bars = bars(&times([time; 7]));
            assert_eq!(bars.iter().map(|bar| bar.count).sum::<u64>(), 7);
            assert_eq!(bars.len(), 1, "{bars:?}");
        }
    }
}
