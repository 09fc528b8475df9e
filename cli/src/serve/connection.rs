//! HTTP on a connection: HTTP/1.1, or HTTP/2 without being asked (h2c).

use super::{
    reply::Body,
    timeouts::{LastPart, Requests, Timed, Timeouts},
};
use http::{Request, Response};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulConnection},
};
use std::{convert::Infallible, error::Error, time::Duration};
use tokio::io::{AsyncRead, AsyncWrite};

/// A connection that is not used stays longer than nginx (60 s), Traefik (90 s) and Caddy (2 min)
/// keep it: where it is we who close it, a request that comes in that moment is lost, and with
/// it a decision.
const TIMEOUTS: Timeouts = Timeouts {
    unused: Duration::from_secs(150),
    head: Duration::from_secs(10),
};

/// How often the other end of HTTP/2 is asked whether it is there.
const PING_INTERVAL: Duration = Duration::from_secs(10);

/// Bytes of a head.
const LONGEST_HEAD: u32 = 64 * 1024;

/// Has `reply` answer each request on `stream`.
pub(super) fn connection<S, F>(
    stream: S,
    reply: impl Fn(Request<Incoming>) -> F + Send + Sync + 'static,
) -> impl GracefulConnection<Error = Box<dyn Error + Send + Sync>> + Send + 'static
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let mut server = auto::Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        // From the end of a reply on. A head that has begun is held to its time by the stream.
        .header_read_timeout(TIMEOUTS.unused)
        .max_buf_size(LONGEST_HEAD as usize);
    server
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(LONGEST_HEAD)
        .keep_alive_interval(PING_INTERVAL);
    let requests = Requests::default();
    let stream = Timed::new(stream, TIMEOUTS, requests.clone());
    let service = service_fn(move |request| {
        let replying = requests.begin();
        let replied = reply(request);
        async {
            let reply = replied.await;
            Ok::<_, Infallible>(reply.map(|body| LastPart::new(body, replying)))
        }
    });
    server
        .serve_connection(TokioIo::new(stream), service)
        .into_owned()
}
