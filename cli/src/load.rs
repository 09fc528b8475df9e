//! Many calls, and how long they took: `load`.

mod report;
mod tally;

use crate::{
    args::Load,
    credentials::authorization,
    exit::{Exit, Problem},
    input, stdout,
};
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use report::Report;
use rest_client_host::{ErrorKind, Host, WorkerPool};
use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};
use tally::Tally;

/// Makes the calls and prints what came of them. Fails as a single call
/// would with the error that most of those without a reply had.
pub(crate) async fn run(load: Load) -> Result<Exit, Problem> {
    let host = Host::of(&load.sources.layers()?)?;
    // More would have nothing to do.
    let most = usize::try_from(load.requests.get()).unwrap_or(usize::MAX);
    let pool = WorkerPool::new(&host, load.workers.get().min(most));
    input::check_stdin(&load.fields.headers, load.data.as_deref())?;
    let body = load.data.as_deref().map(input::data).transpose()?;
    let mut headers = input::headers(&load.fields.headers)?;
    if let Some(basic) = authorization(&load.fields, &headers, &load.url)? {
        headers.push(("authorization".into(), basic.into()));
    }
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
                request = request.header(name, value.clone());
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
    // One more would find nothing left to do.
    let most = usize::try_from(load.requests.get()).unwrap_or(usize::MAX);
    let callers = (0..load.concurrency.get().min(most)).map(|_| caller());
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
    stdout::print(text.as_bytes())?;
    let most = tally.errors.values().max_by_key(|errors| errors.count);
    Ok(most.map_or(Exit::Success, |errors| errors.exit))
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:40} {pos}/{len} {rate}, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key(
            "rate",
            |state: &ProgressState, text: &mut dyn fmt::Write| {
                // Nothing can be done about a bar that can't be drawn.
                let _ = write!(text, "{:.0} a second", state.per_sec());
            },
        )
}

fn take_one(left: &AtomicU64) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
        left.checked_sub(1)
    })
    .is_ok()
}
