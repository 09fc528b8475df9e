//! The benchmarks, with the programs built as packages are built.

use crate::{
    plugins,
    process::{cargo, run, shell},
    workspace::target_dir,
};
use anyhow::Result;
use std::ffi::OsString;
use xshell::cmd;

/// Builds the benchmark and what it measures, and runs it with `arguments`. It
/// prints the figures. It also writes them and a picture into the folder
/// `bench` of the target directory.
///
/// # Errors
///
/// Something can't be built, or a contender fails.
pub fn measure(arguments: &[OsString]) -> Result<()> {
    let target = target_dir()?;
    let folder = target.join("bench");
    std::fs::create_dir_all(&folder)?;
    let shell = shell()?;
    let cargo = cargo();
    run(cmd!(
        shell,
        "{cargo} build --profile dist --locked -p rest-client-bench -p rest-client"
    ))?;
    let plugins = plugins::build()?;
    let program = target.join("dist/rest-client-bench");
    let figures = folder.join("figures.json");
    let ratios = folder.join("ratios.svg");
    run(cmd!(
        shell,
        "{program} --json {figures} --svg {ratios} {arguments...}"
    )
    .env("REST_CLIENT_PLUGINS", plugins))
}
