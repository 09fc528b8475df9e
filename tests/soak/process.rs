//! What this process holds of the system.

use std::time::{Duration, Instant};

/// From `/proc`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// Open file descriptors.
    pub(crate) descriptors: usize,
    /// Bytes that are resident.
    pub(crate) memory: u64,
}

/// What it holds once all that was dropped is closed. The tasks of the runtime
/// close it in their own time. So this waits until no more than `descriptors`
/// are open, or for ten seconds.
pub(crate) fn usage_settled(descriptors: usize) -> Usage {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let usage = usage();
        if usage.descriptors <= descriptors || Instant::now() > deadline {
            return usage;
        }
        std::thread::yield_now();
    }
}

/// What it holds now.
pub(crate) fn usage() -> Usage {
    let descriptors = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok())
        .unwrap_or(0);
    Usage {
        descriptors,
        memory: kilobytes * 1024,
    }
}
