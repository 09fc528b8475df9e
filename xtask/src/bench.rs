//! The benchmarks, with the programs built as packages are built.

use crate::{
    plugins,
    process::{cargo, run, shell},
    pypi::{NEWEST_WASMTIME, Pypi},
    tools::Tools,
    workspace::target_dir,
};
use anyhow::Result;
use std::{env, ffi::OsString, fs, path::Path};
use xshell::cmd;

/// Builds the benchmark and what it measures, and runs it with `arguments`. It
/// prints the figures. It also writes them and a picture into the folder
/// `bench` of the target directory.
///
/// The programs that it measures beside ours are set up as for the tests. A figure that needs
/// one which is missing is left out.
///
/// # Errors
///
/// Something can't be built, or a contender fails.
pub fn measure(arguments: &[OsString]) -> Result<()> {
    let target = target_dir()?;
    let folder = target.join("bench");
    fs::create_dir_all(&folder)?;
    let shell = shell()?;
    let cargo = cargo();
    run(cmd!(
        shell,
        "{cargo} build --profile dist --locked -p rest-client-bench -p rest-client"
    ))?;
    let plugins = plugins::build()?;
    let mut path = Tools::set_up(&shell, &target).path()?;
    // That of the tests is an old one, and makes an instance for each request that it serves.
    match Pypi::new(&shell, &target).wasmtime(NEWEST_WASMTIME) {
        Ok(wasmtime) => {
            let newest = wasmtime.parent().map(Path::to_owned);
            path = env::join_paths(newest.into_iter().chain(env::split_paths(&path)))?;
        }
        Err(error) => eprintln!("missing: wasmtime {NEWEST_WASMTIME}: {error:#}"),
    }
    let program = target.join("dist/rest-client-bench");
    let figures = folder.join("figures.json");
    let ratios = folder.join("ratios.svg");
    run(cmd!(
        shell,
        "{program} --json {figures} --svg {ratios} {arguments...}"
    )
    .env("REST_CLIENT_PLUGINS", plugins)
    .env("PATH", path))
}
