//! `cargo xtask`: arguments in, exit code out.

#![allow(
    clippy::print_stdout,
    reason = "what was asked for goes to standard output"
)]

use std::{env, ffi::OsString, path::PathBuf, process::ExitCode};

const USAGE: &str = "\
Usage: cargo xtask <COMMAND>

Commands:
  component [--out FILE]  Build the component from source into host/component/rest-client.wasm, or into FILE
  test [ARGUMENTS]...     Set up what is missing, build the component, run the tests of the workspace;
                          the arguments go to `cargo test`, as in `cargo xtask test -- timeouts`
  bench [ARGUMENTS]...    Measure against peers; --rounds N, --only PART-OF-A-NAME
  soak [SECONDS]          Put the invariants of the cap under random load, with faults, for so long (default: 60)
  help                    Print this";

enum Command {
    Component { out: Option<PathBuf> },
    Test { arguments: Vec<OsString> },
    Bench { arguments: Vec<OsString> },
    Soak { seconds: u32 },
    Help,
}

fn main() -> ExitCode {
    let Some(command) = parse(env::args_os().skip(1).collect()) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let outcome = match command {
        Command::Component { out } => {
            let out = out.unwrap_or_else(xtask::component::committed);
            xtask::component::build(&out).map(|built| {
                println!("{built}");
                ExitCode::SUCCESS
            })
        }
        Command::Test { arguments } => xtask::test::run(&arguments),
        Command::Bench { arguments } => {
            xtask::bench::measure(&arguments).map(|()| ExitCode::SUCCESS)
        }
        Command::Soak { seconds } => xtask::soak::soak(seconds).map(|()| ExitCode::SUCCESS),
        Command::Help => {
            println!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

/// `None` for anything that is not one of the commands in full.
fn parse(mut arguments: Vec<OsString>) -> Option<Command> {
    if arguments.is_empty() {
        return None;
    }
    let rest = arguments.split_off(1);
    match (arguments[0].to_str()?, rest.as_slice()) {
        ("component", []) => Some(Command::Component { out: None }),
        ("component", [option, file]) if option == "--out" => Some(Command::Component {
            out: Some(file.into()),
        }),
        ("test", _) => Some(Command::Test { arguments: rest }),
        ("bench", _) => Some(Command::Bench { arguments: rest }),
        ("soak", []) => Some(Command::Soak { seconds: 60 }),
        ("soak", [seconds]) => Some(Command::Soak {
            seconds: seconds.to_str()?.parse().ok()?,
        }),
        ("help" | "--help" | "-h", []) => Some(Command::Help),
        _ => None,
    }
}
