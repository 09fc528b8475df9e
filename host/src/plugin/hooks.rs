//! Rules for the resources of `wasi:http` that plugins have.

use wasmtime_wasi_http::{Error as WasiError, RequestOptions, WasiBody, WasiHttpHooks};

/// Bytes of a body that a plugin hands over at a time. Two such pieces wait at most.
const CHUNK: usize = 64 * 1024;

/// wasmtime's own, but that nothing is sent. The hooks of the sandbox are not
/// for plugins: those let a guest that is ours write a body in one piece.
pub(super) struct Hooks;

type Sent = Result<(http::Response<WasiBody>, IoDone), WasiError>;
type IoDone = Box<dyn Future<Output = Result<(), WasiError>> + Send>;

impl WasiHttpHooks for Hooks {
    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        CHUNK
    }

    fn p3_outgoing_body_chunk_size(&mut self) -> usize {
        CHUNK
    }

    /// Whoever asks with this one would not count to the cap.
    fn send_request(
        &mut self,
        _: http::Request<WasiBody>,
        _: Option<RequestOptions>,
        _: IoDone,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        Box::new(async { Err(WasiError::HttpRequestDenied) })
    }
}
