//! Whom a transfer is for.

use super::{connect_lock::InstanceId, policy::Policy, pool::Pool};
use std::sync::Arc;

/// An instance, as far as transfers know it.
#[derive(Clone)]
pub(crate) struct Tenant {
    pub(super) id: InstanceId,
    pub(super) pool: Pool,
    policy: Arc<Policy>,
}

impl Tenant {
    /// The instance `id`, which keeps its connections in `pool` and is held to
    /// `policy`.
    pub(crate) fn new(id: InstanceId, pool: Pool, policy: Policy) -> Self {
        Self {
            id,
            pool,
            policy: Arc::new(policy),
        }
    }

    /// What it is held to.
    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }
}
