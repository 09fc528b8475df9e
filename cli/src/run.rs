//! The command line: arguments in, library calls, exit code out.

use crate::{
    args::{Cli, Command},
    call, configuration, demo,
    exit::{Exit, Problem},
    load, pages,
};
use clap::Parser as _;
use std::process::ExitCode;
use tokio::runtime::Builder;
use tracing::Level;
use tracing_subscriber::{filter::Targets, prelude::*};

/// Runs the program. What goes wrong is one sentence on standard error.
pub(crate) fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and the version are no errors to clap's exit code either.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() {
                Exit::Usage as u8
            } else {
                Exit::Success as u8
            });
        }
    };
    log_to_stderr(cli.verbose);
    match dispatch(cli.command) {
        Ok(exit) => exit.into(),
        Err(problem) => {
            problem.report();
            problem.exit.into()
        }
    }
}

fn dispatch(command: Command) -> Result<Exit, Problem> {
    match command {
        Command::Get(get) => wait(call::run(get.into())),
        Command::Post(post) => wait(call::run(post.into_call("POST"))),
        Command::Put(put) => wait(call::run(put.into_call("PUT"))),
        Command::Request(request) => wait(call::run(request.into())),
        Command::Load(load) => wait_with(Builder::new_multi_thread(), load::run(load)),
        Command::Config(command) => configuration::run(command),
        Command::Demo => wait(demo::run()),
        Command::Completions { shell } => pages::completions(shell),
        Command::Man => pages::man(),
    }
}

/// Runs `work` to its end. One thread is enough for one call, and the quickest
/// to start.
fn wait(work: impl Future<Output = Result<Exit, Problem>>) -> Result<Exit, Problem> {
    wait_with(Builder::new_current_thread(), work)
}

/// Runs `work` to its end, or until the user interrupts it.
fn wait_with(
    mut runtime: Builder,
    work: impl Future<Output = Result<Exit, Problem>>,
) -> Result<Exit, Problem> {
    let runtime = runtime
        .enable_all()
        .build()
        .map_err(|error| Problem::new(Exit::Internal, format!("can't start: {error}")))?;
    let result = runtime.block_on(async {
        tokio::select! {
            result = work => result,
            _ = tokio::signal::ctrl_c() => Ok(Exit::Interrupted),
        }
    });
    // The process ends: the system takes everything back at once, and faster than
    // piece by piece. A thread that reads a trust store is not waited for, either.
    std::mem::forget(runtime);
    result
}

/// Warnings, always; with `-v` what this program does, with `-vv` what its
/// libraries do, too.
fn log_to_stderr(verbose: u8) {
    let targets = match verbose {
        0 => Targets::new().with_default(Level::WARN),
        1 => Targets::new()
            .with_default(Level::WARN)
            .with_target("rest_client_host", Level::DEBUG),
        _ => Targets::new().with_default(Level::DEBUG),
    };
    tracing_subscriber::registry()
        .with(
            tracing_subscriber::fmt::layer()
                .with_writer(std::io::stderr)
                .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
                .without_time()
                .with_filter(targets),
        )
        .init();
}
