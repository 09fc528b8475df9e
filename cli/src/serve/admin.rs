//! What whoever looks after the server asks: `/healthz`, `/readyz`, `/metrics`.

use super::{
    connection::{Terms, connection},
    listener::Listener,
    reply::{Body, text},
    request_body::RequestBody,
    service::Service,
    timeouts::Timeouts,
};
use http::{HeaderValue, Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

/// Of its own, so that a flood of them takes no place of a proxy.
const MOST_CONNECTIONS: usize = 64;

/// Nothing is lost where a connection ends, as who asks here comes again. And whoever can
/// connect takes a place: no longer than this, which one of HTTP/2 would that answers pings.
const TERMS: Terms = Terms {
    timeouts: Timeouts {
        idle: Duration::from_secs(10),
        head: Duration::from_secs(10),
    },
    http2: false,
};

const METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// Answers until the program ends.
pub(super) async fn run(listener: Listener, service: Arc<Service>) {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let (stream, _, place) = listener.accept(&places).await;
        let service = service.clone();
        let connection = connection(stream, TERMS, move |request| {
            let reply = reply(&service, &request);
            async { reply }
        });
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the admin address ended");
            }
            drop(place);
        });
    }
}

fn reply(service: &Service, request: &Request<RequestBody>) -> Response<Body> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return text(StatusCode::METHOD_NOT_ALLOWED, "GET\n");
    }
    let pool = service.pool();
    match request.uri().path() {
        // The program runs: whether it is of use is the other one's.
        "/healthz" => text(StatusCode::OK, "ok\n"),
        "/readyz" => match () {
            () if service.is_ending() => text(StatusCode::SERVICE_UNAVAILABLE, "ending\n"),
            () if pool.is_set_aside() => text(
                StatusCode::SERVICE_UNAVAILABLE,
                "the plugin traps at its start\n",
            ),
            () => text(StatusCode::OK, "ready\n"),
        },
        "/metrics" => {
            let calls = pool.instance().stats();
            let metrics = service
                .metrics
                .text(&pool.stats(), &calls, pool.is_set_aside());
            let mut reply = text(StatusCode::OK, metrics);
            reply.headers_mut().insert(CONTENT_TYPE, METRICS);
            reply
        }
        _ => text(
            StatusCode::NOT_FOUND,
            "there are /healthz, /readyz and /metrics\n",
        ),
    }
}
