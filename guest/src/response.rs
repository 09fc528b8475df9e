//! A reply.

use crate::header;

/// A complete reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status code.
    pub status: u16,
    /// All fields of the head, in the order in which they arrived.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Byte for byte; empty if there is none.
    pub body: Vec<u8>,
}

/// The value of the first `content-type` field. `None` if there is no such
/// field or its value is not UTF-8.
#[must_use]
pub fn content_type(headers: &[(String, Vec<u8>)]) -> Option<String> {
    header::first(headers, "content-type")
        .and_then(|value| std::str::from_utf8(value).ok())
        .map(String::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &str, value: &[u8]) -> Vec<(String, Vec<u8>)> {
        vec![(name.into(), value.to_vec())]
    }

    #[test]
    fn the_content_type_is_found_in_any_case_and_whole() {
        let long = format!("multipart/mixed; boundary={}", "x".repeat(4096));
        assert_eq!(
            content_type(&headers("Content-TYPE", long.as_bytes())),
            Some(long)
        );
        assert_eq!(content_type(&headers("content-type", b"\xff")), None);
        assert_eq!(content_type(&[]), None);
    }
}
