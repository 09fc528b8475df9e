//! What a server may send for ever where a client waits for something else.

use crate::steps::{Step, head};

/// Each with its name, as the steps of a [`crate::server::Server`].
#[must_use]
pub fn floods() -> [(&'static str, Vec<Step>); 6] {
    let chunked = head("200 OK", &[("transfer-encoding", "chunked")]);
    let flood = |bytes: &[u8]| Step::Flood(bytes.repeat(4096).into());
    [
        (
            "interim replies",
            vec![flood(b"HTTP/1.1 103 Early Hints\r\n\r\n")],
        ),
        (
            "header fields",
            vec![
                Step::Send("HTTP/1.1 200 OK\r\n".into()),
                flood(b"x: yyyyyyyyyyy\r\n"),
            ],
        ),
        ("zeros", vec![chunked.clone(), flood(b"0000000000000000")]),
        (
            "blanks",
            vec![
                chunked.clone(),
                Step::Send("5".into()),
                flood(b"                "),
            ],
        ),
        (
            "an extension",
            vec![
                chunked.clone(),
                Step::Send("5;".into()),
                flood(b"xxxxxxxxxxxxxxxx"),
            ],
        ),
        (
            "trailers",
            vec![
                chunked,
                Step::Send("0\r\n".into()),
                flood(b"x: yyyyyyyyyyy\r\n"),
            ],
        ),
    ]
}
