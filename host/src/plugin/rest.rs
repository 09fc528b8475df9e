//! `rest` of the WIT package, for plugins.

use super::{
    bindings::rest::client::{rest, types as wit},
    call::PluginCall,
    context::PluginCtx,
};
use crate::call::percent_coding::PercentCoding;

impl wit::Host for PluginCtx {}

impl rest::Host for PluginCtx {
    async fn rest_get(
        &mut self,
        url: String,
        options: Option<wit::RequestOptions>,
    ) -> wasmtime::Result<Result<wit::Response, wit::RestError>> {
        Ok(self
            .call(PluginCall::new("GET", url, None, None, options))
            .await)
    }

    async fn rest_post(
        &mut self,
        url: String,
        body: Vec<u8>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> wasmtime::Result<Result<wit::Response, wit::RestError>> {
        Ok(self
            .call(PluginCall::new(
                "POST",
                url,
                Some(body),
                content_type,
                options,
            ))
            .await)
    }

    async fn rest_put(
        &mut self,
        url: String,
        body: Vec<u8>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> wasmtime::Result<Result<wit::Response, wit::RestError>> {
        Ok(self
            .call(PluginCall::new(
                "PUT",
                url,
                Some(body),
                content_type,
                options,
            ))
            .await)
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
        Ok(self.call(call).await)
    }

    async fn rest_escape(&mut self, text: String) -> wasmtime::Result<String> {
        let escaped = self
            .instance()
            .percent_code(PercentCoding::Escape, text)
            .await?;
        escaped.map_err(wasmtime::Error::msg)
    }

    async fn rest_unescape(&mut self, text: String) -> wasmtime::Result<Result<String, String>> {
        Ok(self
            .instance()
            .percent_code(PercentCoding::Unescape, text)
            .await?)
    }
}
