//! The body of a reply, gathered within max-transfer-size.

use crate::{error::RestError, length::Length};

/// A body that grows as data arrives.
#[derive(Debug)]
pub struct Body {
    bytes: Vec<u8>,
    length: Length,
}

impl Body {
    /// An empty body with room for the length that the head announces. `limit`
    /// is in bytes, and 0 is no limit.
    ///
    /// # Errors
    ///
    /// [`RestError::TooLarge`] if the head announces more than `limit` bytes,
    /// or more than the memory has room for.
    pub fn new(
        method: &str,
        status: u16,
        headers: &[(String, Vec<u8>)],
        limit: u64,
    ) -> Result<Self, RestError> {
        let length = Length::of(method, status, headers, limit)?;
        let announced = length.announced();
        let mut body = Self {
            bytes: Vec::new(),
            length,
        };
        body.reserve(usize::try_from(announced).unwrap_or(usize::MAX))?;
        Ok(body)
    }

    /// Appends the bytes that came next.
    ///
    /// # Errors
    ///
    /// [`RestError::TooLarge`] if the body is then larger than its limit, or
    /// than the memory has room for.
    pub fn push(&mut self, chunk: Vec<u8>) -> Result<(), RestError> {
        self.length.add(chunk.len())?;
        if self.bytes.is_empty() && self.bytes.capacity() <= chunk.len() {
            self.bytes = chunk;
        } else {
            self.reserve(chunk.len())?;
            self.bytes.extend_from_slice(&chunk);
        }
        Ok(())
    }

    /// Whether less has arrived than the head announces.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.length.is_cut()
    }

    /// The bytes that have arrived.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn reserve(&mut self, more: usize) -> Result<(), RestError> {
        self.bytes.try_reserve(more).map_err(|_| {
            RestError::TooLarge(
                "the body of the reply is larger than the memory of this instance".into(),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &str, value: &[u8]) -> Vec<(String, Vec<u8>)> {
        vec![(name.into(), value.to_vec())]
    }

    fn announced(length: &[u8], limit: u64) -> Result<Body, RestError> {
        Body::new("GET", 200, &headers("content-length", length), limit)
    }

    #[test]
    fn a_body_is_untouched() {
        let mut body = announced(b"7", 0).unwrap();
        for chunk in [&b" a\r\n"[..], b"", b"\0\xff "] {
            body.push(chunk.to_vec()).unwrap();
        }
        assert_eq!(body.into_bytes(), b" a\r\n\0\xff ");
    }

    #[test]
    fn the_limit_is_reached_but_not_passed() {
        assert!(announced(b"10", 10).is_ok());
        assert!(matches!(announced(b"11", 10), Err(RestError::TooLarge(_))));
        let mut body = Body::new("GET", 200, &[], 10).unwrap();
        body.push(vec![0; 10]).unwrap();
        assert!(matches!(body.push(vec![0]), Err(RestError::TooLarge(_))));
    }

    #[test]
    fn a_reply_without_body_may_announce_any_length() {
        let huge = headers("content-length", b"99999999999");
        assert!(Body::new("HEAD", 200, &huge, 10).is_ok());
        assert!(Body::new("GET", 304, &huge, 10).is_ok());
    }

    #[test]
    fn no_limit_is_zero() {
        assert!(announced(b"1000000", 0).is_ok());
    }
}
