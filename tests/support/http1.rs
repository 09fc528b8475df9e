//! Requests of HTTP/1, read from a socket.

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _};

/// The most header fields that a head may have.
const MAX_FIELDS: usize = 100;

/// The head of a request.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    /// The whole head, as it came.
    pub(crate) text: String,
    /// As in the request line.
    pub(crate) method: String,
    /// As in the request line.
    pub(crate) target: String,
    /// As in the request line: `HTTP/1.1`.
    pub(crate) version: String,
    /// In their order, with the names in the case in which they came.
    pub(crate) headers: Vec<(String, String)>,
}

/// All values of a header field, in their order.
pub(crate) fn values<'a>(headers: &'a [(String, String)], name: &str) -> Vec<&'a str> {
    headers
        .iter()
        .filter(|(candidate, _)| candidate.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
        .collect()
}

/// Reads the head of the next request. `None` if the client closes the
/// connection first, or sends something else.
pub(crate) async fn read_head(stream: &mut (impl AsyncBufRead + Unpin)) -> Option<Head> {
    let mut bytes = Vec::new();
    loop {
        read_line(stream, &mut bytes).await?;
        let mut headers = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut request = httparse::Request::new(&mut headers);
        if request.parse(&bytes).ok()?.is_partial() {
            continue;
        }
        return Some(Head {
            method: request.method?.to_owned(),
            target: request.path?.to_owned(),
            version: format!("HTTP/1.{}", request.version?),
            headers: request
                .headers
                .iter()
                .map(|header| (header.name.to_owned(), text(header.value)))
                .collect(),
            text: text(&bytes),
        });
    }
}

/// Reads the body that `headers` announce. `None` if it is not complete.
pub(crate) async fn read_body(
    stream: &mut (impl AsyncBufRead + Unpin),
    headers: &[(String, String)],
) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    let codings = values(headers, "transfer-encoding");
    if codings.iter().any(|coding| coding.contains("chunked")) {
        loop {
            let size = read_chunk_size(stream).await?;
            read_exactly(stream, size, &mut body).await?;
            // The line that ends the chunk. After the last chunk it ends the
            // body: the client sends no trailers.
            read_line(stream, &mut Vec::new()).await?;
            if size == 0 {
                return Some(body);
            }
        }
    }
    if let Some(length) = values(headers, "content-length").first() {
        read_exactly(stream, length.parse().ok()?, &mut body).await?;
    }
    Some(body)
}

async fn read_chunk_size(stream: &mut (impl AsyncBufRead + Unpin)) -> Option<usize> {
    let mut line = Vec::new();
    read_line(stream, &mut line).await?;
    match httparse::parse_chunk_size(&line).ok()? {
        httparse::Status::Complete((_, size)) => usize::try_from(size).ok(),
        httparse::Status::Partial => None,
    }
}

/// Appends the next line to `bytes`, with its end.
async fn read_line(stream: &mut (impl AsyncBufRead + Unpin), bytes: &mut Vec<u8>) -> Option<()> {
    let read = stream.read_until(b'\n', bytes).await.ok()?;
    (read > 0).then_some(())
}

/// Appends the next `length` bytes to `bytes`.
async fn read_exactly(
    stream: &mut (impl AsyncBufRead + Unpin),
    length: usize,
    bytes: &mut Vec<u8>,
) -> Option<()> {
    let start = bytes.len();
    bytes.resize(start + length, 0);
    stream.read_exact(&mut bytes[start..]).await.ok()?;
    Some(())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_head_is_kept_as_it_came() {
        let sent = "M-SEARCH /a?b=%20 HTTP/1.0\r\nX-One: 1 \r\nx-one:2\r\nX-Two:\r\n\r\n";
        let head = read_head(&mut sent.as_bytes()).await.unwrap();
        assert_eq!(head.text, sent);
        assert_eq!(
            (&*head.method, &*head.target, &*head.version),
            ("M-SEARCH", "/a?b=%20", "HTTP/1.0")
        );
        let [one, other, two] = &head.headers[..] else {
            panic!("{:?}", head.headers);
        };
        assert_eq!((&*one.0, &*other.0), ("X-One", "x-one"));
        assert_eq!(values(&head.headers, "X-ONE"), ["1", "2"]);
        assert_eq!((&*two.0, &*two.1), ("X-Two", ""));
    }

    #[tokio::test]
    async fn what_follows_a_body_is_the_next_request() {
        let mut sent = &b"POST /1 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc\
            POST /2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\
            A;x=y\r\n0123456789\r\n2\r\n\r\n\r\n0\r\n\r\n\
            GET /3 HTTP/1.1\r\n\r\n"[..];
        for (target, body) in [("/1", &b"abc"[..]), ("/2", b"0123456789\r\n"), ("/3", b"")] {
            let head = read_head(&mut sent).await.unwrap();
            assert_eq!(head.target, target);
            assert_eq!(read_body(&mut sent, &head.headers).await.unwrap(), body);
        }
        assert!(read_head(&mut sent).await.is_none());
    }

    #[tokio::test]
    async fn a_body_that_is_cut_off_is_none() {
        for (name, value, sent) in [
            ("content-length", "3", &b"ab"[..]),
            ("transfer-encoding", "chunked", b"2\r\nab\r\n"),
            ("transfer-encoding", "chunked", b"3\r\nab"),
            ("transfer-encoding", "chunked", b"2\r\nab\r\n0\r\n"),
        ] {
            let headers = [(name.to_owned(), value.to_owned())];
            assert_eq!(read_body(&mut &*sent, &headers).await, None, "{sent:?}");
        }
    }
}
