//! Who keeps deadlines and the cap, and how the cap is kept.

/// Who enforces deadlines and the cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Enforcer {
    /// This component: it sets a timer for each call, and counts transfers.
    #[default]
    Component,
    /// The host, in its transport.
    Host,
}

/// What becomes of a transfer that is started while max-async-transfers are in
/// flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AtCap {
    /// The instance does nothing else until it has ended.
    #[default]
    Block,
    /// It waits for its turn.
    Wait,
    /// It fails.
    Reject,
}
