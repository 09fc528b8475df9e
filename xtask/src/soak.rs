//! The invariants of the cap under random load, for as long as asked. A short
//! form is among the tests.

use crate::{
    process::{cargo, command, run},
    workspace::workspace_root,
};
use anyhow::Result;

/// Runs the soak with optimisations for `seconds`, and to the end of the round
/// that is under way then.
///
/// # Errors
///
/// An invariant does not hold, or the soak can't be built.
pub fn soak(seconds: u32) -> Result<()> {
    run(command(cargo())
        .args(["run", "--release", "--locked", "-p", "rest-client-tests"])
        .args(["--bin", "soak", "--", "--calls", "600", "--seconds"])
        .arg(seconds.to_string())
        .current_dir(workspace_root()))
}
