//! What a plugin that answers HTTP says of a request.

use http::Response;
use wasmtime_wasi_http::WasiBody;

/// An error is one of `wasi:http`, in words.
pub(super) type Answer = Result<Response<WasiBody>, String>;
