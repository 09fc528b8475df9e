//! The body of a request, on its way out.

use super::stop::{Stop, host_refused};
use crate::request::SharedBody;
use wasip2::{
    http::types::{OutgoingBody, OutgoingRequest},
    io::{poll::Pollable, streams::OutputStream},
};

/// A body that is not written in full yet.
pub(super) struct Upload {
    // Dropped in this order: a host refuses to lose a parent before its child.
    stream: OutputStream,
    outgoing: OutgoingBody,
    bytes: SharedBody,
    written: usize,
}

impl Upload {
    /// Writes as much of `bytes` as the host takes at once; most bodies fit.
    /// What is left is returned.
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

    /// Writes what can be written without waiting. `None` when that was all, or
    /// when the transfer takes no more bytes: whether it succeeded is told by
    /// its reply, which a server may send before it has read everything.
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
        // What can be wrong here, another length than announced, comes back as
        // the transfer's error.
        let _ = OutgoingBody::finish(outgoing, None);
        None
    }

    /// Ready when there is room again.
    pub(super) fn subscribe(&self) -> Pollable {
        self.stream.subscribe()
    }
}
