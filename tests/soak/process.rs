//! What this process holds of the system.

use std::{
    fmt,
    time::{Duration, Instant},
};

/// Bytes that a process may grow without a leak: an allocator keeps some of what
/// is freed.
const SLACK: u64 = 48 << 20;

/// From `/proc`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// Open file descriptors.
    pub(crate) descriptors: usize,
    /// Bytes that are resident.
    pub(crate) memory: u64,
}

impl Usage {
    /// Whether all that was held since `before` has come back.
    pub(crate) fn check(self, before: Self) -> Result<(), String> {
        if self.descriptors > before.descriptors {
            return Err("file descriptors are left open".into());
        }
        if self.memory > before.memory + SLACK {
            return Err("memory has not come back".into());
        }
        Ok(())
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            descriptors,
            memory,
        } = self;
        write!(f, "{descriptors} file descriptors, {} MiB", memory >> 20)
    }
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
        // Nothing tells when it is, so it is asked again.
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// What it holds now.
pub(crate) fn usage() -> Usage {
    let descriptors = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    Usage {
        descriptors,
        memory: support::process::resident("self"),
    }
}
