//! The call as it was asked for.

use super::payer::Payer;
use std::time::Duration;

/// What the guest is given, and the timeouts that the host keeps for it.
pub(crate) struct CallSpec {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) content_type: Option<String>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) max_redirects: u32,
    /// Shortens the configured one.
    pub(crate) connection_timeout: Option<Duration>,
    /// Shortens the configured one.
    pub(crate) transfer_timeout: Option<Duration>,
    /// Empty for a call of the program's own.
    pub(crate) payer: Option<Payer>,
}

impl CallSpec {
    /// A call without a body, a header field or a redirect.
    pub(crate) fn new(method: &str, url: &str) -> Self {
        Self {
            method: method.to_owned(),
            url: url.to_owned(),
            body: None,
            content_type: None,
            headers: Vec::new(),
            max_redirects: 0,
            connection_timeout: None,
            transfer_timeout: None,
            payer: None,
        }
    }
}
