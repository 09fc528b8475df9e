//! Interim replies (1xx, RFC 9110, section 15.2): any number may come before the
//! reply, and a server that sends nothing else has none.

use super::{expect::Gate, request_body::RequestBody};
use http::{Request, StatusCode};
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

/// Interim replies before one reply. Servers send one or two.
pub(super) const MAX_INTERIM: u32 = 100;

/// Counts those that a request meets.
pub(super) struct Interim(Arc<AtomicU32>);

impl Interim {
    /// Counts from now on, and opens `gate` when the server asks for the body.
    pub(super) fn watch(request: &mut Request<RequestBody>, gate: Option<Gate>) -> Self {
        let count = Arc::new(AtomicU32::new(0));
        let counting = count.clone();
        hyper::ext::on_informational(request, move |reply| {
            counting.fetch_add(1, Ordering::Relaxed);
            if reply.status() == StatusCode::CONTINUE
                && let Some(gate) = &gate
            {
                gate.open();
            }
        });
        Self(count)
    }

    /// Whether there were more than a server has reason to send.
    pub(super) fn are_too_many(&self) -> bool {
        self.0.load(Ordering::Relaxed) > MAX_INTERIM
    }
}
