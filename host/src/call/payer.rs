//! On whose account a call is made, where that is not the program's own.

use super::{
    budget::{Budget, Charge},
    share::{Place, Share},
};

/// Who pays for a call.
pub(crate) struct Payer {
    /// What replies are charged to.
    pub(crate) budget: Budget,
    /// For the call as it was asked.
    pub(crate) charge: Charge,
    /// Empty where only the instance's cap counts.
    pub(crate) share: Option<Share>,
}

/// What a call on somebody's account takes until it is over.
pub(crate) struct Held {
    pub(crate) _charge: Charge,
    pub(crate) _place: Option<Place>,
}
