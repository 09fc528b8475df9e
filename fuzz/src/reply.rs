//! What a server sends is a whole reply by its own framing, or an error; it has an end,
//! and no more of it is kept than was allowed.

use crate::chunked;
use arbitrary::Unstructured;
use http::{Method, Response};
use rest_client_host::{Config, fuzzing::InMemory};
use std::{
    io,
    pin::Pin,
    sync::LazyLock,
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    runtime::{Builder, Runtime},
};

const MAX_BODY: usize = 16 << 10;

static TRANSPORT: LazyLock<(Runtime, InMemory)> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_all().build();
    let mut config = Config::default();
    config.max_transfer_size = MAX_BODY as u64;
    let transport = InMemory::new(&config).expect("the configuration is sound");
    (runtime.expect("there is a runtime"), transport)
});

/// Takes the version and the method, the size of the pieces that come at a time, and
/// all that a server says until it closes the connection.
pub fn check(input: &[u8]) {
    let mut choices = Unstructured::new(input);
    let (Ok(kind), Ok(piece)) = (choices.arbitrary::<u8>(), choices.arbitrary::<u8>()) else {
        return;
    };
    let http2 = kind & 1 == 1;
    let method = match kind & 2 {
        0 => Method::GET,
        _ => Method::HEAD,
    };
    let said = choices.take_rest();
    let stream = Server {
        left: said.to_vec(),
        piece: match piece {
            0 => usize::MAX,
            size => size.into(),
        },
        is_slow: kind & 4 != 0,
        has_paused: false,
    };
    let (runtime, transport) = &*TRANSPORT;
    let reply = runtime.block_on(transport.ask(stream, http2, method.clone()));
    match reply {
        Ok(reply) => {
            assert!(reply.body().len() <= MAX_BODY);
            if !http2 {
                assert_whole(&reply, said, &method);
            }
        }
        Err(sentence) => assert!(sentence.len() > 10, "{sentence:?}"),
    }
}

/// Holds a reply of HTTP/1 against what was said (RFC 9112, section 6.3).
fn assert_whole(reply: &Response<bytes::Bytes>, mut said: &[u8], method: &Method) {
    loop {
        let mut fields = [httparse::EMPTY_HEADER; 256];
        let mut head = httparse::Response::new(&mut fields);
        let parsed = httparse::ParserConfig::default()
            .allow_obsolete_multiline_headers_in_responses(true)
            .parse_response(&mut head, said);
        let Ok(httparse::Status::Complete(length)) = parsed else {
            panic!("a reply without a head: {said:?}");
        };
        said = &said[length..];
        let status = head.code.expect("a complete head has a status");
        if (100..200).contains(&status) && status != 101 {
            continue;
        }
        assert_eq!(reply.status().as_u16(), status);
        let values = |name: &str| {
            let named = head
                .headers
                .iter()
                .filter(|it| it.name.eq_ignore_ascii_case(name));
            named.map(|field| field.value).collect::<Vec<_>>()
        };
        let body = &reply.body()[..];
        if *method == Method::HEAD || matches!(status, 204 | 304) {
            return assert_eq!(body, b"", "a body where there is none");
        }
        if !values("transfer-encoding").is_empty() {
            let whole = chunked::read(said).expect("a whole reply ends with its last chunk");
            return assert_eq!(body, whole);
        }
        let lengths = values("content-length");
        let Some(first) = lengths.first() else {
            // To the end of the connection.
            return assert_eq!(body, said);
        };
        // Some write it more than once, which is right if it is the same.
        let first = first.split(|byte| *byte == b',').next().unwrap_or_default();
        let length = std::str::from_utf8(first).expect("a length is a number");
        let length: usize = length.trim().parse().expect("a length is a number");
        return assert_eq!(Some(body), said.get(..length), "{lengths:?}");
    }
}

/// Says what it has to say in pieces, and takes what it is told.
struct Server {
    left: Vec<u8>,
    piece: usize,
    /// There is nothing to read at every other look.
    is_slow: bool,
    has_paused: bool,
}

impl AsyncRead for Server {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_slow && !self.has_paused {
            self.has_paused = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.has_paused = false;
        let size = self.piece.min(self.left.len()).min(buffer.remaining());
        buffer.put_slice(&self.left[..size]);
        self.left.drain(..size);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Server {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
