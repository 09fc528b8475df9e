//! Spans of time as hosts count them.

use std::time::Duration;

/// The longest that a host's timer is set to: some know no more milliseconds than fit in
/// 31 bits, and are ready at once (jco 1.35).
pub const LONGEST: Duration = Duration::from_millis(i32::MAX as u64);

/// The unit of time of `wasi:http` and `wasi:clocks`.
#[must_use]
pub fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
