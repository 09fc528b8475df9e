//! The invariants of the cap under random load, for as long as asked. A short
//! form is among the tests.

use crate::process::{cargo, run, shell};
use anyhow::Result;
use xshell::cmd;

/// Runs the soak with optimisations for `seconds`, and to the end of the round
/// that is under way then.
///
/// # Errors
///
/// An invariant does not hold, or the soak can't be built.
pub fn soak(seconds: u32) -> Result<()> {
    let shell = shell()?;
    let cargo = cargo();
    let seconds = seconds.to_string();
    run(cmd!(
        shell,
        "{cargo} run --release --locked -p rest-client-tests --bin soak --
         --calls 600 --seconds {seconds}"
    ))
}
