//! A request on its way out of a sandbox, and the reply to come.

use crate::{
    call::{Call, failure::Failure, reply::Reply},
    transport::{Tenant, Transport},
};
use std::{pin::Pin, sync::Arc};
use tokio::sync::oneshot;
use wasmtime_wasi::p2::Pollable;

/// What a guest's requests go through.
pub(super) struct Outbox {
    pub(super) transport: Arc<Transport>,
    pub(super) tenant: Tenant,
    /// The call that the guest works for. A request belongs to the call during
    /// which it is sent.
    pub(super) call: Option<Arc<Call>>,
    /// The transfer that the guest has started since it was entered.
    pub(super) launched: Option<Launched>,
}

impl Outbox {
    /// An outbox that nothing has gone through.
    pub(super) fn new(transport: Arc<Transport>, tenant: Tenant) -> Self {
        Self {
            transport,
            tenant,
            call: None,
            launched: None,
        }
    }
}

/// A transfer that nobody runs yet.
pub(crate) struct Launched {
    pub(crate) transfer: Pin<Box<dyn Future<Output = Outcome> + Send>>,
    /// Where its outcome goes. Closed when the guest has dropped it.
    pub(crate) outcome: oneshot::Sender<Outcome>,
}

pub(crate) type Outcome = Result<Reply, Failure>;

/// `future-incoming-response` of `wasi:http`.
pub(super) enum PendingReply {
    Pending(oneshot::Receiver<Outcome>),
    Ready(Outcome),
    Consumed,
}

impl PendingReply {
    /// Sees whether the outcome is here. A transfer that was given up has none
    /// to come.
    pub(super) fn look(&mut self) {
        if let Self::Pending(receiver) = self {
            match receiver.try_recv() {
                Ok(outcome) => *self = Self::Ready(outcome),
                Err(oneshot::error::TryRecvError::Empty) => {}
                Err(oneshot::error::TryRecvError::Closed) => *self = Self::Consumed,
            }
        }
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for PendingReply {
    async fn ready(&mut self) {
        if let Self::Pending(receiver) = self {
            *self = receiver.await.map_or(Self::Consumed, Self::Ready);
        }
    }
}
