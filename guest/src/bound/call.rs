//! What a caller of the component asks for.

use super::{configured, wit};
use crate::{
    config::{Deadlines, Settings},
    error::RestError,
    request::{self, Request},
};
use std::time::Duration;

/// A call, by the parameters that are in force.
pub(super) struct Call {
    /// An error if it can't be sent.
    pub(super) request: Result<Request, RestError>,
    pub(super) deadlines: Deadlines,
    pub(super) settings: Settings,
    pub(super) max_redirects: u32,
}

impl Call {
    /// The arguments of `rest-request`.
    pub(super) fn new(
        method: String,
        url: String,
        body: Option<Vec<u8>>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> Self {
        let options = options.unwrap_or_else(|| wit::RequestOptions {
            headers: Vec::new(),
            connection_timeout: None,
            transfer_timeout: None,
            max_redirects: None,
        });
        let settings = configured::settings();
        Self {
            deadlines: settings.deadlines(
                options.connection_timeout.map(Duration::from_millis),
                options.transfer_timeout.map(Duration::from_millis),
            ),
            settings,
            max_redirects: options.max_redirects.unwrap_or(0),
            request: Request::prepare(request::Call {
                method,
                url,
                body,
                content_type,
                headers: options.headers,
            }),
        }
    }
}
