//! Builds the plugins of the workspace: examples, and what the tests need.

use crate::{
    component::{compile, write},
    debian::Apt,
    local_paths::LocalPaths,
    process::shell,
    toolchain::Toolchain,
    workspace::target_dir,
};
use anyhow::{Context, Result};
use std::path::PathBuf;

/// Packages, each with the name of its component.
const PLUGINS: [(&str, &str); 4] = [
    ("example-credit-check", "credit-check"),
    ("example-location", "location"),
    ("puppet", "puppet"),
    ("website", "website"),
];

/// Where their components are: `NAME.wasm`.
///
/// # Errors
///
/// Cargo can't say where it builds.
pub fn folder() -> Result<PathBuf> {
    Ok(target_dir()?.join("plugins"))
}

/// Builds all of them into [`folder`].
///
/// # Errors
///
/// There is no compiler for them and none can be installed, or one does not compile.
pub fn build() -> Result<PathBuf> {
    let folder = folder()?;
    let shell = shell()?;
    let toolchain = Toolchain::find(&shell, &mut Apt::new(&shell))?;
    let local_paths = LocalPaths::find(&toolchain.rust_sources()?)?;
    for (package, name) in PLUGINS {
        let component = compile(&toolchain, &local_paths, package)?;
        let file = folder.join(name).with_extension("wasm");
        write(&file, &component).with_context(|| format!("{} can't be written", file.display()))?;
    }
    Ok(folder)
}
