//! The tests of the workspace, over a component built from the sources that are
//! there and not the one that was committed.

use crate::{
    component,
    process::{cargo, shell, std_command},
    tally::Tally,
    tools::Tools,
    workspace::target_dir,
};
use anyhow::{Context, Result};
use std::{
    ffi::OsString,
    io::{self, BufRead, BufReader, Read, Write},
    process::{ExitCode, Stdio},
};
use xshell::cmd;

/// Sets up what is missing, builds the component and runs the tests with
/// `arguments` behind those of `cargo test`. The last line of standard output
/// is `N passed, N failed, N skipped`; the exit code is the runner's.
///
/// The benchmark has no tests, and its peers take long to build: it is left to
/// [`bench`](crate::bench).
///
/// The tests find the component's file in `REST_CLIENT_COMPONENT` and the names
/// of the programs that they may run, separated by commas, in
/// `REST_CLIENT_TEST_TOOLS`.
///
/// # Errors
///
/// If the tests could not be run at all.
pub fn run(arguments: &[OsString]) -> Result<ExitCode> {
    let target_dir = target_dir()?;
    let shell = shell()?;
    let tools = Tools::set_up(&shell, &target_dir);
    let built = component::build(&target_dir.join("component/rest-client.wasm"))
        .context("no component to test (plain `cargo test --workspace` tests the committed one)")?;
    eprintln!("{built}");
    let cargo = cargo();
    let runner = cmd!(
        shell,
        "{cargo} test --workspace --exclude rest-client-bench
         --no-fail-fast --locked {arguments...}"
    )
    .env("REST_CLIENT_COMPONENT", &built.file)
    .env("REST_CLIENT_TEST_TOOLS", tools.list())
    .env("PATH", tools.path()?);
    let mut runner = std_command(runner)
        .stdout(Stdio::piped())
        .spawn()
        .context("cargo can't be started")?;
    let mut stdout = io::stdout().lock();
    let tally = match runner.stdout.take() {
        Some(output) => pass_on(output, &mut stdout)?,
        None => Tally::default(),
    };
    let status = runner.wait().context("lost sight of cargo")?;
    writeln!(stdout, "{tally}")?;
    Ok(exit_code(status.code()))
}

/// Copies the runner's output line by line, and counts on the way.
fn pass_on(output: impl Read, to: &mut impl Write) -> Result<Tally> {
    let mut output = BufReader::new(output);
    let mut tally = Tally::default();
    let mut line = Vec::new();
    while output
        .read_until(b'\n', &mut line)
        .context("the output of cargo can't be read")?
        > 0
    {
        tally.count(&String::from_utf8_lossy(&line));
        to.write_all(&line)?;
        to.flush()?;
        line.clear();
    }
    Ok(tally)
}

/// A runner without an exit code was ended by a signal.
fn exit_code(code: Option<i32>) -> ExitCode {
    code.and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from)
}

#[cfg(test)]
mod tests {
    use super::pass_on;

    #[test]
    fn output_is_passed_on_byte_for_byte_and_counted() {
        let output = b"\xff not text\ntest result: ok. 2 passed; 0 failed; 1 ignored; 0 measured\nno newline";
        let mut copy = Vec::new();
        let tally = pass_on(&output[..], &mut copy).unwrap();
        assert_eq!(copy, output);
        assert_eq!(tally.to_string(), "2 passed, 0 failed, 1 skipped");
    }
}
