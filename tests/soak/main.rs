//! The invariants of the cap under random load, with faults injected. The tests
//! run a few cases; `cargo xtask soak` runs cases for as long as it is told to.
//! It is a process of its own, since it counts what belongs to a process: file
//! descriptors and memory.

#![allow(clippy::print_stdout, reason = "what was seen is what it is for")]

mod case;
mod process;

use case::Case;
use proptest::{
    strategy::{Strategy as _, ValueTree as _},
    test_runner::{Config, TestCaseError, TestRunner},
};
use std::{
    process::ExitCode,
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;

/// Bytes that a process may grow without a leak: an allocator keeps some of what
/// is freed.
const SLACK: u64 = 48 << 20;

struct Arguments {
    /// Cases to run, unless there is a `time`.
    cases: u32,
    calls: usize,
    time: Option<Duration>,
}

fn main() -> ExitCode {
    let Some(arguments) = parse() else {
        eprintln!("Usage: soak [--cases N] [--calls N] [--seconds N]");
        return ExitCode::from(2);
    };
    match soak(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("an invariant is broken: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parse() -> Option<Arguments> {
    let mut parsed = Arguments {
        cases: 8,
        calls: 500,
        time: None,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let number: u32 = words.next()?.parse().ok()?;
        match word.as_str() {
            "--cases" => parsed.cases = number,
            "--calls" => parsed.calls = usize::try_from(number).ok()?,
            "--seconds" => parsed.time = Some(Duration::from_secs(number.into())),
            _ => return None,
        }
    }
    Some(parsed)
}

fn soak(arguments: &Arguments) -> Result<(), String> {
    let runtime = Runtime::new().map_err(|error| error.to_string())?;
    let cases = case::cases(arguments.calls);
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
        "{rounds} cases, {} calls each, in {:.1?}: every invariant held\n\
         file descriptors {} before, {} after; memory {} MiB before, {} MiB after",
        arguments.calls,
        started.elapsed(),
        before.descriptors,
        after.descriptors,
        before.memory >> 20,
        after.memory >> 20,
    );
    if after.descriptors > before.descriptors {
        return Err("file descriptors are left open".into());
    }
    if after.memory > before.memory + SLACK {
        return Err("memory has not come back".into());
    }
    Ok(())
}
