//! `rest` of the WIT package, for plugins.

use super::{
    bindings::rest::client::{rest, types as wit},
    call::PluginCall,
    context::PluginCtx,
    escape,
};

/// Bytes that the code of one byte takes, at most.
const MOST_FOR_ONE: usize = 3;

impl wit::Host for PluginCtx {}

impl rest::Host for PluginCtx {
    async fn rest_get(
        &mut self,
        url: String,
        options: Option<wit::RequestOptions>,
    ) -> wasmtime::Result<Result<wit::Response, wit::RestError>> {
        self.call(PluginCall::new("GET", url, None, None, options))
            .await
    }

    async fn rest_post(
        &mut self,
        url: String,
        body: Vec<u8>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> wasmtime::Result<Result<wit::Response, wit::RestError>> {
        self.call(PluginCall::new(
            "POST",
            url,
            Some(body),
            content_type,
            options,
        ))
        .await
    }

    async fn rest_put(
        &mut self,
        url: String,
        body: Vec<u8>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> wasmtime::Result<Result<wit::Response, wit::RestError>> {
        self.call(PluginCall::new(
            "PUT",
            url,
            Some(body),
            content_type,
            options,
        ))
        .await
    }

    async fn rest_request(
        &mut self,
        method: String,
        url: String,
        body: Option<Vec<u8>>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> wasmtime::Result<Result<wit::Response, wit::RestError>> {
        let call = PluginCall::new(method, url, body, content_type, options);
        self.call(call).await
    }

    async fn rest_escape(&mut self, text: String) -> wasmtime::Result<String> {
        self.escape(&text)
    }

    async fn rest_unescape(&mut self, text: String) -> wasmtime::Result<Result<String, String>> {
        Ok(self.unescape(&text))
    }
}

impl PluginCtx {
    /// `rest-escape`.
    ///
    /// # Errors
    ///
    /// It is over the budget. There is no error to return: it ends its plugin.
    pub(super) fn escape(&self, text: &str) -> wasmtime::Result<String> {
        let _charge = self.charge(text.len().saturating_mul(MOST_FOR_ONE + 1))?;
        Ok(escape::escape(text))
    }

    /// `rest-unescape`.
    pub(super) fn unescape(&self, text: &str) -> Result<String, String> {
        let charge = self.charge(text.len().saturating_mul(2));
        match charge {
            Ok(_charge) => escape::unescape(text),
            Err(over) => Err(over.to_string()),
        }
    }
}
