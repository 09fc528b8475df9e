//! Runs the tests of the workspace on a component that is built from the sources
//! in the tree, not on the committed one.

use crate::{
    component, plugins,
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

/// Sets up what is missing, builds the component and runs `cargo test` with
/// `arguments`. The last line of standard output is
/// `N passed, N failed, N skipped`. The exit code is that of `cargo test`.
///
/// The benchmark is left out: it has no tests, and its peers take long to build.
/// [`bench`](crate::bench) builds it.
///
/// `REST_CLIENT_COMPONENT` and `REST_CLIENT_ASYNC_COMPONENT` tell the tests the components' files,
/// `REST_CLIENT_PLUGINS` the folder of the plugins, and `REST_CLIENT_TEST_TOOLS` the names of the programs that they can run,
/// separated by commas.
///
/// # Errors
///
/// The tests could not be run at all.
pub fn run(arguments: &[OsString]) -> Result<ExitCode> {
    let target_dir = target_dir()?;
    let shell = shell()?;
    let tools = Tools::set_up(&shell, &target_dir);
    let built = component::build(&target_dir.join("component"))
        .context("no component to test (plain `cargo test --workspace` tests the committed one)")?;
    for component in &built {
        eprintln!("{component}");
    }
    let [component, async_component] = built;
    let plugins = plugins::build().context("there are no plugins to test with")?;
    let mut available = tools.list();
    for (name, outcome) in plugins::build_other_languages()? {
        match outcome {
            Ok(()) => available += &format!(",{name}"),
            Err(error) => {
                eprintln!("missing: {name} (tests that need it are skipped): {error:#}");
            }
        }
    }
    let cargo = cargo();
    let runner = cmd!(
        shell,
        "{cargo} test --workspace --exclude rest-client-bench
         --no-fail-fast --locked {arguments...}"
    )
    .env("REST_CLIENT_COMPONENT", &component.file)
    .env("REST_CLIENT_ASYNC_COMPONENT", &async_component.file)
    .env("REST_CLIENT_PLUGINS", &plugins)
    .env("REST_CLIENT_TEST_TOOLS", available)
    // Plugins that the program compiles are kept, and not among those of the user.
    .env("XDG_CACHE_HOME", target_dir.join("cache"))
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
    let status = runner.wait().context("cargo can't be waited for")?;
    writeln!(stdout, "{tally}")?;
    Ok(exit_code(status.code()))
}

/// Copies the output of `cargo test` line by line, and counts the results.
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

/// A signal ended the run if there is no exit code.
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
