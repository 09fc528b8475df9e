//! Client and server on a core each, so that neither takes the other's time.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Keeps this process on one core, if the machine has more than one.
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
    // If this fails, the figures are noisier, but still true.
    let _ = sched_setaffinity(None, &set);
}
