//! How long the body of a reply is: what its head announces, how much is allowed, and how
//! much has arrived.

use crate::{error::RestError, header};

/// Of one body, in bytes.
#[derive(Debug)]
pub struct Length {
    arrived: u64,
    /// 0 if the head announces none.
    announced: u64,
    /// How many arrive at least.
    least: u64,
    most: u64,
}

impl Length {
    /// That of a body of which nothing has arrived. `limit` is in bytes, and 0 is no limit.
    ///
    /// # Errors
    ///
    /// [`RestError::TooLarge`] if the head announces more than `limit`.
    pub fn of(
        method: &str,
        status: u16,
        headers: &[(String, Vec<u8>)],
        limit: u64,
    ) -> Result<Self, RestError> {
        // Such replies have no body, even if they announce one (RFC 9112, section
        // 6.3).
        let bodiless = method == "HEAD" || status == 204 || status == 304;
        let announced = header::first(headers, "content-length")
            .filter(|_| !bodiless)
            .and_then(|value| std::str::from_utf8(value).ok()?.parse().ok())
            .unwrap_or(0);
        let length = Self {
            arrived: 0,
            announced,
            // A host that decodes a body leaves the length that it had before.
            least: match header::first(headers, "content-encoding") {
                Some(_) => 0,
                None => announced,
            },
            most: if limit == 0 { u64::MAX } else { limit },
        };
        length.check(announced)?;
        Ok(length)
    }

    /// So many bytes more arrive.
    ///
    /// # Errors
    ///
    /// [`RestError::TooLarge`] if the body is then larger than its limit.
    pub fn add(&mut self, bytes: usize) -> Result<(), RestError> {
        self.arrived = self.arrived.saturating_add(bytes as u64);
        self.check(self.arrived)
    }

    fn check(&self, length: u64) -> Result<(), RestError> {
        match length > self.most {
            true => Err(RestError::too_large(self.most)),
            false => Ok(()),
        }
    }

    /// 0 if the head announces none.
    #[must_use]
    pub fn announced(&self) -> u64 {
        self.announced
    }

    /// Whether less has arrived than the head announces: a host may take the end of a
    /// connection for that of a body.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.arrived < self.least
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_cut_if_less_arrives_than_was_announced() {
        let of = |method: &str, fields: &[(&str, &str)]| {
            let headers: Vec<_> = fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
                .collect();
            Length::of(method, 200, &headers, 10).unwrap()
        };
        let three = ("content-length", "3");
        let mut length = of("GET", &[three]);
        assert!(length.is_cut());
        length.add(2).unwrap();
        assert!(length.is_cut());
        length.add(1).unwrap();
        assert!(!length.is_cut());
        // Nobody knows, or there is none.
        assert!(!of("GET", &[three, ("content-encoding", "gzip")]).is_cut());
        assert!(!of("HEAD", &[three]).is_cut());
        assert!(!of("GET", &[]).is_cut());
    }
}
