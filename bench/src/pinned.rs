//! Client and server on a core each, so that neither takes the other's time.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::{
    io,
    process::{Child, Command},
    sync::OnceLock,
    thread,
};

/// The cores that this process was given, before any thread of it kept to one.
static CORES: OnceLock<Vec<usize>> = OnceLock::new();

/// Keeps this thread, and those that it starts from now on, on one core, if there is more than
/// one.
pub(crate) fn to_core(core: usize) {
    let cores = CORES.get_or_init(|| {
        let allowed = sched_getaffinity(None).unwrap_or_default();
        (0..CpuSet::MAX_CPU)
            .filter(|core| allowed.is_set(*core))
            .collect()
    });
    if cores.len() < 2 {
        return;
    }
    let mut set = CpuSet::new();
    set.set(cores[core % cores.len()]);
    // If this fails, the figures are noisier, but still true.
    let _ = sched_setaffinity(None, &set);
}

/// Starts a process that stays on one core, if there is more than one.
pub(crate) fn spawn(core: usize, command: &mut Command) -> io::Result<Child> {
    // It may run where the thread may that starts it.
    thread::scope(|scope| {
        let starting = scope.spawn(|| {
            to_core(core);
            command.spawn()
        });
        let panicked = |_| Err(io::Error::other("the thread that starts it panicked"));
        starting.join().unwrap_or_else(panicked)
    })
}
