//! Writing the body of a request.

use super::stop::{Stop, host_refused};
use crate::request::SharedBody;
use wasip2::{
    http::types::{OutgoingBody, OutgoingRequest},
    io::{poll::Pollable, streams::OutputStream},
};

/// A body of which a part is not written yet.
pub(super) struct Upload {
    // Rust drops fields in this order. A host refuses to drop a parent before
    // its child.
    stream: OutputStream,
    outgoing: OutgoingBody,
    bytes: SharedBody,
    written: usize,
}

impl Upload {
    /// Writes as much of `bytes` as the host takes at once. Most bodies fit,
    /// and the result is `None`. Otherwise [`Self::resume`] writes the rest.
    pub(super) fn start(
        request: &OutgoingRequest,
        bytes: SharedBody,
    ) -> Result<Option<Self>, Stop> {
        let outgoing = request
            .body()
            .map_err(|()| host_refused("a body for the request"))?;
        let stream = outgoing
            .write()
            .map_err(|()| host_refused("a stream for the body of the request"))?;
        let upload = Self {
            stream,
            outgoing,
            bytes,
            written: 0,
        };
        Ok(upload.resume())
    }

    /// Writes what can be written without waiting. `None` if everything is
    /// written, or if the transfer takes no more bytes. The latter is no error:
    /// a server may reply before it has read everything, and the reply says how
    /// the call ended.
    pub(super) fn resume(mut self) -> Option<Self> {
        while self.written < self.bytes.len() {
            let room = match self.stream.check_write() {
                Ok(0) => return Some(self),
                Ok(room) => usize::try_from(room).unwrap_or(usize::MAX),
                Err(_) => break,
            };
            let rest = &self.bytes[self.written..];
            let chunk = &rest[..rest.len().min(room)];
            if self.stream.write(chunk).is_err() {
                break;
            }
            self.written += chunk.len();
        }
        let Self {
            stream, outgoing, ..
        } = self;
        drop(stream);
        // The only possible error is a length other than the announced one. The
        // transfer fails with it, so it is not lost.
        let _ = OutgoingBody::finish(outgoing, None);
        None
    }

    /// Ready when the host takes more bytes.
    pub(super) fn subscribe(&self) -> Pollable {
        self.stream.subscribe()
    }
}
