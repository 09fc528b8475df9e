//! What wasmtime-wasi-http does by default: it opens a connection for each
//! request.

use super::{contender::Contender, names};
use crate::{
    load::{Load, Over, drive},
    runtime,
};
use anyhow::{Result, anyhow};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use std::time::Duration;
use tokio::runtime::Runtime;
use wasmtime_wasi_http::{Error, default_send_request};

pub(super) struct DefaultSend {
    runtime: Runtime,
}

impl DefaultSend {
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            runtime: runtime::single_threaded()?,
        })
    }
}

impl Contender for DefaultSend {
    fn name(&self) -> &'static str {
        names::DEFAULT
    }

    /// It trusts only Mozilla's roots, and so not the server's certificate.
    fn speaks(&self, over: Over) -> bool {
        over == Over::Http
    }

    fn run(&mut self, load: Load<'_>) -> Result<Duration> {
        let uri: http::Uri = load.url.parse()?;
        self.runtime.block_on(drive(load, || async {
            let body = Empty::<Bytes>::new().map_err(|never| -> Error { match never {} });
            let request = http::Request::get(uri.clone()).body(body)?;
            let failed = |error: Error| anyhow!("{error:?}");
            let (reply, work) = default_send_request(request, None).await.map_err(failed)?;
            let work = tokio::spawn(work);
            let body = reply.into_body().collect().await.map_err(failed)?;
            work.abort();
            Ok(body.to_bytes().len())
        }))
    }
}
