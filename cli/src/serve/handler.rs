//! A plugin that answers HTTP by itself.

use super::{
    Service,
    access_log::Line,
    listener::Peer,
    reply::{Body, empty, text},
    request_body::RequestBody,
    underway::Underway,
};
use http::{Method, Request, Response, StatusCode, header::HOST, uri::Authority};
use http_body_util::{BodyExt as _, Either};
use rest_client_host::{
    plugin::{DecisionError, HandlerPool},
    routing::{Decision, Protocol},
};

/// Has the plugin answer.
pub(super) async fn reply(
    service: &Service,
    pool: &HandlerPool,
    peer: Peer,
    mut request: Request<RequestBody>,
) -> Response<Body> {
    if request.method() == Method::CONNECT {
        return text(StatusCode::METHOD_NOT_ALLOWED, "CONNECT is not supported\n");
    }
    if !names_its_host(&request) {
        let what = "the request names no host\n";
        return text(StatusCode::BAD_REQUEST, what);
    }
    let mut underway = Underway::begin(service, || Line::of_http(pool.name(), &request, peer));
    let spans = service.spans.as_ref();
    let answering = spans.map(|it| it.begin_answer(&mut request));
    let replied = pool.handle(request).await;
    // The body may take longer.
    let elapsed = underway.end();
    let failed = replied.as_ref().err().map(DecisionError::kind);
    service.metrics.answered(failed, elapsed);
    if let Some(answering) = answering {
        answering.end_answer(match &replied {
            Ok(reply) => Ok(reply.status()),
            Err(error) => Err(error.kind()),
        });
    }
    let reply = match replied {
        Ok(reply) => {
            let metrics = service.metrics.clone();
            reply.map(|body| {
                let body = body.map_err(move |error| {
                    metrics.broke_off(error.kind());
                    error
                });
                Either::Right(body.boxed_unsync())
            })
        }
        Err(_) => on_failure(service),
    };
    underway.write(|line| line.answered(reply.status(), failed, elapsed));
    reply
}

/// Whether a request says for which host it is: in its target, or in its field, of which there
/// is one at most. A plugin is told the first of these (RFC 9112, section 3.2.2), and sees no
/// field `host`.
fn names_its_host(request: &Request<RequestBody>) -> bool {
    let mut fields = request.headers().get_all(HOST).into_iter();
    match (request.uri().authority(), fields.next(), fields.next()) {
        (_, _, Some(_)) => false,
        (Some(authority), ..) => is_host(authority),
        (None, Some(host), None) => {
            Authority::try_from(host.as_bytes()).is_ok_and(|it| is_host(&it))
        }
        (None, None, None) => false,
    }
}

/// Whether it is a host with its port, if it has one, and nothing else (RFC 9110, section 7.2).
fn is_host(authority: &Authority) -> bool {
    !authority.host().is_empty() && !authority.as_str().contains('@')
}

fn on_failure(service: &Service) -> Response<Body> {
    let Decision::Answer(answer) = service.on_failure(Protocol::Http) else {
        unreachable!("open is refused where a version is loaded")
    };
    let status = StatusCode::from_u16(answer.code).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    match answer.reason {
        Some(reason) => text(status, reason + "\n"),
        None => empty(status),
    }
}
