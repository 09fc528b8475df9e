//! The body of a reply, on its way in.

use super::{
    stop::{Stop, host_refused},
    timer::Timer,
};
use crate::body::Body;
use wasip2::{
    http::types::{self, ErrorCode, IncomingResponse},
    io::streams::{InputStream, StreamError},
};

/// Bytes asked for in one read. A host hands over what it has, up to this.
const READ_SIZE: u64 = 1024 * 1024;

/// Gathers the body of `reply` in `body`, which keeps what has arrived if the
/// transfer stops.
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
        match read_chunk(&stream, timer) {
            Ok(chunk) if chunk.is_empty() => timer.wait(&stream.subscribe())?,
            Ok(chunk) => body.push(chunk)?,
            Err(StreamError::Closed) => return Ok(()),
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(Stop::HostError(
                    types::http_error_code(&error).unwrap_or(ErrorCode::HttpResponseIncomplete),
                ));
            }
        }
    }
}

/// Reads what is there, and nothing at all only where that means to wait:
/// without a deadline of its own it may as well wait inside of the host,
/// which saves a crossing.
fn read_chunk(stream: &InputStream, timer: &Timer) -> Result<Vec<u8>, StreamError> {
    if timer.is_set() {
        stream.read(READ_SIZE)
    } else {
        stream.blocking_read(READ_SIZE)
    }
}
