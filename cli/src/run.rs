//! The command line: arguments in, library calls, exit code out.

use crate::{
    args::{Cli, Command},
    call, configuration, demo,
    exit::{Exit, Problem},
    interrupt, load, pages, plugin, serve, stderr, stdout,
};
use clap::{
    Parser as _,
    error::{ContextKind, ContextValue, ErrorKind},
};
use rest_client_host::plugin::PLUGIN_OUTPUT;
use std::{io::Write as _, process::ExitCode};
use tokio::runtime::Builder;
use tracing::Level;
use tracing_subscriber::{filter::Targets, prelude::*};

/// Runs the program. What goes wrong is one sentence on standard error.
pub(crate) fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return explain(&error).into(),
    };
    log_to_stderr(cli.verbose);
    // It ends by itself, when what is under way is done.
    let watched = match &cli.command {
        Command::Serve(_) => Ok(()),
        _ => interrupt::watch(),
    };
    match watched.and_then(|()| dispatch(cli.command)) {
        Ok(exit) => exit,
        Err(problem) => {
            problem.report();
            problem.exit.into()
        }
    }
}

/// Prints what the arguments ask for in place of a command, or what is wrong
/// with them.
fn explain(error: &clap::Error) -> Exit {
    let printed = error.print();
    if error.use_stderr() {
        if let Some(tip) = tip(error) {
            stderr::complain(&tip);
        }
        return Exit::Usage;
    }
    match printed.and_then(|()| std::io::stdout().flush()) {
        Ok(()) if stdout::check().is_ok() => Exit::Success,
        _ => Exit::Write,
    }
}

/// What helps whoever has left a blank between a flag and a value that it need not have.
fn tip(error: &clap::Error) -> Option<String> {
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let Some(ContextValue::String(unknown)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let is_value = ["true", "false"].contains(&&**unknown) || unknown.parse::<u32>().is_ok();
    let arguments: Vec<String> = std::env::args().collect();
    let place = arguments.iter().position(|it| it == unknown)?;
    let flag = arguments.get(place.checked_sub(1)?)?;
    (is_value && flag.starts_with('-') && !flag.contains('=')).then(|| {
        format!(
            "the value of a flag that may have none is written behind =, as in {flag}={unknown}"
        )
    })
}

fn dispatch(command: Command) -> Result<ExitCode, Problem> {
    let ended = match command {
        // It ends as the plugin does.
        Command::Run(run) => return wait(plugin::run::run(run)),
        Command::Route(route) => wait(plugin::route::run(route)),
        Command::Replay(replay) => wait(plugin::replay::run(replay)),
        Command::Serve(command) => wait_with(Builder::new_multi_thread(), serve::run(*command)),
        Command::Get(get) => wait(call::run(get.into())),
        Command::Post(post) => wait(call::run(post.into_call("POST"))),
        Command::Put(put) => wait(call::run(put.into_call("PUT"))),
        Command::Request(request) => wait(call::run(request.into())),
        Command::Load(load) => wait_with(Builder::new_multi_thread(), load::run(load)),
        Command::New(command) => plugin::new::run(&command),
        Command::Compose(command) => plugin::compose::run(&command),
        Command::Component(command) => plugin::compose::component(&command),
        Command::Config(command) => configuration::run(command),
        Command::Demo => stdout::check().and_then(|()| wait(demo::run())),
        Command::Completions { shell } => pages::completions(shell),
        Command::Man => pages::man(),
    };
    ended.map(ExitCode::from)
}

/// Runs `work` to its end. One thread is enough for one call, and the quickest
/// to start.
fn wait<T>(work: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    wait_with(Builder::new_current_thread(), work)
}

/// Runs `work` to its end.
fn wait_with<T>(
    mut runtime: Builder,
    work: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    let runtime = runtime
        .enable_all()
        .build()
        .map_err(|error| Problem::new(Exit::Internal, format!("can't start: {error}")))?;
    let result = runtime.block_on(work);
    // The process ends: the system takes everything back at once, and faster than
    // piece by piece. A thread that reads a trust store is not waited for, either.
    std::mem::forget(runtime);
    result
}

/// Warnings, always, and what a plugin writes; with `-v` what this program does, with `-vv`
/// what its libraries do, too.
fn log_to_stderr(verbose: u8) {
    let targets = match verbose {
        0 => Targets::new()
            .with_default(Level::WARN)
            .with_target(PLUGIN_OUTPUT, Level::INFO),
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
                // It would be told on the stream that has just failed.
                .log_internal_errors(false)
                .with_filter(targets),
        )
        .init();
}
