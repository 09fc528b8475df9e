//! The runtime that the server and every contender but libcurl run on.

use anyhow::Result;

/// A runtime on one thread, since client and server have one core each.
pub(crate) fn single_threaded() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}

/// Has the runtime of who calls this never sleep. To wake it would be on the account of who
/// sends to it, and the more the slower he is, while a peer elsewhere is woken at its own
/// expense.
pub(crate) fn stay_awake() {
    tokio::spawn(async {
        loop {
            tokio::task::yield_now().await;
        }
    });
}
