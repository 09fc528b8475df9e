//! Figures that have no peer in the same load.

use crate::{
    contenders::{
        contender::Contender as _,
        ours::{Library, host},
    },
    figure::Figure,
    load::Load,
    program, runtime,
    server::{Addresses, SMALL},
};
use anyhow::{Context as _, Result};
use rest_client_host::Instance;
use std::process::Command;

/// What is measured, in its unit; `None` where something is missing for it, of
/// which is told.
type Measure = fn(&Addresses, usize) -> Result<Option<Figure>>;

pub(crate) const CANNED: &str = "one call without network, µs";
pub(crate) const CROWD: &str = "throughput at 1,000 in flight to that at 32";
pub(crate) const IDLE: &str = "an idle instance, KiB";
pub(crate) const WARM: &str = "whole process to curl's, warm";
pub(crate) const FIRST: &str = "whole process to curl's, first run";

pub(crate) const ALL: [(&str, Measure); 5] = [
    (CANNED, canned),
    (CROWD, crowd),
    (IDLE, idle_memory),
    (WARM, program::warm),
    (FIRST, program::first),
];

fn canned(_: &Addresses, rounds: usize) -> Result<Option<Figure>> {
    const CALLS: u32 = 20_000;
    let runtime = runtime::single_threaded()?;
    let mut times = Vec::new();
    for _ in 0..rounds {
        let took = runtime
            .block_on(rest_client_host::canned_calls(CALLS, SMALL))
            .map_err(anyhow::Error::from)?;
        times.push(took.as_secs_f64() / f64::from(CALLS) * 1e6);
    }
    Ok(Some(Figure::of(times)))
}

fn crowd(addresses: &Addresses, rounds: usize) -> Result<Option<Figure>> {
    let url = format!("http://{}/small", addresses.plain);
    let mut ours = Library::new(addresses)?;
    let mut ratios = Vec::new();
    for round in 0..=rounds {
        let mut throughput = |in_flight| -> Result<f64> {
            let load = Load {
                url: &url,
                size: SMALL,
                calls: 10_000,
                in_flight,
            };
            Ok(1.0 / ours.run(load)?.as_secs_f64())
        };
        let (few, many) = (throughput(32)?, throughput(1000)?);
        if round > 0 {
            ratios.push(many / few);
        }
    }
    Ok(Some(Figure::of(ratios)))
}

/// In a process that has done nothing else.
fn idle_memory(_: &Addresses, _: usize) -> Result<Option<Figure>> {
    let program = std::env::current_exe().context("this program has no file")?;
    let output = Command::new(program)
        .args(["idle", "9000"])
        .output()
        .context("the process with the instances can't be started")?;
    anyhow::ensure!(
        output.status.success(),
        "the process with the instances failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let kibibytes: f64 = String::from_utf8_lossy(&output.stdout).trim().parse()?;
    Ok(Some(Figure::of([kibibytes])))
}

/// Makes `instances`, has each make a call, and prints the KiB that one takes.
pub(crate) fn idle(instances: usize) -> Result<()> {
    let server = crate::server::Server::start()?;
    let runtime = runtime::single_threaded()?;
    runtime.block_on(async {
        // Connections are shared, so that there are not as many of them.
        let host = host(&server.addresses, true)?;
        let url = format!("http://{}/small", server.addresses.plain);
        let warm = host.instance();
        warm.rest_get(&url).await?;
        let before = resident()?;
        let mut all: Vec<Instance> = Vec::with_capacity(instances);
        for _ in 0..instances {
            let instance = host.instance();
            instance.rest_get(&url).await?;
            all.push(instance);
        }
        let after = resident()?;
        println!("{:.1}", (after - before) as f64 / 1024.0 / instances as f64);
        Ok(())
    })
}

/// Bytes of this process that are in memory.
fn resident() -> Result<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").context("there is no /proc")?;
    let pages: u64 = statm
        .split_whitespace()
        .nth(1)
        .context("statm has no second number")?
        .parse()?;
    Ok(pages * rustix::param::page_size() as u64)
}
