//! HTTP on a connection: HTTP/1.1, or HTTP/2 without being asked (h2c).

use super::{
    reply::Body,
    request_body::RequestBody,
    timeouts::{FirstRequest, Timed, Timeouts},
};
use http::{Request, Response};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulConnection},
};
use std::{convert::Infallible, error::Error, time::Duration};
use tokio::io::{AsyncRead, AsyncWrite};

/// On what a connection is served.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    pub(super) timeouts: Timeouts,
    /// HTTP/2, too.
    pub(super) http2: bool,
}

/// Those of a proxy. Unused it stays longer than nginx (60 s), Traefik (90 s) and
/// Caddy (2 min) keep it, and Envoy as it is configured here: where it is we who close it, a
/// request that comes in that moment is lost, and with it a decision. A proxy that does not
/// buffer takes a reply as slowly as its client does.
pub(super) const OF_PROXIES: Terms = Terms {
    timeouts: Timeouts {
        idle: Duration::from_secs(150),
        head: Duration::from_secs(10),
    },
    http2: true,
};

/// How often the other end of HTTP/2 is asked whether it is there.
const PING_INTERVAL: Duration = Duration::from_secs(10);

/// Bytes of a head.
const LONGEST_HEAD: u32 = 64 * 1024;

/// Has `reply` answer each request on `stream`.
pub(super) fn connection<S, F>(
    stream: S,
    Terms { timeouts, http2 }: Terms,
    reply: impl Fn(Request<RequestBody>) -> F + Send + Sync + 'static,
) -> impl GracefulConnection<Error = Box<dyn Error + Send + Sync>> + Send + 'static
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let mut server = auto::Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        // From the end of a reply on. The first head is held to its time by the stream.
        .header_read_timeout(timeouts.idle)
        .max_buf_size(LONGEST_HEAD as usize);
    server
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(LONGEST_HEAD)
        .keep_alive_interval(PING_INTERVAL);
    if !http2 {
        server = server.http1_only();
    }
    let first = FirstRequest::default();
    let stream = Timed::new(stream, timeouts, first.clone());
    let service = service_fn(move |request: Request<Incoming>| {
        first.has_come();
        let (request, end) = RequestBody::of(request);
        let replied = reply(request);
        async move {
            let mut reply = replied.await;
            end.announce(&mut reply).await;
            Ok::<_, Infallible>(reply)
        }
    });
    server
        .serve_connection(TokioIo::new(stream), service)
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::reply::text;
    use http::StatusCode;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
        task::JoinHandle,
        time::{sleep, timeout},
    };

    const SHORT: Duration = Duration::from_millis(200);
    /// Far less than what hyper would wait by itself.
    const FAR_MORE: Duration = Duration::from_secs(8);
    const LONG: Duration = Duration::from_secs(600);

    fn connected(timeouts: Timeouts) -> (DuplexStream, JoinHandle<()>) {
        let (ours, theirs) = duplex(1024);
        let terms = Terms {
            timeouts,
            http2: true,
        };
        let connection = connection(theirs, terms, |_| async {
            text(StatusCode::OK, "a".repeat(500))
        });
        let ended = tokio::spawn(async { drop(connection.await) });
        (ours, ended)
    }

    async fn ends(connection: JoinHandle<()>) {
        timeout(FAR_MORE, connection).await.unwrap().unwrap();
    }

    #[test]
    fn proxies_are_the_first_to_close_a_connection() {
        let kept_by_caddy = Duration::from_secs(120);
        assert!(OF_PROXIES.timeouts.idle > kept_by_caddy);
    }

    #[tokio::test]
    async fn a_connection_ends_that_is_not_used_again() {
        let (mut ours, connection) = connected(Timeouts {
            idle: SHORT,
            head: LONG,
        });
        ours.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            .await
            .unwrap();
        ours.read_exact(&mut [0; 500]).await.unwrap();
        ends(connection).await;
    }

    #[tokio::test]
    async fn a_connection_ends_where_nobody_takes_its_replies() {
        for request in [&b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"[..], PING] {
            let (ours, connection) = connected(Timeouts {
                idle: SHORT,
                head: LONG,
            });
            let (unread, mut ours) = tokio::io::split(ours);
            if request == PING {
                ours.write_all(BEGINNING_OF_HTTP2).await.unwrap();
            }
            // It takes nothing any more when it can't say anything.
            let more = async { while ours.write_all(request).await.is_ok() {} };
            let _ = timeout(FAR_MORE, more).await;
            ends(connection).await;
            drop(unread);
        }
    }

    #[tokio::test]
    async fn a_reply_may_be_as_slow_as_its_plugin() {
        let (mut ours, theirs) = duplex(1024);
        let terms = Terms {
            timeouts: Timeouts {
                idle: SHORT,
                head: SHORT,
            },
            http2: false,
        };
        let connection = connection(theirs, terms, |_| async {
            sleep(4 * SHORT).await;
            text(StatusCode::OK, "late\n")
        });
        tokio::spawn(connection);
        ours.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            .await
            .unwrap();
        let mut reply = String::new();
        ours.read_to_string(&mut reply).await.unwrap();
        assert!(reply.ends_with("late\n"), "{reply}");
    }

    /// The preface, and settings that change nothing (RFC 9113, section 6.5).
    const BEGINNING_OF_HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    /// A frame that wants an answer (section 6.7).
    const PING: &[u8] = b"\0\0\x08\x06\0\0\0\0\0whatever";
}
