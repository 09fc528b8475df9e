//! Random load, with faults. Without arguments it is on the invariants of the cap;
//! with `--hostile` every attack that we know of is made beside honest calls. The
//! tests run a little of both; `cargo xtask soak` goes on for as long as it is
//! told to. It is a process of its own, since it counts what belongs to a process:
//! file descriptors and memory.

#![allow(clippy::print_stdout, reason = "what was seen is what it is for")]

mod case;
mod hostile;
mod process;

use case::Case;
use hostile::Campaign;
use proptest::{
    strategy::{Strategy as _, ValueTree as _},
    test_runner::{Config, TestCaseError, TestRunner},
};
use std::{
    process::ExitCode,
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;

const USAGE: &str = "\
Usage: soak [--cases N] [--calls N] [--seconds N]
       soak --hostile [--calls N] [--seconds N] [--judge-times]";

struct Arguments {
    hostile: bool,
    judge_times: bool,
    /// Cases to run, unless there is a `time`.
    cases: u32,
    /// Of each case, or of the campaign.
    calls: Option<u32>,
    time: Option<Duration>,
}

fn main() -> ExitCode {
    let Some(arguments) = parse() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let outcome = if arguments.hostile {
        hostile::run(&Campaign {
            calls: arguments.calls.map_or(0, u64::from),
            time: arguments.time.unwrap_or_default(),
            judge_times: arguments.judge_times,
        })
    } else {
        soak(&arguments)
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("an invariant is broken: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parse() -> Option<Arguments> {
    let mut parsed = Arguments {
        hostile: false,
        judge_times: false,
        cases: 8,
        calls: None,
        time: None,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || words.next()?.parse::<u32>().ok();
        match word.as_str() {
            "--hostile" => parsed.hostile = true,
            "--judge-times" => parsed.judge_times = true,
            "--cases" => parsed.cases = number()?,
            "--calls" => parsed.calls = Some(number()?),
            "--seconds" => parsed.time = Some(Duration::from_secs(number()?.into())),
            _ => return None,
        }
    }
    Some(parsed)
}

fn soak(arguments: &Arguments) -> Result<(), String> {
    let calls = arguments.calls.unwrap_or(500) as usize;
    let runtime = Runtime::new().map_err(|error| error.to_string())?;
    let cases = case::cases(calls);
    let run = |case: &Case| runtime.block_on(case.run());

    let idle = process::usage().descriptors;
    // The first case makes all that stays: threads, caches, arenas.
    let mut runner = TestRunner::default();
    let first = cases.new_tree(&mut runner).map_err(|it| it.to_string())?;
    run(&first.current())?;
    let before = process::usage_settled(idle);

    let started = Instant::now();
    let mut rounds = 0;
    loop {
        let config = Config {
            cases: if arguments.time.is_some() {
                4
            } else {
                arguments.cases
            },
            // After a failure, smaller cases are tried a few times.
            max_shrink_iters: 24,
            failure_persistence: None,
            ..Config::default()
        };
        rounds += config.cases;
        TestRunner::new(config)
            .run(&cases, |case| run(&case).map_err(TestCaseError::fail))
            .map_err(|error| error.to_string())?;
        if arguments.time.is_none_or(|time| started.elapsed() >= time) {
            break;
        }
    }

    let after = process::usage_settled(before.descriptors);
    println!(
        "{rounds} cases, {calls} calls each, in {:.1?}: every invariant held\n\
         before: {before}; after: {after}",
        started.elapsed(),
    );
    after.check(before)
}
