//! The command line as a whole process, compared with curl.

use crate::{figure::Figure, server::Addresses};
use anyhow::{Context as _, Result, ensure};
use std::{
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

/// How many pairs of processes make a round.
const PAIRS: usize = 5;

/// The time of a process whose program has run before, as a multiple of curl's.
pub(crate) fn warm(addresses: &Addresses, rounds: usize) -> Result<Option<Figure>> {
    measure(addresses, rounds, |program, run| run(program))
}

/// The time of a process whose program has never run, as a multiple of curl's.
/// Nothing that an earlier run left behind can help it.
pub(crate) fn first(addresses: &Addresses, rounds: usize) -> Result<Option<Figure>> {
    measure(addresses, rounds, |program, run| {
        let directory = tempfile::tempdir()?;
        let copy = directory.path().join("rest-client");
        std::fs::copy(program, &copy)?;
        run(&copy)
    })
}

type Run<'a> = &'a dyn Fn(&Path) -> Result<f64>;

fn measure(
    addresses: &Addresses,
    rounds: usize,
    prepared: impl Fn(&Path, Run<'_>) -> Result<f64>,
) -> Result<Option<Figure>> {
    let this = std::env::current_exe().context("this program has no file")?;
    let program = this.with_file_name("rest-client");
    if !program.is_file() {
        println!("skipped: {} is not built", program.display());
        return Ok(None);
    }
    if Command::new("curl")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_err()
    {
        println!("skipped: curl is not installed");
        return Ok(None);
    }
    let url = format!("http://{}/small", addresses.plain);
    let ours = |program: &Path| time(Command::new(program).args(["get", &url]));
    let mut ratios = Vec::new();
    for _ in 0..rounds * PAIRS {
        let curl = time(Command::new("curl").args(["--silent", &url]))?;
        ratios.push(prepared(&program, &ours)? / curl);
    }
    Ok(Some(Figure::of(ratios)))
}

fn time(command: &mut Command) -> Result<f64> {
    command.stdout(Stdio::null()).stdin(Stdio::null());
    let started = Instant::now();
    let status = command.status()?;
    let took = started.elapsed().as_secs_f64();
    ensure!(status.success(), "{command:?} failed ({status})");
    Ok(took)
}
