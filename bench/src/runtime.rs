//! The runtime that the server and every contender but libcurl run on.

use anyhow::Result;

/// A runtime on one thread, since client and server have one core each.
pub(crate) fn single_threaded() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}
