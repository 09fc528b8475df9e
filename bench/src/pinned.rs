//! Processes on cores of their own, so that client and server do not take each
//! other's time.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Keeps this process on one core, where there is more than one.
pub(crate) fn to_core(core: usize) {
    let Ok(allowed) = sched_getaffinity(None) else {
        return;
    };
    let cores: Vec<usize> = (0..CpuSet::MAX_CPU)
        .filter(|core| allowed.is_set(*core))
        .collect();
    if cores.len() < 2 {
        return;
    }
    let mut set = CpuSet::new();
    set.set(cores[core % cores.len()]);
    // Without it the figures are noisier, and as true.
    let _ = sched_setaffinity(None, &set);
}
