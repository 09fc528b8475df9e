//! What connections are made of.

use std::io;
use tokio::io::{AsyncRead, AsyncWrite};

/// Bytes in order, both ways.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// An error of a stream as HTTP is told it. `InvalidData` is what rustls says, too,
/// where the messages of a server fill its buffer; without this they would be
/// taken for a body whose framing is wrong.
pub(super) fn not_of_http(error: io::Error) -> io::Error {
    if error.kind() != io::ErrorKind::InvalidData
        || error
            .get_ref()
            .is_some_and(|inner| inner.is::<rustls::Error>())
    {
        return error;
    }
    io::Error::new(error.kind(), rustls::Error::General(error.to_string()))
}
