//! What the errors of the kernel, of rustls and of hyper mean for a transfer, in
//! words that say what to do.

use super::{descriptors, tls};
use crate::call::failure::{Cause, Failure};
use std::{error::Error, io};

/// No address of a host could be connected to; `error` is the last one's.
pub(super) fn dialing(error: io::Error, addresses: usize) -> Failure {
    let of_all = if addresses > 1 {
        format!(" (the last of {addresses} addresses)")
    } else {
        String::new()
    };
    let (cause, what) = match error.kind() {
        io::ErrorKind::ConnectionRefused => (
            Cause::Refused,
            format!("the connection was refused, nothing listens on this port{of_all}"),
        ),
        io::ErrorKind::TimedOut => (
            Cause::ConnectionTimeout,
            format!("the system gave up connecting{of_all}"),
        ),
        _ => (
            Cause::Refused,
            format!("the host can't be reached: {error}{of_all}"),
        ),
    };
    Failure::new(cause, what).because(error)
}

/// A socket of this machine could not be connected to.
pub(super) fn of_socket(error: io::Error) -> Failure {
    if let Some(failure) = descriptors::exhausted(&error) {
        return failure;
    }
    let what = match error.kind() {
        io::ErrorKind::NotFound => "there is no such socket",
        io::ErrorKind::PermissionDenied => "this program may not use the socket",
        io::ErrorKind::ConnectionRefused => "nothing listens at the socket",
        _ => return dialing(error, 1),
    };
    Failure::new(Cause::Refused, what).because(error)
}

/// The handshake of TLS failed, or what came after it.
pub(super) fn securing(error: io::Error) -> Failure {
    tls::errors::failure(&error).because(error)
}

/// The head or the body of a reply was awaited.
pub(super) fn exchanging(error: hyper::Error) -> Failure {
    exchange_failure(&error).because(error)
}

/// The same over HTTP/2, where the server has said in a GOAWAY why it ends the
/// connection, if it has.
pub(super) fn exchanging_http2(error: hyper::Error, farewell: Option<h2::Reason>) -> Failure {
    let failure = exchange_failure(&error);
    let has_reason = below::<h2::Error>(&error).is_some_and(|error| error.reason().is_some());
    let failure = match farewell {
        Some(reason) if !has_reason && failure.cause == Cause::Incomplete => http2_failure(reason),
        _ => failure,
    };
    failure.because(error)
}

/// Whether the server refused the request before it looked at it, which may then
/// be sent again whatever its method (RFC 9113, section 8.7).
pub(super) fn is_refused(error: &hyper::Error) -> bool {
    below::<h2::Error>(error)
        .is_some_and(|error| error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM))
}

/// Whether the server ended the connection before it came to the request, which
/// may then be sent again whatever its method (RFC 9113, section 6.8).
pub(super) fn is_beyond_the_last(error: &hyper::Error) -> bool {
    below::<h2::Error>(error).is_some_and(|error| {
        error.is_go_away() && error.is_remote() && error.reason() == Some(h2::Reason::NO_ERROR)
    })
}

fn exchange_failure(error: &hyper::Error) -> Failure {
    if let Some(error) = below::<h2::Error>(error)
        && let Some(reason) = error.reason()
    {
        return match error.is_remote() {
            true => http2_failure(reason),
            false => http2_fault(reason),
        };
    }
    if error.is_timeout() {
        return Failure::new(
            Cause::Incomplete,
            "the connection is dead: the server has not answered a ping",
        );
    }
    if error.is_parse_too_large() {
        return Failure::new(
            Cause::Protocol,
            "the header fields of the reply are too large",
        );
    }
    if error.is_parse() || error.is_parse_status() {
        return Failure::new(Cause::Protocol, "the reply is not HTTP");
    }
    let io = below::<io::Error>(error).or_else(|| below::<h2::Error>(error)?.get_io());
    if let Some(io) = io
        && io
            .get_ref()
            .is_some_and(|inner| inner.is::<rustls::Error>())
    {
        // With TLS 1.3 a server looks at our certificate when the handshake is
        // over for us.
        return tls::errors::failure(io);
    }
    match io.map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => Failure::new(
            Cause::Incomplete,
            "the connection was reset before the reply was complete",
        ),
        // What TCP says of a peer that acknowledges nothing.
        Some(
            io::ErrorKind::TimedOut
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable,
        ) => Failure::new(
            Cause::Incomplete,
            "the connection is dead: the server acknowledges nothing",
        ),
        Some(io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) => Failure::new(
            Cause::Protocol,
            "the body of the reply breaks the framing it announced",
        ),
        _ if error.is_incomplete_message() || error.is_closed() || error.is_canceled() => {
            Failure::new(
                Cause::Incomplete,
                "the connection was closed before a reply",
            )
        }
        Some(io::ErrorKind::UnexpectedEof) => Failure::new(
            Cause::Incomplete,
            "the connection was closed before the reply was complete",
        ),
        _ => Failure::new(Cause::Protocol, format!("the exchange failed: {error}")),
    }
}

/// What is wrong with what the other end sends.
fn http2_fault(reason: h2::Reason) -> Failure {
    let what = match reason {
        h2::Reason::ENHANCE_YOUR_CALM => "the server sends more frames than it has reason to",
        h2::Reason::CANCEL | h2::Reason::REFUSED_STREAM | h2::Reason::NO_ERROR => {
            return http2_failure(reason);
        }
        _ => "the reply breaks HTTP/2",
    };
    Failure::new(Cause::Protocol, what)
}

/// What the other end says of a stream or of the connection.
fn http2_failure(reason: h2::Reason) -> Failure {
    match reason {
        h2::Reason::HTTP_1_1_REQUIRED => Failure::new(
            Cause::Protocol,
            "the server requires HTTP/1.1 for this request; set http-version = \"1.1\"",
        ),
        h2::Reason::ENHANCE_YOUR_CALM => Failure::new(
            Cause::Protocol,
            "the server ended the exchange because of excessive load (ENHANCE_YOUR_CALM)",
        ),
        h2::Reason::REFUSED_STREAM => Failure::new(
            Cause::Incomplete,
            "the server refused the request before it looked at it (REFUSED_STREAM)",
        ),
        h2::Reason::NO_ERROR => Failure::new(
            Cause::Incomplete,
            "the server closed the connection before the reply was complete",
        ),
        h2::Reason::CANCEL | h2::Reason::INTERNAL_ERROR | h2::Reason::STREAM_CLOSED => {
            Failure::new(
                Cause::Incomplete,
                format!("the server reset the stream before the reply was complete ({reason:?})"),
            )
        }
        other => Failure::new(
            Cause::Protocol,
            format!("the exchange over HTTP/2 failed: {other:?}"),
        ),
    }
}

/// The error of this type that `error` stands on.
fn below<E: Error + 'static>(error: &hyper::Error) -> Option<&E> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        source = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::Request;
    use http_body_util::Empty;
    use hyper_util::rt::TokioIo;
    use std::{
        pin::Pin,
        task::{Context, Poll},
    };
    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, Sink, sink};

    /// Takes a request, and then fails.
    struct Failing {
        sink: Sink,
        has_taken: bool,
        kind: io::ErrorKind,
    }

    impl AsyncRead for Failing {
        fn poll_read(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            _: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            if self.has_taken {
                return Poll::Ready(Err(self.kind.into()));
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    }

    impl AsyncWrite for Failing {
        fn poll_write(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.has_taken = true;
            Pin::new(&mut self.sink).poll_write(cx, bytes)
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.sink).poll_flush(cx)
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.sink).poll_shutdown(cx)
        }
    }

    async fn exchange_that_fails(kind: io::ErrorKind) -> Failure {
        let io = TokioIo::new(Failing {
            sink: sink(),
            has_taken: false,
            kind,
        });
        let (mut sender, work) = hyper::client::conn::http1::handshake(io).await.unwrap();
        let request = Request::new(Empty::<Bytes>::new());
        let (sent, _) = tokio::join!(sender.send_request(request), work);
        exchanging(sent.unwrap_err())
    }

    /// Whoever tells these apart asks again, or elsewhere.
    #[tokio::test]
    async fn what_tcp_says_of_a_lost_peer_ends_the_connection() {
        for kind in [
            io::ErrorKind::TimedOut,
            io::ErrorKind::HostUnreachable,
            io::ErrorKind::NetworkUnreachable,
            io::ErrorKind::ConnectionReset,
        ] {
            let failure = exchange_that_fails(kind).await;
            assert_eq!(failure.cause, Cause::Incomplete, "{kind:?}");
        }
        let failure = exchange_that_fails(io::ErrorKind::OutOfMemory).await;
        assert_eq!(failure.cause, Cause::Protocol);
    }
}
