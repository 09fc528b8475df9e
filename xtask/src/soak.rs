//! The soak: random load on the invariants of the cap. A short one is among the
//! tests.

use crate::process::{cargo, run, shell};
use anyhow::Result;
use xshell::cmd;

/// Runs the soak, built with optimisations, for `seconds`. The round that has
/// begun by then is finished.
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
