//! Reading the body of a reply.

use super::{
    stop::{Stop, host_refused},
    timer::Timer,
};
use crate::body::Body;
use wasip2::{
    http::types::{ErrorCode, IncomingResponse},
    io::streams::{InputStream, StreamError},
};

/// The most bytes that one read asks for. A host hands over what it has, up to
/// this.
const READ_SIZE: u64 = 1024 * 1024;

/// Reads the body of `reply` to its end, into `body`. If this stops early,
/// `body` holds what had arrived.
pub(super) fn read_body(
    reply: &IncomingResponse,
    body: &mut Body,
    timer: &Timer,
) -> Result<(), Stop> {
    let incoming = reply
        .consume()
        .map_err(|()| host_refused("the body of a reply"))?;
    let stream = incoming
        .stream()
        .map_err(|()| host_refused("the stream of a body"))?;
    loop {
        // A server may send faster than this reads, and then no chunk is empty.
        timer.check()?;
        match read_chunk(&stream, timer) {
            Ok(chunk) if chunk.is_empty() => timer.wait(&stream.subscribe())?,
            Ok(chunk) => body.push(chunk)?,
            Err(StreamError::Closed) => return Ok(()),
            // What exactly it was can be asked with `http-error-code`, and is not: hosts
            // either know nothing more, or trap (jco 1.35).
            Err(StreamError::LastOperationFailed(_)) => {
                timer.check()?;
                return Err(Stop::HostError(ErrorCode::HttpResponseIncomplete));
            }
        }
    }
}

/// Reads what has arrived. Without a deadline of its own, the component waits
/// for data inside the host, which saves a second call into it. With a
/// deadline, the chunk is empty if nothing has arrived, and the caller waits.
fn read_chunk(stream: &InputStream, timer: &Timer) -> Result<Vec<u8>, StreamError> {
    if timer.is_set() {
        stream.read(READ_SIZE)
    } else {
        stream.blocking_read(READ_SIZE)
    }
}
