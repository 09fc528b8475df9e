//! Where the sandbox meets the transport: `wasi:http` as wasmtime asks for it.
//! Glue, with no logic of its own.

use crate::{call::Call, pool::Pool, transfer::Transport};
use std::sync::Arc;
use wasmtime_wasi_http::{Error as WasiError, RequestOptions, WasiBody, WasiHttpHooks};

/// The HTTP of one instance.
pub(crate) struct Hooks {
    pub(crate) transport: Arc<Transport>,
    pub(crate) pool: Pool,
    /// The call that runs. A request belongs to the call during which it is
    /// sent.
    pub(crate) call: Option<Arc<Call>>,
}

type Sent = Result<(http::Response<WasiBody>, IoDone), WasiError>;
type IoDone = Box<dyn Future<Output = Result<(), WasiError>> + Send>;

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Box<dyn Future<Output = Result<(), WasiError>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let Some(call) = &self.call else {
            return Box::new(async {
                Err(WasiError::InternalError(Some(
                    "a request outside of every call".into(),
                )))
            });
        };
        let call = call.clone();
        // The other two of `wasi:http` never outlast transfer-timeout, which
        // is kept for every request; no guest of ours sets them.
        let connect_timeout = options.and_then(|options| options.connect_timeout);
        let transport = self.transport.clone();
        let pool = self.pool.clone();
        Box::new(async move {
            let reply = transport
                .transfer(&pool, call, request, connect_timeout)
                .await?;
            // The connection runs in a task of its own, which outlives this
            // reply when it is kept.
            Ok((reply, Box::new(async { Ok(()) }) as IoDone))
        })
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        1024 * 1024
    }
}
