//! Builds the plugins of the workspace: examples, and what the tests need.

use crate::{
    component::{compile, write},
    debian::Apt,
    local_paths::LocalPaths,
    process::{cargo, find, read, shell},
    toolchain::Toolchain,
    workspace::{target_dir, workspace_root},
};
use anyhow::{Context, Result, ensure};
use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};
use xshell::{Shell, cmd};

/// Packages, each with its features and the name of its component.
const PLUGINS: [(&str, &[&str], &str); 10] = [
    ("asker", &[], "asker"),
    ("example-credit-and-location", &[], "credit-and-location"),
    ("example-credit-check", &[], "credit-check"),
    ("example-location", &[], "location"),
    ("probe", &[], "probe"),
    ("probe", &["async"], "probe-async"),
    ("puppet", &[], "puppet"),
    ("puppet", &["async"], "puppet-async"),
    ("website", &[], "website"),
    ("website", &["async"], "website-async"),
];

/// Examples in other languages: their folders, the names of their components, and the
/// programs that each needs.
const LANGUAGES: [(&str, &str, &[&str]); 5] = [
    ("c", "credit-check-c", &["python3"]),
    ("go", "credit-check-go", &["python3"]),
    ("javascript", "credit-check-javascript", &["node", "npm"]),
    ("python", "credit-check-python", &["python3"]),
    ("python-async", "credit-and-location-python", &["python3"]),
];

/// Makes the bindings for C and Go. Built here, once for both of them.
const WIT_BINDGEN: &str = "wit-bindgen-cli@0.63.0";

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
    for (package, features, name) in PLUGINS {
        let component = compile(&toolchain, &local_paths, package, features)?;
        let file = folder.join(name).with_extension("wasm");
        write(&file, &component).with_context(|| format!("{} can't be written", file.display()))?;
    }
    Ok(folder)
}

/// Builds the examples in other languages into [`folder`], where their programs are. The result has, for each, the name by which tests know it and how it went.
///
/// # Errors
///
/// Cargo can't say where it builds.
pub fn build_other_languages() -> Result<Vec<(String, Result<()>)>> {
    let (folder, shell) = (folder()?, shell()?);
    let tools = target_dir()?.join("tools/plugins");
    let path = with_wit_bindgen(&shell, &tools);
    if let Err(error) = &path {
        eprintln!("missing: {WIT_BINDGEN}: {error:#}");
    }
    let path = path.ok();
    let build = |(language, name, programs): (&str, &str, &[&str])| {
        let built = Language {
            source: workspace_root().join("examples/plugins").join(language),
            output: folder.join(name).with_extension("wasm"),
            build_dir: tools.join(language),
            programs,
            path: path.as_deref(),
        }
        .build(&shell);
        (format!("{language}-plugin"), built)
    };
    Ok(LANGUAGES.into_iter().map(build).collect())
}

/// The search path, with [`WIT_BINDGEN`] in front.
fn with_wit_bindgen(shell: &Shell, tools: &Path) -> Result<OsString> {
    let (root, cargo) = (tools.join("wit-bindgen"), cargo());
    let program = root.join("bin/wit-bindgen");
    let there = cmd!(shell, "{program} --version").quiet().ignore_stderr();
    let is_there = there
        .read()
        .is_ok_and(|version| version.replace(' ', "@") == WIT_BINDGEN);
    if !is_there {
        eprintln!("building {WIT_BINDGEN}, for plugins in C and Go");
        read(cmd!(
            shell,
            "{cargo} install --quiet --locked --root {root} {WIT_BINDGEN}"
        ))?;
    }
    let inherited = env::var_os("PATH").unwrap_or_default();
    let path = [root.join("bin")]
        .into_iter()
        .chain(env::split_paths(&inherited));
    Ok(env::join_paths(path)?)
}

struct Language<'a> {
    source: PathBuf,
    output: PathBuf,
    /// Where its tools stay.
    build_dir: PathBuf,
    programs: &'a [&'a str],
    /// Where programs are looked for, if not where this one does.
    path: Option<&'a OsStr>,
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
        let mut command = cmd!(shell, "sh {script} {output}").env("BUILD_DIR", &self.build_dir);
        if let Some(path) = self.path {
            command = command.env("PATH", path);
        }
        let built = command.quiet().ignore_status().output()?;
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
