//! Parameters that are written into the component itself.
//!
//! A host that knows `wasi:http` alone never calls `configure`: an operator's limits
//! have to be in the component. Whoever makes it looks for [`layout::MARK`], and
//! replaces the numbers behind it. No plugin can do that, as it never sees these bytes,
//! and what a preset says can only be tightened.

pub mod layout;

use crate::enforcement::{AtCap, Enforcer};
use layout::{Bytes, MARK, Numbers};
use std::time::Duration;

/// What is written into the component. `None` where nothing is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Preset {
    /// Who enforces deadlines and the cap.
    pub enforcer: Enforcer,
    /// At most this.
    pub connection_timeout: Option<Duration>,
    /// At most this.
    pub transfer_timeout: Option<Duration>,
    /// At most this.
    pub max_async_transfers: Option<u32>,
    /// This and no other.
    pub at_cap: Option<AtCap>,
    /// Bytes, at most; 0 is no limit.
    pub max_transfer_size: Option<u64>,
}

/// The bytes that are replaced.
#[repr(C)]
struct Raw {
    mark: [u8; MARK.len()],
    numbers: Bytes,
}

impl Preset {
    /// What this component was made with.
    #[must_use]
    pub fn of_this_component() -> Self {
        #[used]
        static RAW: Raw = Raw {
            mark: MARK,
            numbers: Numbers::NOTHING,
        };
        #[expect(
            unsafe_code,
            reason = "the compiler must not take the bytes for what it has written itself"
        )]
        // SAFETY: it points to a static, which is aligned and valid for reads.
        let raw = unsafe { std::ptr::read_volatile(&raw const RAW) };
        Self::of(&Numbers::read(raw.numbers))
    }

    fn of(numbers: &Numbers) -> Self {
        let time = |number: Option<u64>| number.map(Duration::from_millis);
        Self {
            enforcer: match numbers.enforcer {
                Some(1) => Enforcer::Host,
                _ => Enforcer::Component,
            },
            connection_timeout: time(numbers.connection_timeout),
            transfer_timeout: time(numbers.transfer_timeout),
            max_async_transfers: numbers
                .max_async_transfers
                .map(|cap| u32::try_from(cap).unwrap_or(u32::MAX)),
            at_cap: numbers.at_cap.map(|at_cap| match at_cap {
                1 => AtCap::Reject,
                2 => AtCap::Wait,
                _ => AtCap::Block,
            }),
            max_transfer_size: numbers.max_transfer_size,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_that_nobody_has_changed_presets_nothing() {
        assert_eq!(Preset::of_this_component(), Preset::default());
    }

    #[test]
    fn each_number_is_what_it_stands_for() {
        let numbers = Numbers {
            enforcer: Some(1),
            connection_timeout: Some(2),
            transfer_timeout: Some(3),
            max_async_transfers: Some(4),
            at_cap: Some(1),
            max_transfer_size: Some(6),
        };
        assert_eq!(
            Preset::of(&numbers),
            Preset {
                enforcer: Enforcer::Host,
                connection_timeout: Some(Duration::from_millis(2)),
                transfer_timeout: Some(Duration::from_millis(3)),
                max_async_transfers: Some(4),
                at_cap: Some(AtCap::Reject),
                max_transfer_size: Some(6),
            }
        );
    }
}
