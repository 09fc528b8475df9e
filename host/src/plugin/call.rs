//! A call that a plugin makes.

use super::bindings::rest::client::types as wit;
use crate::{instance::Instance, request::Request};
use std::time::Duration;

/// What a plugin asks for.
pub(super) struct PluginCall {
    method: String,
    url: String,
    body: Option<Vec<u8>>,
    content_type: Option<String>,
    options: Option<wit::RequestOptions>,
}

impl PluginCall {
    /// The arguments of `rest-get` and its kin.
    pub(super) fn new(
        method: impl Into<String>,
        url: String,
        body: Option<Vec<u8>>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> Self {
        Self {
            method: method.into(),
            url,
            body,
            content_type,
            options,
        }
    }

    pub(super) fn request(self, instance: &Instance) -> Request {
        let mut request = instance.rest_request(&self.method, &self.url);
        if let Some(body) = self.body {
            request = request.body(body);
        }
        if let Some(content_type) = self.content_type {
            request = request.content_type(content_type);
        }
        let Some(options) = self.options else {
            return request;
        };
        for (name, value) in options.headers {
            request = request.header(name, value);
        }
        if let Some(timeout) = options.connection_timeout {
            request = request.connection_timeout(Duration::from_millis(timeout));
        }
        if let Some(timeout) = options.transfer_timeout {
            request = request.transfer_timeout(Duration::from_millis(timeout));
        }
        request.max_redirects(options.max_redirects.unwrap_or(0))
    }
}
