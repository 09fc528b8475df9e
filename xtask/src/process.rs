//! Runs other programs, without the variables that are meant for this one. If a
//! program fails, the caller gets an error.

use crate::workspace::workspace_root;
use anyhow::{Context, Result, bail};
use std::{env, path::PathBuf, process::Command};
use xshell::{Cmd, Shell};

/// A shell whose commands run in the root of the workspace.
pub(crate) fn shell() -> Result<Shell> {
    let shell = Shell::new()?;
    shell.change_dir(workspace_root());
    Ok(shell)
}

/// Runs `command` and shows its output.
pub(crate) fn run(command: Cmd<'_>) -> Result<()> {
    Ok(for_child(command).quiet().run()?)
}

/// Runs `command`, shows nothing and returns what it printed. The error holds the
/// line in which the program says what went wrong; xshell's own error would hold
/// the exit code alone.
pub(crate) fn read(command: Cmd<'_>) -> Result<String> {
    let command = for_child(command).ignore_status();
    let output = command.output()?;
    if !output.status.success() {
        bail!(
            "`{command}` failed: {}",
            error_line(&String::from_utf8_lossy(&output.stderr))
        );
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("`{command}` printed something that is not UTF-8"))
}

/// `command` for a caller that reads its output while it runs. xshell hands the
/// output out when the command has ended.
pub(crate) fn std_command(command: Cmd<'_>) -> Command {
    for_child(command).into()
}

/// `command` without the variables that cargo sets for this process. They
/// describe xtask, and another cargo obeys some of them.
fn for_child(command: Cmd<'_>) -> Cmd<'_> {
    without_variables(command, describes_this_process)
}

/// `command` without those inherited variables whose names are `chosen`.
pub(crate) fn without_variables(command: Cmd<'_>, chosen: fn(&str) -> bool) -> Cmd<'_> {
    env::vars_os()
        .filter(|(name, _)| name.to_str().is_some_and(chosen))
        .fold(command, |command, (name, _)| command.env_remove(name))
}

fn describes_this_process(name: &str) -> bool {
    matches!(
        name,
        "CARGO" | "CARGO_CRATE_NAME" | "CARGO_PRIMARY_PACKAGE" | "RUST_RECURSION_COUNT"
    ) || ["CARGO_BIN_", "CARGO_MANIFEST_", "CARGO_PKG_"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

/// The cargo that runs this program: that of the caller's toolchain.
pub(crate) fn cargo() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from)
}

/// The first line that calls itself an error, or else the last line. Programs
/// differ in what they print before and after the error.
fn error_line(complaint: &str) -> &str {
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

/// The file that runs when `program` is called: the first on the search path.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|directory| directory.join(program))
        .find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::{read, shell};
    use xshell::cmd;

    #[test]
    fn a_child_is_not_told_that_it_is_xtask() {
        // Cargo tells it to this process.
        assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
        let shell = shell().unwrap();
        let variables = read(cmd!(shell, "env")).unwrap();
        assert!(variables.contains("PATH="), "{variables}");
        for of_xtask in ["CARGO=", "CARGO_MANIFEST_", "CARGO_PKG_"] {
            let told = variables.lines().find(|line| line.starts_with(of_xtask));
            assert_eq!(told, None);
        }
    }

    #[test]
    fn a_failure_holds_the_line_that_calls_itself_an_error() {
        let shell = shell().unwrap();
        let script = "echo Looking. >&2; echo 'ERROR: it is gone' >&2; echo Bye. >&2; exit 3";
        let error = read(cmd!(shell, "sh -c {script}")).unwrap_err().to_string();
        assert!(error.ends_with("failed: it is gone"), "{error}");
    }

    #[test]
    fn a_failure_without_such_a_line_holds_the_last_one() {
        let shell = shell().unwrap();
        let script = "echo Looking. >&2; echo 'It is gone.' >&2; exit 3";
        let error = read(cmd!(shell, "sh -c {script}")).unwrap_err().to_string();
        assert!(error.ends_with("failed: It is gone."), "{error}");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let shell = shell().unwrap();
        let error = read(cmd!(shell, "no-such-program --help")).unwrap_err();
        assert!(error.to_string().contains("no-such-program"), "{error}");
    }
}
