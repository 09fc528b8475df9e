//! Where the time of a call went.

use std::time::Duration;

/// Times from the start of a call. A step that did not happen is `None`: a reused
/// connection, for example, needs no look-up and no connect.
///
/// ```
/// # let url: String = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/service/serve.rs"));
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let instance = rest_client_host::Host::new(Default::default())?.instance();
/// let first = instance.rest_get(&url).await?;
/// assert!(first.timings().connect <= first.timings().first_byte);
///
/// let second = instance.rest_get(&url).await?;
/// assert_eq!(second.timings().connect, None);
/// assert!(second.timings().first_byte <= Some(second.timings().total));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timings {
    /// The name had its addresses.
    pub name_lookup: Option<Duration>,
    /// TCP was connected.
    pub connect: Option<Duration>,
    /// TLS was established.
    pub tls: Option<Duration>,
    /// The head of the reply was there.
    pub first_byte: Option<Duration>,
    /// The call returned.
    pub total: Duration,
}
