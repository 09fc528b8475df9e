//! Spans of time as hosts count them.

use std::time::Duration;

/// The unit of time of `wasi:http` and `wasi:clocks`.
#[must_use]
pub fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
