//! The memory that an idle instance takes, and an idle plugin.

use crate::{
    contenders::ours::host,
    figure::Figure,
    runtime,
    server::{Addresses, Server},
};
use anyhow::{Context as _, Result};
use rest_client_host::Instance;
use std::process::Command;

/// The KiB that an idle instance takes.
pub(crate) fn of_instance(_: &Addresses, _: usize) -> Result<Option<Figure>> {
    printed_by(&["idle", "9000"])
}

/// The KiB that a plugin takes which waits for work.
pub(crate) fn of_plugin(_: &Addresses, _: usize) -> Result<Option<Figure>> {
    if std::env::var_os("REST_CLIENT_PLUGINS").is_none() {
        println!("skipped: REST_CLIENT_PLUGINS names no folder of plugins; cargo xtask bench does");
        return Ok(None);
    }
    printed_by(&["idle-plugins"])
}

/// What this program prints in a process that has done nothing else.
fn printed_by(arguments: &[&str]) -> Result<Option<Figure>> {
    let program = std::env::current_exe().context("this program has no file")?;
    let output = Command::new(program)
        .args(arguments)
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
pub(crate) fn run(instances: usize) -> Result<()> {
    let server = Server::start()?;
    let runtime = runtime::single_threaded()?;
    runtime.block_on(async {
        // The instances share connections. One for each would be more than a
        // process may have open.
        let host = host(&server.addresses, true)?;
        let url = format!("http://{}/small", server.addresses.plain);
        let warm = host.instance();
        warm.rest_get(&url).await?;
        let before = memory()?;
        let mut all: Vec<Instance> = Vec::with_capacity(instances);
        for _ in 0..instances {
            let instance = host.instance();
            instance.rest_get(&url).await?;
            all.push(instance);
        }
        let after = memory()?;
        println!("{:.1}", (after - before) as f64 / 1024.0 / instances as f64);
        Ok(())
    })
}

/// How many bytes of memory this process has. Of pages that are mapped in several places, as
/// what all instances begin with is, the kernel counts a share at each.
pub(crate) fn memory() -> Result<u64> {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").context("there is no /proc")?;
    let kibibytes: u64 = rollup
        .lines()
        .find_map(|line| line.strip_prefix("Pss:")?.trim().strip_suffix(" kB"))
        .context("smaps_rollup has no Pss")?
        .trim()
        .parse()?;
    Ok(kibibytes * 1024)
}
