//! `cargo xtask bench`: how fast this project is beside others, as ratios
//! within one run.
//!
//! In each round, every contender carries the same load, one after the other,
//! and is compared with the others of that round. So what disturbs the machine
//! for longer than a moment disturbs them all.

#![allow(clippy::print_stdout, reason = "figures are what it is for")]

mod cases;
mod contenders;
mod decisions;
mod figure;
mod idle;
mod load;
mod pinned;
mod plot;
mod program;
mod report;
mod runtime;
mod serve;
mod server;
mod serving;
mod solo;
mod tls;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use report::Report;
use std::path::PathBuf;

/// All contenders have the same fast allocator, one that a program which makes
/// many calls would choose.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Parser)]
#[command(disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    /// How many rounds count, after one that does not
    #[arg(long, default_value = "9")]
    rounds: usize,

    /// Measure only the cases and figures whose name contains this
    #[arg(long, default_value = "")]
    only: String,

    /// Write the figures as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Draw the ratios
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Be the server (for the program's own use)
    Serve {
        /// Where its socket is to be
        socket: PathBuf,
    },
    /// Make instances and print the memory that one takes (for the program's
    /// own use)
    Idle {
        /// How many instances
        instances: usize,
    },
    /// Have plugins decide once and print the memory that one takes (for the program's own
    /// use)
    IdlePlugins,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match arguments.command {
        Some(Command::Serve { socket }) => return serve::until_input_ends(&socket),
        Some(Command::Idle { instances }) => return idle::run(instances),
        Some(Command::IdlePlugins) => {
            return decisions::idle(&server::Server::start()?.addresses);
        }
        None => {}
    }
    pinned::to_core(0);
    let server = server::Server::start()?;
    let mut report = Report::default();
    for case in cases::all() {
        if case.name().contains(&arguments.only) {
            let measured = cases::measure(case, &server.addresses, arguments.rounds)?;
            print!("{}", measured.text());
            report.cases.push(measured);
        }
    }
    let mut server = Some(server);
    for (name, measure) in solo::ALL {
        if !name.contains(&arguments.only) {
            continue;
        }
        let figure = match measure {
            solo::Measure::Asking(measure) => {
                let server = match &mut server {
                    Some(server) => server,
                    ended => ended.insert(server::Server::start()?),
                };
                measure(&server.addresses, arguments.rounds)?
            }
            solo::Measure::Alone(measure) => {
                server = None;
                measure(arguments.rounds)?
            }
        };
        report.add_solo(name, figure);
    }
    print!("\n{}", report.targets());
    if let Some(file) = &arguments.json {
        let json = serde_json::to_string_pretty(&report)?;
        std::fs::write(file, json)
            .with_context(|| format!("{} can't be written", file.display()))?;
    }
    if let Some(file) = &arguments.svg {
        plot::draw(&report, file)?;
    }
    Ok(())
}
