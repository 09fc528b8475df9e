//! `cargo xtask bench`: how fast this is beside what others offer, as ratios
//! within one run.
//!
//! Rounds are interleaved: in each one every contender carries the same load in
//! its turn, and is compared with the first of them in that round. What disturbs
//! the machine for longer than a moment so disturbs them all.

#![allow(clippy::print_stdout, reason = "figures are what it is for")]

mod contenders;
mod pinned;
mod server;
mod tls;

use anyhow::Result;
use clap::{Parser, Subcommand};
use contenders::Load;

#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    /// Rounds to measure, after one that is not counted
    #[arg(long, default_value = "9")]
    rounds: usize,

    /// Measure only the cases whose name contains this
    #[arg(long, default_value = "")]
    case: String,

    /// Measure only the contenders whose name contains this
    #[arg(long, default_value = "")]
    only: String,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Be the server (for the program's own use)
    Serve,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(Command::Serve) = arguments.command {
        return server::serve();
    }
    let server = server::Server::start()?;
    pinned::to_core(0);
    for (scheme, address) in [("http", server.addresses.plain), ("https", server.addresses.tls)] {
        for (path, size) in [("small", server::SMALL), ("large", server::LARGE)] {
            for in_flight in [1, 32, 300] {
                let case = format!("{scheme} {path} {in_flight}");
                if !case.contains(&arguments.case) {
                    continue;
                }
                let url = format!("{scheme}://{address}/{path}");
                let calls = if path == "small" { 6000 } else { 200 };
                let calls = calls.max(in_flight * 2);
                println!("{case}");
                let mut all = contenders::all(&server.addresses)?;
                let mut times = vec![Vec::new(); all.len()];
                for round in 0..=arguments.rounds {
                    for (contender, times) in all.iter_mut().zip(&mut times) {
                        if !contender.name().contains(&arguments.only)
                            || scheme == "https" && matches!(contender.name(), "libcurl multi" | "default_send_request")
                        {
                            continue;
                        }
                        let load = Load { url: &url, size, calls, in_flight };
                        let took = contender.run(load)?.as_secs_f64() / calls as f64 * 1e6;
                        if round > 0 {
                            times.push(took);
                        }
                    }
                }
                for (contender, times_of) in all.iter().zip(&times) {
                    if times_of.is_empty() { continue; }
                    let median = |mut v: Vec<f64>| { v.sort_by(f64::total_cmp); v[v.len()/2] };
                    let ratios: Vec<f64> = times[0].iter().zip(times_of).map(|(a,b)| a/b).collect();
                    let ratio = if ratios.is_empty() { f64::NAN } else { median(ratios) };
                    println!("  {:30} {:8.2} us  {:.2}", contender.name(), median(times_of.clone()), ratio);
                }
            }
        }
    }
    Ok(())
}
