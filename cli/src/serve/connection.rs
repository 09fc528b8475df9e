//! HTTP on a connection: HTTP/1.1, or HTTP/2 without being asked (h2c).

use super::reply::Body;
use http::{Request, Response};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulConnection},
};
use std::{convert::Infallible, error::Error, time::Duration};
use tokio::io::{AsyncRead, AsyncWrite};

/// How long a proxy may take for the head of a request, which begins where the one before it
/// ends. Longer than nginx (60 s), Traefik (90 s) and Caddy (2 min) keep a connection without
/// use: where it is we who close it, a request that comes in that moment is lost, and with it
/// a decision.
const HEAD_TIMEOUT: Duration = Duration::from_secs(150);

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
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(LONGEST_HEAD as usize);
    server
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(LONGEST_HEAD)
        .keep_alive_interval(PING_INTERVAL);
    let service = service_fn(move |request| {
        let replied = reply(request);
        async { Ok::<_, Infallible>(replied.await) }
    });
    server
        .serve_connection(TokioIo::new(stream), service)
        .into_owned()
}
