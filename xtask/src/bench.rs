//! The benchmarks, on programs that are built as packages are.

use crate::{
    process::{cargo, command, run},
    workspace::{target_dir, workspace_root},
};
use anyhow::Result;
use std::ffi::OsString;

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
    run(command(cargo())
        .args(["build", "--profile", "dist", "--locked"])
        .args(["-p", "rest-client-bench", "-p", "rest-client-host"])
        .current_dir(workspace_root()))?;
    run(command(target.join("dist/rest-client-bench"))
        .arg("--json")
        .arg(folder.join("figures.json"))
        .arg("--svg")
        .arg(folder.join("ratios.svg"))
        .args(arguments))
}
