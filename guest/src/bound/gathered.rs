//! A reply whose body was gathered, or as much of it as arrived.

use super::{stop::Stop, types::ErrorCode};
use crate::{
    body::Body,
    error::{Partial, RestError},
    response::Response,
};

/// What came of reading the `body` of a reply: `read`, which `explain` has words for.
pub(super) fn gathered(
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    body: Body,
    read: Result<(), Stop>,
    explain: impl FnOnce(Stop, Partial) -> RestError,
) -> Result<Response, RestError> {
    let is_cut = body.is_cut();
    let body = body.into_bytes();
    let stop = match read {
        Ok(()) if is_cut => ErrorCode::HttpResponseIncomplete.into(),
        Ok(()) => {
            return Ok(Response {
                status,
                headers,
                body,
            });
        }
        Err(stop) => stop,
    };
    let partial = Partial {
        status,
        headers,
        body,
    };
    Err(explain(stop, partial))
}
