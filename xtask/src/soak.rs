//! The soak: random load with faults. A short one is among the tests.

use crate::process::{cargo, run, shell};
use anyhow::Result;
use clap::Args;
use xshell::cmd;

/// How long, and with what.
#[derive(Debug, Args)]
pub struct Soak {
    /// How many seconds; the round that has begun by then is finished
    #[arg(default_value_t = 60)]
    pub seconds: u32,
    /// Attack instead, by servers and plugins, beside honest calls; times above
    /// those that are promised are a failure
    #[arg(long)]
    pub hostile: bool,
    /// Go on until so many calls were made, too
    #[arg(long, value_name = "CALLS", requires = "hostile", default_value_t = 0)]
    pub calls: u32,
}

/// Runs the soak, built with optimisations.
///
/// # Errors
///
/// An invariant does not hold, or the soak can't be built.
pub fn soak(soak: &Soak) -> Result<()> {
    let shell = shell()?;
    let cargo = cargo();
    let seconds = soak.seconds.to_string();
    let kind = if soak.hostile {
        let calls = soak.calls.to_string();
        ["--hostile", "--judge-times", "--calls", &calls]
            .map(String::from)
            .to_vec()
    } else {
        ["--calls", "600"].map(String::from).to_vec()
    };
    run(cmd!(
        shell,
        "{cargo} run --release --locked -p rest-client-tests --bin soak --
         {kind...} --seconds {seconds}"
    ))
}
