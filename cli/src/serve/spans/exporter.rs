//! Sends spans with a client of this project.

use bytes::Bytes;
use http::{Request, Response, header::CONTENT_LENGTH};
use opentelemetry_http::{HttpClient, HttpError};
use rest_client_host::Instance;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use tokio::runtime::Handle;

/// Who sends them, from a thread of the exporter's own.
#[derive(Debug)]
pub(super) struct Client {
    instance: Instance,
    /// Where the instance works.
    runtime: Handle,
    /// Whether the last ones could not be sent.
    is_failing: AtomicBool,
}

impl Client {
    /// To be called in a runtime.
    pub(super) fn new(instance: Instance) -> Self {
        Self {
            instance,
            runtime: Handle::current(),
            is_failing: AtomicBool::new(false),
        }
    }
}

#[wasmtime_wasi::async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let url = head.uri.to_string();
        let mut call = self.instance.rest_request(head.method.as_str(), &url);
        for (name, value) in &head.headers {
            if name != CONTENT_LENGTH {
                call = call.header(name.as_str(), value.as_bytes());
            }
        }
        let call = call.body(body.to_vec());
        let sent = self.runtime.spawn(async move { call.await }).await?;
        let was_failing = self.is_failing.swap(sent.is_err(), Relaxed);
        let reply = sent.inspect_err(|error| {
            // Once, until they can be sent again.
            if !was_failing {
                tracing::warn!("spans can't be sent: {error}");
            }
        })?;
        let mut response = Response::new(reply.body().clone());
        *response.status_mut() = reply.status();
        *response.headers_mut() = reply.headers().clone();
        Ok(response)
    }
}
