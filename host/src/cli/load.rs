//! Many calls, and how long they took: `load`.

use super::{
    args::Load,
    exit::{Exit, Problem},
    input,
    output::Destination,
};
use hdrhistogram::Histogram;
use indicatif::{ProgressBar, ProgressStyle};
use rest_client_host::{Error, ErrorKind, Host, Response, Stats, WorkerPool, WorkerState};
use serde_json::json;
use std::{
    collections::{BTreeMap, btree_map::Entry},
    fmt::Write as _,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// Makes the calls and prints what came of them. Fails as a single
/// call would with the error that most of those without a reply had.
pub(crate) async fn run(load: Load) -> Result<Exit, Problem> {
    let host = Host::new(load.sources.layers()?.config())?;
    let pool = WorkerPool::new(&host, load.workers.get());
    let body = load.data.as_deref().map(input::data).transpose()?;
    let headers = load
        .headers
        .iter()
        .map(|header| input::header(header))
        .collect::<Result<Vec<_>, _>>()?;
    let method = match (&load.method, &body) {
        (Some(method), _) => method.as_str(),
        (None, Some(_)) => "POST",
        (None, None) => "GET",
    };

    // It shows itself on a terminal alone.
    let bar = ProgressBar::new(load.requests.get()).with_style(style());
    let left = AtomicU64::new(load.requests.get());
    let started = Instant::now();
    let caller = || async {
        let mut tally = Tally::new();
        while take_one(&left) {
            let mut request = pool.rest_request(method, &load.url);
            for (name, value) in &headers {
                request = request.header(name, value.as_str());
            }
            if let Some(body) = &body {
                request = request.body(body.clone());
            }
            let outcome = request.await;
            if let Err(error) = &outcome
                && matches!(
                    error.kind(),
                    ErrorKind::InvalidUrl | ErrorKind::InvalidHeader
                )
            {
                // It will be said of every call.
                return Err(Problem::from(error));
            }
            tally.count(&outcome);
            bar.inc(1);
        }
        Ok(tally)
    };
    let callers = (0..load.concurrency.get()).map(|_| caller());
    let tallies = futures_util::future::try_join_all(callers).await?;
    let elapsed = started.elapsed();
    bar.finish_and_clear();

    let tally = tallies.into_iter().fold(Tally::new(), Tally::with);
    let report = Report {
        tally: &tally,
        elapsed,
        stats: pool.stats(),
        workers: pool.states(),
    };
    let text = if load.json {
        report.json()
    } else {
        report.text()
    };
    Destination::Stdout.write(text.as_bytes())?;
    let most = tally.errors.values().max_by_key(|errors| errors.count);
    Ok(most.map_or(Exit::Success, |errors| errors.exit))
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec}, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn take_one(left: &AtomicU64) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
        left.checked_sub(1)
    })
    .is_ok()
}

/// The longest time that is told from those above it, an hour in microseconds.
const LONGEST: u64 = 3_600_000_000;

/// What came of calls.
struct Tally {
    /// Of those that had a reply, in microseconds.
    times: Histogram<u64>,
    statuses: BTreeMap<u16, u64>,
    errors: BTreeMap<&'static str, Errors>,
}

/// The errors of one kind.
struct Errors {
    count: u64,
    /// What the first of them said.
    message: String,
    exit: Exit,
}

impl Tally {
    fn new() -> Self {
        Self {
            // Never fails: these bounds and digits are among those that can be had.
            times: Histogram::new_with_bounds(1, LONGEST, 3)
                .unwrap_or_else(|_| unreachable!("1 is less than half of an hour")),
            statuses: BTreeMap::new(),
            errors: BTreeMap::new(),
        }
    }

    fn count(&mut self, outcome: &Result<Response, Error>) {
        match outcome {
            Ok(reply) => {
                let total = reply.timings.total.as_micros();
                self.times
                    .saturating_record(u64::try_from(total).unwrap_or(u64::MAX));
                *self.statuses.entry(reply.status).or_default() += 1;
            }
            Err(error) => {
                let kind = if error.is_at_cap() {
                    "at-cap"
                } else {
                    error.kind().name()
                };
                let of_kind = self.errors.entry(kind).or_insert_with(|| Errors {
                    count: 0,
                    message: error.to_string(),
                    exit: error.into(),
                });
                of_kind.count += 1;
            }
        }
    }

    fn with(mut self, other: Self) -> Self {
        // Never fails: the bounds of all are the same.
        let _ = self.times.add(&other.times);
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        for (kind, errors) in other.errors {
            match self.errors.entry(kind) {
                Entry::Vacant(entry) => {
                    entry.insert(errors);
                }
                Entry::Occupied(mut entry) => entry.get_mut().count += errors.count,
            }
        }
        self
    }
}

/// What is printed at the end.
struct Report<'a> {
    tally: &'a Tally,
    elapsed: Duration,
    stats: Stats,
    workers: Vec<WorkerState>,
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

    fn json(&self) -> String {
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

    fn text(&self) -> String {
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
