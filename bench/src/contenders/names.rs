//! What the contenders are called.

pub(crate) const NATIVE: &str = "native hyper-util";
pub(crate) const REQWEST: &str = "reqwest";
pub(crate) const LIBCURL: &str = "libcurl multi";
pub(crate) const DEFAULT: &str = "default_send_request";
pub(crate) const OURS: &str = "rest-client";
pub(crate) const FRESH: &str = "rest-client, fresh instances";
