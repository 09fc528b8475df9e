//! The share that one party has of an instance's transfers.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Clones are the same share.
#[derive(Debug, Clone)]
pub(crate) struct Share {
    most: u32,
    free: Arc<Semaphore>,
}

/// One transfer of a share, until it is dropped.
pub(crate) type Place = OwnedSemaphorePermit;

impl Share {
    /// A share of so many transfers at a time.
    pub(crate) fn new(most: u32) -> Self {
        Self {
            most,
            free: Arc::new(Semaphore::new(most as usize)),
        }
    }

    /// How many transfers it is.
    pub(crate) fn most(&self) -> u32 {
        self.most
    }

    /// A place, if one is free and nobody waits for it.
    pub(crate) fn try_take(&self) -> Option<Place> {
        self.free.clone().try_acquire_owned().ok()
    }

    /// Waits for a place, behind those who wait already. Never ready for a share
    /// of nothing.
    pub(crate) async fn take(&self) -> Place {
        match self.free.clone().acquire_owned().await {
            Ok(place) => place,
            // It is never closed.
            Err(_) => std::future::pending().await,
        }
    }
}
