//! The body of a reply, as it arrives.

use super::{
    bindings::wit_future,
    deadline::End,
    stop::Stop,
    types::{ErrorCode, Response, Trailers},
};
use wit_bindgen::rt::async_support::{FutureReader, StreamReader, StreamResult};

/// The most bytes that one read has room for.
const READ_SIZE: usize = 64 * 1024;

/// A body that is being read.
pub(super) struct Incoming {
    stream: StreamReader<u8>,
    end: FutureReader<Result<Option<Trailers>, ErrorCode>>,
}

impl Incoming {
    pub(super) fn of(reply: Response) -> Self {
        // What becomes of the reply here is nothing that its sender waits for.
        let (_, accepted) = wit_future::new(|| Ok(()));
        let (stream, end) = Response::consume_body(reply, accepted);
        Self { stream, end }
    }

    /// The next bytes, until `end`. `None` after the last.
    pub(super) async fn next(&mut self, end: End) -> Result<Option<Vec<u8>>, Stop> {
        loop {
            end.check()?;
            let (status, bytes) = self.stream.read(Vec::with_capacity(READ_SIZE)).await;
            match status {
                _ if !bytes.is_empty() => return Ok(Some(bytes)),
                StreamResult::Dropped => return Ok(None),
                StreamResult::Complete(_) | StreamResult::Cancelled => {}
            }
        }
    }

    /// Whether that was all of it, as the host says.
    pub(super) async fn finish(self) -> Result<(), Stop> {
        let Self { stream, end } = self;
        drop(stream);
        end.await?;
        Ok(())
    }
}
