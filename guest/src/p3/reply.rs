//! The body of a reply, as it arrives.

use super::{
    bindings::wit_future,
    deadline::End,
    stop::Stop,
    types::{ErrorCode, Response, Trailers},
};
use wit_bindgen::{FutureReader, FutureWriter, StreamReader, StreamResult};

/// The most bytes that one read has room for.
const READ_SIZE: usize = 64 * 1024;

/// A body that is being read.
pub(super) struct Incoming {
    // Rust drops fields in this order.
    stream: StreamReader<u8>,
    end: FutureReader<Result<Option<Trailers>, ErrorCode>>,
    /// Told when it is dropped: nothing is read any more.
    _done: FutureWriter<Result<(), ErrorCode>>,
    _sent: Sent,
}

/// How the request was transmitted, which shows in what comes of it. A host may end a
/// transfer of which nobody wants to know that (wasmtime 49), and say nothing of it.
pub(super) type Sent = FutureReader<Result<(), ErrorCode>>;

impl Incoming {
    pub(super) fn of(reply: Response, sent: Sent) -> Self {
        let (_done, is_done) = wit_future::new(|| Ok(()));
        let (stream, end) = Response::consume_body(reply, is_done);
        Self {
            stream,
            end,
            _done,
            _sent: sent,
        }
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
        let Self {
            stream,
            end,
            _done,
            _sent,
        } = self;
        drop(stream);
        end.await?;
        Ok(())
    }
}
