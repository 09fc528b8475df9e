//! Builds the plugins of the workspace: examples, and what the tests need.

use crate::{
    component::{compile, write},
    debian::Apt,
    local_paths::LocalPaths,
    process::{find, shell},
    toolchain::Toolchain,
    workspace::{target_dir, workspace_root},
};
use anyhow::{Context, Result, ensure};
use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};
use xshell::{Shell, cmd};

/// Packages, each with the name of its component.
const PLUGINS: [(&str, &str); 5] = [
    ("example-credit-check", "credit-check"),
    ("example-location", "location"),
    ("probe", "probe"),
    ("puppet", "puppet"),
    ("website", "website"),
];

/// The credit check in other languages: their folders, and the programs that each needs.
const LANGUAGES: [(&str, &[&str]); 2] =
    [("javascript", &["node", "npm"]), ("python", &["python3"])];

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

/// Builds the credit check in other languages, `credit-check-LANGUAGE.wasm`, where their
/// programs are. The result has, for each, the name by which tests know it and how it went.
///
/// # Errors
///
/// Cargo can't say where it builds.
pub fn build_other_languages() -> Result<Vec<(String, Result<()>)>> {
    let (folder, shell) = (folder()?, shell()?);
    let tools = target_dir()?.join("tools/plugins");
    let build = |(language, programs): (&str, &[&str])| {
        let built = Language {
            source: workspace_root().join("examples/plugins").join(language),
            output: folder.join(format!("credit-check-{language}.wasm")),
            build_dir: tools.join(language),
            programs,
        }
        .build(&shell);
        (format!("{language}-plugin"), built)
    };
    Ok(LANGUAGES.into_iter().map(build).collect())
}

struct Language<'a> {
    source: PathBuf,
    output: PathBuf,
    /// Where its tools stay.
    build_dir: PathBuf,
    programs: &'a [&'a str],
}

impl Language<'_> {
    fn build(&self, shell: &Shell) -> Result<()> {
        for program in self.programs {
            find(program).with_context(|| format!("there is no {program}"))?;
        }
        let sources = newest(&self.source)?;
        let output = fs::metadata(&self.output).and_then(|it| it.modified());
        if output.is_ok_and(|output| output > sources) {
            return Ok(());
        }
        let script = self.source.join("build.sh");
        // Under its name when it is whole.
        let output = self.output.with_extension("wasm.new");
        let built = cmd!(shell, "sh {script} {output}")
            .env("BUILD_DIR", &self.build_dir)
            .quiet()
            .ignore_status()
            .output()?;
        ensure!(
            built.status.success(),
            "{}: {}{}",
            script.display(),
            String::from_utf8_lossy(&built.stdout),
            String::from_utf8_lossy(&built.stderr)
        );
        fs::rename(&output, &self.output)
            .with_context(|| format!("{} can't be written", self.output.display()))
    }
}

/// When a file in it was written last.
fn newest(folder: &Path) -> Result<SystemTime> {
    let mut newest = SystemTime::UNIX_EPOCH;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        // Also behind a link.
        let metadata = fs::metadata(&path)?;
        let written = match metadata.is_dir() {
            true => self::newest(&path)?,
            false => metadata.modified()?,
        };
        newest = newest.max(written);
    }
    Ok(newest)
}
