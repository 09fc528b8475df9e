//! A reply over HTTP/2 that may be complete before the server has read the request.

use super::{connection::Http2, pool::Pool, upload::Upload};
use crate::call::origin::Origin;

/// Kept from the head of a reply until the end of its exchange. Dropped, it takes back what the
/// server has not read until then, and has no further request go over the connection.
pub(super) struct EarlyReply {
    pub(super) upload: Upload,
    pub(super) pool: Pool,
    pub(super) origin: Origin,
    pub(super) http2: Http2,
}

impl Drop for EarlyReply {
    fn drop(&mut self) {
        if self.upload.take_back() {
            self.pool.forget(&self.origin, &self.http2);
        }
    }
}
