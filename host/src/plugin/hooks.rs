//! Rules for the resources of `wasi:http` that plugins have.

use wasmtime_wasi_http::{Error as WasiError, RequestOptions, WasiBody, WasiHttpHooks};

/// wasmtime's own, but that nothing is sent. The hooks of the sandbox are not
/// for plugins: those let a guest that is ours write a body in one piece.
pub(super) struct Hooks;

type Sent = Result<(http::Response<WasiBody>, IoDone), WasiError>;
type IoDone = Box<dyn Future<Output = Result<(), WasiError>> + Send>;

impl WasiHttpHooks for Hooks {
    /// Never called: no handler is linked for plugins.
    fn send_request(
        &mut self,
        _: http::Request<WasiBody>,
        _: Option<RequestOptions>,
        _: IoDone,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        Box::new(async { Err(WasiError::HttpRequestDenied) })
    }
}
