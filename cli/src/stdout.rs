//! Standard output, which may not take what is written.

use crate::exit::{Exit, Problem};
use rustix::io::fcntl_getfd;
use std::{
    io::{ErrorKind, Write as _},
    sync::atomic::{AtomicBool, Ordering},
};

static STDOUT_IS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Looks whether the program was started without a standard output, as by `>&-`
/// in a shell. It runs before `main`: what runs between the two opens
/// `/dev/null` in its place, where everything could be written, and be lost.
#[ctor::ctor(unsafe)]
fn look_before_main() {
    let is_closed = fcntl_getfd(std::io::stdout()).is_err();
    STDOUT_IS_CLOSED.store(is_closed, Ordering::Relaxed);
}

/// Fails if there is no standard output.
pub(crate) fn check() -> Result<(), Problem> {
    if STDOUT_IS_CLOSED.load(Ordering::Relaxed) {
        return Err(Problem::new(
            Exit::Write,
            "can't write: standard output is closed",
        ));
    }
    Ok(())
}

/// Writes `bytes` to standard output.
pub(crate) fn print(bytes: &[u8]) -> Result<(), Problem> {
    check()?;
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
    written.map_err(|error| match error.kind() {
        // Whoever read it has seen enough, which is no news to them.
        ErrorKind::BrokenPipe => Problem::new(Exit::Write, ""),
        _ => Problem::new(Exit::Write, format!("can't write: {error}")),
    })
}
