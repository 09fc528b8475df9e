//! What connections are made of.

use tokio::io::{AsyncRead, AsyncWrite};

/// Bytes in order, both ways.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}
