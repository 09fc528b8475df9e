//! The runtime of client and server.

use anyhow::Result;

/// All run on one thread: the client has one core.
pub(crate) fn single_threaded() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}
