//! `transfers`, `polling` and `open-replies` of the WIT package, for plugins.

use super::{
    bindings::rest::client::{open_replies, polling, transfers, types as wit},
    call::PluginCall,
    context::PluginCtx,
    convert,
    transfer::Transfer,
};
use std::{future::poll_fn, task::Poll};
use wasmtime::component::Resource;
use wasmtime_wasi::p2::{DynPollable, subscribe};
use wasmtime_wasi_http::p2::types::HostIncomingResponse;

impl transfers::Host for PluginCtx {
    async fn wait(&mut self, transfers: Vec<Resource<Transfer>>) -> wasmtime::Result<Vec<u32>> {
        if transfers.is_empty() {
            return Ok(Vec::new());
        }
        if let Some(played) = self.tape_that_plays() {
            for transfer in &transfers {
                self.table().get(transfer)?;
            }
            return Ok(played.are_ready(transfers.len(), false));
        }
        let ready = self.wait_for_some(&transfers).await?;
        self.take_down_readiness(&ready);
        Ok(ready)
    }

    async fn start_get(
        &mut self,
        url: String,
        options: Option<wit::RequestOptions>,
    ) -> wasmtime::Result<Resource<Transfer>> {
        self.start(PluginCall::new("GET", url, None, None, options))
            .await
    }

    async fn start_post(
        &mut self,
        url: String,
        body: Vec<u8>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> wasmtime::Result<Resource<Transfer>> {
        self.start(PluginCall::new(
            "POST",
            url,
            Some(body),
            content_type,
            options,
        ))
        .await
    }

    async fn start_put(
        &mut self,
        url: String,
        body: Vec<u8>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> wasmtime::Result<Resource<Transfer>> {
        self.start(PluginCall::new(
            "PUT",
            url,
            Some(body),
            content_type,
            options,
        ))
        .await
    }

    async fn start_request(
        &mut self,
        method: String,
        url: String,
        body: Option<Vec<u8>>,
        content_type: Option<String>,
        options: Option<wit::RequestOptions>,
    ) -> wasmtime::Result<Resource<Transfer>> {
        self.start(PluginCall::new(method, url, body, content_type, options))
            .await
    }
}

impl transfers::HostTransfer for PluginCtx {
    async fn ready(&mut self, transfer: Resource<Transfer>) -> wasmtime::Result<bool> {
        if let Some(played) = self.tape_that_plays() {
            self.table().get(&transfer)?;
            return Ok(!played.are_ready(1, true).is_empty());
        }
        let is_ready = self.table().get_mut(&transfer)?.look();
        self.take_down_readiness(if is_ready { &[0] } else { &[] });
        Ok(is_ready)
    }

    async fn finish(
        &mut self,
        transfer: Resource<Transfer>,
    ) -> wasmtime::Result<Result<wit::Response, wit::RestError>> {
        let outcome = self.table().delete(transfer)?.end().await?;
        Ok(convert::result(outcome))
    }

    async fn drop(&mut self, transfer: Resource<Transfer>) -> wasmtime::Result<()> {
        self.table().delete(transfer)?;
        Ok(())
    }
}

impl polling::Host for PluginCtx {
    async fn subscribe(
        &mut self,
        transfer: Resource<Transfer>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(self.table(), transfer)
    }
}

impl open_replies::Host for PluginCtx {
    async fn finish_open(
        &mut self,
        transfer: Resource<Transfer>,
    ) -> wasmtime::Result<Result<Resource<HostIncomingResponse>, wit::RestError>> {
        match self.table().delete(transfer)?.end().await? {
            Ok(reply) => Ok(Ok(self.table().push(convert::incoming(reply))?)),
            Err(error) => Ok(Err(convert::error(error))),
        }
    }
}

impl PluginCtx {
    /// Waits until one of `transfers` is ready, and says which are, by their places.
    async fn wait_for_some(
        &mut self,
        transfers: &[Resource<Transfer>],
    ) -> wasmtime::Result<Vec<u32>> {
        poll_fn(|cx| {
            let mut ready = Vec::new();
            for (place, transfer) in (0..).zip(transfers) {
                if self.table().get_mut(transfer)?.poll_ready(cx).is_ready() {
                    ready.push(place);
                }
            }
            match ready.is_empty() {
                true => Poll::Pending,
                false => Poll::Ready(Ok(ready)),
            }
        })
        .await
    }
}
