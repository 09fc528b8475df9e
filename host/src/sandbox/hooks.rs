//! The rest of what wasmtime asks of a host of `wasi:http`; requests go through
//! [`super::outgoing`].

use wasmtime_wasi_http::{Error as WasiError, RequestOptions, WasiBody, WasiHttpHooks};

/// Rules for the resources of `wasi:http`, for a guest that is ours. Plugins
/// have others.
pub(super) struct Hooks;

type Sent = Result<(http::Response<WasiBody>, IoDone), WasiError>;
type IoDone = Box<dyn Future<Output = Result<(), WasiError>> + Send>;

impl WasiHttpHooks for Hooks {
    /// Never called: `handle` is ours.
    fn send_request(
        &mut self,
        _: http::Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), WasiError>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        Box::new(async { Err(WasiError::HttpRequestDenied) })
    }

    /// A body is taken in one piece, so that a guest never waits to write it.
    /// What a guest can write is limited by its memory.
    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        u32::MAX as usize
    }
}
