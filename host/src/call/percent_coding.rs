//! Percent-coding (RFC 3986, section 2.1), which the guest does for its callers.

/// Which way a text goes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum PercentCoding {
    /// `rest-escape` of the WIT package.
    Escape,
    /// `rest-unescape`.
    Unescape,
}
