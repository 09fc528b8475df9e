//! Replies, and the bodies of requests.

use super::request_body::RequestBody;
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::{
    BodyExt as _, Either, Full, LengthLimitError, Limited, combinators::UnsyncBoxBody,
};
use rest_client_host::plugin::DecisionError;
use std::time::Duration;
use tokio::time::timeout;

/// Of this program, or of a plugin.
pub(super) type Body = Either<Full<Bytes>, UnsyncBoxBody<Bytes, DecisionError>>;

/// How long a body may take. Whoever asks is nearby.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A reply of plain text.
pub(super) fn text(status: StatusCode, text: impl Into<String>) -> Response<Body> {
    typed(status, "text/plain; charset=utf-8", text.into())
}

/// A reply of JSON.
pub(super) fn json(status: StatusCode, json: String) -> Response<Body> {
    typed(status, "application/json", json)
}

/// A reply without a body.
pub(super) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = whole(Bytes::new());
    *response.status_mut() = status;
    response
}

/// A reply of this program.
pub(super) fn whole(body: impl Into<Full<Bytes>>) -> Response<Body> {
    Response::new(Either::Left(body.into()))
}

fn typed(status: StatusCode, content_type: &'static str, body: String) -> Response<Body> {
    let mut response = whole(body);
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

/// The body of a request, of at most so many bytes.
///
/// # Errors
///
/// The status and the words of the reply to that request.
pub(super) async fn body(
    mut incoming: RequestBody,
    most: usize,
) -> Result<Bytes, (StatusCode, String)> {
    let collected = timeout(BODY_TIMEOUT, Limited::new(&mut incoming, most).collect()).await;
    match collected {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err((
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body has more than {most} bytes"),
        )),
        Ok(Err(error)) => Err((
            StatusCode::BAD_REQUEST,
            format!("the body broke off: {error}"),
        )),
        Err(_) => {
            incoming.ignore();
            Err((
                StatusCode::REQUEST_TIMEOUT,
                format!("the body took longer than {BODY_TIMEOUT:?}"),
            ))
        }
    }
}
