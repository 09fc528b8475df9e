//! The benchmarks, on programs that are built as packages are.

use crate::{
    process::{cargo, run, shell},
    workspace::target_dir,
};
use anyhow::Result;
use std::ffi::OsString;
use xshell::cmd;

/// Builds what is measured and measures it, with `arguments` for the program
/// that does so. The figures are printed, and written beside a picture into the
/// folder `bench` of the target folder.
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
        "{cargo} build --profile dist --locked -p rest-client-bench -p rest-client-host"
    ))?;
    let program = target.join("dist/rest-client-bench");
    let figures = folder.join("figures.json");
    let ratios = folder.join("ratios.svg");
    run(cmd!(
        shell,
        "{program} --json {figures} --svg {ratios} {arguments...}"
    ))
}
