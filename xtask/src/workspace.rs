//! The directories of the workspace and of cargo.

use anyhow::{Context, Result};
use std::{
    env,
    path::{Path, PathBuf},
};

/// The directory of the workspace's `Cargo.toml`, at the time when this crate was
/// compiled.
#[must_use]
pub fn workspace_root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_path_buf()
}

/// The directory into which cargo builds. The caller can move it.
pub(crate) fn target_dir() -> Result<PathBuf> {
    match env::var_os("CARGO_TARGET_DIR").or_else(|| env::var_os("CARGO_BUILD_TARGET_DIR")) {
        Some(moved) => absolute(Path::new(&moved)),
        None => Ok(workspace_root().join("target")),
    }
}

/// The directory in which cargo keeps the sources of dependencies.
pub(crate) fn cargo_home() -> Result<PathBuf> {
    match env::var_os("CARGO_HOME") {
        Some(home) => absolute(Path::new(&home)),
        None => Ok(env::home_dir()
            .context("no home directory: set HOME or CARGO_HOME")?
            .join(".cargo")),
    }
}

pub(crate) fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("{} is not a path", path.display()))
}
