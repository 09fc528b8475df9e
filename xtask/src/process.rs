//! Other programs: started without what was meant for this one, and with their
//! failure as an error.

use anyhow::{Context, Result, bail};
use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
};

/// A command without the variables that `cargo run` sets for this process
/// alone: they describe xtask, and another cargo takes some of them as orders.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    forget(&mut command, describes_this_process);
    command
}

/// Takes the variables whose name is chosen out of what `command` inherits.
pub(crate) fn forget(command: &mut Command, chosen: fn(&str) -> bool) {
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(chosen) {
            command.env_remove(&name);
        }
    }
}

fn describes_this_process(name: &str) -> bool {
    matches!(
        name,
        "CARGO" | "CARGO_CRATE_NAME" | "CARGO_PRIMARY_PACKAGE" | "RUST_RECURSION_COUNT"
    ) || ["CARGO_BIN_", "CARGO_MANIFEST_", "CARGO_PKG_"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

/// The cargo that runs this program, of the toolchain that the caller chose.
pub(crate) fn cargo() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from)
}

/// Runs `command`, whose output is the caller's.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("{} can't be started", name(command)))?;
    if !status.success() {
        bail!("{} failed ({status})", name(command));
    }
    Ok(())
}

/// Runs `command` without showing anything and returns what it printed. The
/// error holds the line in which it says what went wrong.
pub(crate) fn ask(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("{} can't be started", name(command)))?;
    if !output.status.success() {
        bail!(
            "{} failed: {}",
            name(command),
            gist(&String::from_utf8_lossy(&output.stderr))
        );
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("{} printed something that is not UTF-8", name(command)))
}

/// The first line that calls itself an error; programs differ in what they
/// print before and after it.
fn gist(complaint: &str) -> &str {
    let mut lines = complaint.trim().lines().map(str::trim);
    let last = lines.clone().next_back().unwrap_or("no reason given");
    lines
        .find_map(|line| {
            ["error: ", "ERROR: ", "E: "]
                .iter()
                .find_map(|prefix| line.strip_prefix(prefix))
        })
        .unwrap_or(last)
}

/// The file that `program` would be on the search path.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|directory| directory.join(program))
        .find(|file| file.is_file())
}

fn name(command: &Command) -> String {
    let program = Path::new(command.get_program());
    program
        .file_name()
        .unwrap_or(program.as_os_str())
        .to_string_lossy()
        .into_owned()
}
