//! `cargo xtask`: arguments in, exit code out.

#![allow(
    clippy::print_stdout,
    reason = "the result of a command goes to standard output"
)]

use clap::{Args, Parser};
use std::{ffi::OsString, path::PathBuf, process::ExitCode};
use xtask::{fuzz::Fuzz, soak::Soak};

/// What cargo can't do alone: build the component, set up and run the tests,
/// soak, fuzz, bench, and try other hosts.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask")]
enum Command {
    /// Build the components from source, for WASI 0.2 and for WASI 0.3
    Component {
        /// The folder to write to, in place of host/component
        #[arg(long, value_name = "FOLDER")]
        out: Option<PathBuf>,
    },
    /// Build the plugins of the examples and the tests
    Plugins,
    /// Write what is published beside the crates: the components, and the WIT packages
    Package,
    /// Set up what is missing, build the component and the plugins, run the tests of the
    /// workspace; the arguments go to `cargo test`, as in
    /// `cargo xtask test -- timeouts`
    Test(PassedOn),
    /// Measure against peers; the arguments go to the benchmark: --rounds N,
    /// --only PART-OF-A-NAME
    Bench(PassedOn),
    /// Put the invariants of the cap under random load, with faults
    Soak(Soak),
    /// Look for inputs that break what holds for any
    Fuzz(Fuzz),
    /// Run the component in hosts that are not ours, and print what holds where
    Hosts,
}

/// Arguments for another program.
#[derive(Debug, Args)]
struct PassedOn {
    /// Passed on as they are, hyphens and all
    #[arg(allow_hyphen_values = true)]
    arguments: Vec<OsString>,
    /// What follows `--`, if `--` is the first argument. Clap drops that one. It
    /// leaves a later one among the arguments.
    #[arg(last = true, hide = true)]
    after_dashes: Vec<OsString>,
}

impl PassedOn {
    /// The arguments as they were typed.
    fn all(self) -> Vec<OsString> {
        let mut all = self.arguments;
        if !self.after_dashes.is_empty() {
            all.push("--".into());
            all.extend(self.after_dashes);
        }
        all
    }
}

fn main() -> ExitCode {
    let outcome = match Command::parse() {
        Command::Component { out } => {
            let out = out.unwrap_or_else(xtask::component::committed);
            xtask::component::build(&out).map(|built| {
                for component in built {
                    println!("{component}");
                }
                ExitCode::SUCCESS
            })
        }
        Command::Plugins => plugins(),
        Command::Package => xtask::package::package().map(|written| {
            for file in written {
                println!("{}", file.display());
            }
            ExitCode::SUCCESS
        }),
        Command::Test(arguments) => xtask::test::run(&arguments.all()),
        Command::Bench(arguments) => {
            xtask::bench::measure(&arguments.all()).map(|()| ExitCode::SUCCESS)
        }
        Command::Soak(soak) => xtask::soak::soak(&soak).map(|()| ExitCode::SUCCESS),
        Command::Hosts => xtask::hosts::hosts().map(|()| ExitCode::SUCCESS),
        Command::Fuzz(fuzz) => xtask::fuzz::fuzz(&fuzz).map(|()| ExitCode::SUCCESS),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

/// Builds all plugins that can be built here, and says which can't.
fn plugins() -> anyhow::Result<ExitCode> {
    let folder = xtask::plugins::build()?;
    for (name, outcome) in xtask::plugins::build_other_languages()? {
        if let Err(error) = outcome {
            eprintln!("missing: {name}: {error:#}");
        }
    }
    println!("{}", folder.display());
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::Command;
    use clap::Parser as _;

    /// What `cargo test` or the benchmark gets.
    fn passed_on(typed: &[&str]) -> Vec<String> {
        let arguments = match Command::try_parse_from([&["xtask"], typed].concat()).unwrap() {
            Command::Test(arguments) | Command::Bench(arguments) => arguments.all(),
            other => panic!("{typed:?} is {other:?}"),
        };
        arguments
            .into_iter()
            .map(|argument| argument.into_string().unwrap())
            .collect()
    }

    #[test]
    fn the_arguments_of_test_and_bench_go_through_as_they_were_typed() {
        for command in ["test", "bench"] {
            for typed in [
                &[][..],
                &["--", "timeouts"],
                &["timeouts", "--", "--nocapture"],
                &["--release", "--", "timeouts", "--exact"],
                &["-p", "rest-client-guest", "--help"],
                &["--rounds", "3", "--only", "native"],
                &["--", "--", "-"],
            ] {
                assert_eq!(passed_on(&[&[command], typed].concat()), typed);
            }
        }
    }

    #[test]
    fn the_soak_takes_a_minute_unless_told_otherwise() {
        for (typed, expected) in [(&["xtask", "soak"][..], 60), (&["xtask", "soak", "5"], 5)] {
            let Ok(Command::Soak(soak)) = Command::try_parse_from(typed) else {
                panic!("{typed:?} is no soak");
            };
            assert_eq!((soak.seconds, soak.hostile), (expected, false));
        }
        // Calls are counted where there are attacks.
        assert!(Command::try_parse_from(["xtask", "soak", "--calls", "9"]).is_err());
    }

    #[test]
    fn the_components_go_into_the_folder_that_is_named() {
        let typed = ["xtask", "component", "--out", "a"];
        let Ok(Command::Component { out }) = Command::try_parse_from(typed) else {
            panic!("{typed:?} is no component");
        };
        assert_eq!(out.unwrap().to_str(), Some("a"));
    }
}
