//! `wasmtime serve`, the peer for a plugin that answers HTTP by itself.

use super::process::{Process, Says, printed};
use anyhow::Result;
use std::{net::SocketAddr, path::Path, process::Command};

/// How many requests an instance answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Instances {
    /// As many as one of `rest-client serve` does by default, which is its best: nobody makes
    /// instances while it is measured. The slots for them are asked for as well.
    Reused,
    /// One, as a plugin for WASI 0.2 has it if nobody says otherwise. To ask for slots makes
    /// that no faster (tried with 36.0.9 and 49.0.4).
    AsItComes,
}

const BEST: [&str; 2] = [
    "--optimize=pooling-allocator=y",
    "--max-instance-reuse-count=10000",
];

/// Whether there is a wasmtime that can be told so. If not, this has printed it.
pub(super) fn is_there(instances: Instances) -> Result<bool> {
    let Some(help) = printed("wasmtime", ["serve", "--help"])? else {
        println!("skipped: there is no wasmtime on the search path; cargo xtask bench has one");
        return Ok(false);
    };
    if instances == Instances::Reused && !help.contains("--max-instance-reuse-count") {
        println!(
            "skipped: this wasmtime uses no instance twice; cargo xtask bench has one that does"
        );
        return Ok(false);
    }
    Ok(true)
}

/// Serves a component.
pub(super) fn serve(component: &Path, instances: Instances) -> Result<(Process, SocketAddr)> {
    let mut command = Command::new("wasmtime");
    command.args(["serve", "--addr=127.0.0.1:0"]);
    if instances == Instances::Reused {
        command.args(BEST);
    }
    command.arg(component);
    Process::at_port(&mut command, Says::OnStderr)
}
