//! A program that serves, in a process of its own.

use crate::pinned;
use anyhow::{Context as _, Result, bail};
use std::{
    ffi::OsStr,
    io::{BufRead as _, BufReader, Read},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

/// Runs on core 1 until it is dropped.
pub(super) struct Process {
    child: Child,
    /// Where it says what it does; its end must not be closed.
    _said: Option<Box<dyn Read>>,
}

/// Where a program says where it listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    OnStdout,
    OnStderr,
}

impl Process {
    /// Starts a program that says nothing.
    pub(super) fn silent(command: &mut Command) -> Result<Self> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = spawn(command)?;
        Ok(Self { child, _said: None })
    }

    /// Starts a program, and returns it with the first line that has `mark`, from there on.
    pub(super) fn telling(command: &mut Command, says: Says, mark: &str) -> Result<(Self, String)> {
        let piped_if = |is_there| match is_there {
            true => Stdio::piped(),
            false => Stdio::null(),
        };
        command
            .stdin(Stdio::null())
            .stdout(piped_if(says == Says::OnStdout))
            .stderr(piped_if(says == Says::OnStderr));
        let mut process = Self {
            child: spawn(command)?,
            _said: None,
        };
        let pipe: Option<Box<dyn Read>> = match says {
            Says::OnStdout => process.child.stdout.take().map(|it| Box::new(it) as _),
            Says::OnStderr => process.child.stderr.take().map(|it| Box::new(it) as _),
        };
        let mut said = BufReader::new(pipe.context("a pipe")?);
        let mut lines = String::new();
        loop {
            let begin = lines.len();
            if said.read_line(&mut lines)? == 0 {
                bail!("{command:?} ended before it served: {lines}");
            }
            if let Some(at) = lines[begin..].find(mark) {
                let told = lines[begin + at..].trim_end().to_owned();
                process._said = Some(Box::new(said));
                return Ok((process, told));
            }
        }
    }

    /// Starts a program that says its address on loopback.
    pub(super) fn at_port(command: &mut Command, says: Says) -> Result<(Self, SocketAddr)> {
        let (process, told) = Self::telling(command, says, "127.0.0.1:")?;
        let address = told.trim_end_matches('/').parse();
        Ok((
            process,
            address.with_context(|| format!("no address: {told}"))?,
        ))
    }

    /// Whether it has ended by itself.
    pub(super) fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(command: &mut Command) -> Result<Child> {
    pinned::spawn(1, command).with_context(|| format!("{command:?} can't be started"))
}

/// What a program prints that ends by itself, or `None` if there is no such program.
pub(super) fn printed<A: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    arguments: impl IntoIterator<Item = A>,
) -> Result<Option<String>> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    let output = match command.output() {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("{command:?} can't be run")),
    };
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?} failed: {complaint}");
    }
    Ok(Some(String::from_utf8_lossy(&output.stdout).into_owned()))
}
