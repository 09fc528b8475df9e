//! A plugin that answers HTTP by itself.

use super::{
    Service,
    access_log::Line,
    listener::Peer,
    reply::{Body, empty, text},
    request_body::RequestBody,
};
use http::{Method, Request, Response, StatusCode, header::HOST};
use http_body_util::{BodyExt as _, Either};
use rest_client_host::{
    plugin::{DecisionError, HandlerPool},
    routing::{Decision, Protocol},
};
use std::time::Instant;

/// Has the plugin answer.
pub(super) async fn reply(
    service: &Service,
    pool: &HandlerPool,
    peer: Peer,
    mut request: Request<RequestBody>,
) -> Response<Body> {
    if request.method() == Method::CONNECT {
        return text(StatusCode::METHOD_NOT_ALLOWED, "this is no tunnel\n");
    }
    if !names_its_host(&request) {
        let what = "the request does not say for which host it is\n";
        return text(StatusCode::BAD_REQUEST, what);
    }
    let began = Instant::now();
    let line = service.access_log.as_ref();
    let line = line.map(|log| (log, Line::of_http(pool.name(), &request, peer)));
    let spans = service.spans.as_ref();
    let answering = spans.map(|it| it.begin_answer(&mut request));
    let replied = pool.handle(request).await;
    // The body may take longer.
    let elapsed = began.elapsed();
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
    if let Some((log, line)) = line {
        let line = line.answered(reply.status(), failed, elapsed);
        if !log.write(line) {
            service.metrics.lost_line();
        }
    }
    reply
}

/// Whether a request says for which host it is: in its target, or once in its field. A
/// plugin is told the first of these (RFC 9112, section 3.2.2), and sees no field `host`.
fn names_its_host(request: &Request<RequestBody>) -> bool {
    let mut fields = request.headers().get_all(HOST).into_iter();
    match (request.uri().authority(), fields.next(), fields.next()) {
        (Some(_), ..) => true,
        (None, Some(host), None) => host.to_str().is_ok(),
        _ => false,
    }
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
