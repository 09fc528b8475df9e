//! Bytes of a reply, and the charges for them, which go where the bytes go.

use super::budget::{Budget, Charge, OverBudget};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

/// Bytes that are allocated at once for a body which announces as many; beyond
/// that the buffer grows as data arrives.
const MAX_PREALLOCATION: usize = 1 << 20;

/// Bytes that a header field takes beside those of its name and value.
const FIELD: usize = 256;

/// A body that arrives.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    /// For all that is allocated. Empty where nobody counts.
    charge: Option<Charge>,
}

impl Buffer {
    /// An empty buffer for a body of `announced` bytes, or more.
    pub(super) fn new(announced: u64, budget: Option<&Budget>) -> Result<Self, OverBudget> {
        let capacity = usize::try_from(announced).map_or(MAX_PREALLOCATION, |announced| {
            announced.min(MAX_PREALLOCATION)
        });
        Ok(Self {
            charge: budget.map(|budget| budget.charge(capacity)).transpose()?,
            bytes: Vec::with_capacity(capacity),
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn push(&mut self, data: &[u8]) -> Result<(), OverBudget> {
        if let Some(charge) = &mut self.charge {
            let capacity = self.bytes.capacity();
            let needed = (self.bytes.len() + data.len()).saturating_sub(capacity);
            if needed > 0 {
                // Twice as large, so that the whole is not copied for each
                // piece; where that is too much, as large as it has to be.
                let more = needed.max(capacity);
                let more = match charge.add(more) {
                    Ok(()) => more,
                    Err(_) => charge.add(needed).map(|()| needed)?,
                };
                let free = capacity - self.bytes.len();
                self.bytes.reserve_exact(free + more);
            }
        }
        self.bytes.extend_from_slice(data);
        Ok(())
    }

    /// The body, which is charged for until the last slice of it is dropped.
    pub(crate) fn into_bytes(self) -> Bytes {
        match self.charge {
            Some(charge) => Bytes::from_owner(Paid {
                bytes: self.bytes,
                _charge: charge,
            }),
            None => self.bytes.into(),
        }
    }
}

/// A body that nobody counts.
impl From<Vec<u8>> for Buffer {
    fn from(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            charge: None,
        }
    }
}

/// Charges for header fields. Each pays for itself, so that it does in any map
/// that it is cloned into; and none keeps the buffer that it was read into.
pub(super) fn pay_for_fields(headers: &mut HeaderMap, budget: &Budget) -> Result<(), OverBudget> {
    for (name, value) in headers.iter_mut() {
        let cost = FIELD + name.as_str().len() + value.len();
        let paid = Bytes::from_owner(Paid {
            bytes: value.as_bytes().to_vec(),
            _charge: budget.charge(cost)?,
        });
        // It is the value of a field already.
        if let Ok(paid) = HeaderValue::from_maybe_shared(paid) {
            *value = paid;
        }
    }
    Ok(())
}

struct Paid {
    bytes: Vec<u8>,
    _charge: Charge,
}

impl AsRef<[u8]> for Paid {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_charged_for_until_its_last_slice_is_dropped() {
        let budget = Budget::new(1000);
        let mut buffer = Buffer::new(4, Some(&budget)).unwrap();
        for _ in 0..100 {
            buffer.push(b"abcde").unwrap();
            assert!(buffer.len() <= budget.taken());
            assert!(buffer.bytes.capacity() <= budget.taken());
        }
        let bytes = buffer.into_bytes();
        let slice = bytes.slice(7..9);
        drop(bytes);
        assert!(budget.taken() >= 500);
        drop(slice);
        assert_eq!(budget.taken(), 0);
    }

    #[test]
    fn a_body_may_be_as_large_as_the_budget_and_no_larger() {
        let budget = Budget::new(1000);
        let mut buffer = Buffer::new(0, Some(&budget)).unwrap();
        for _ in 0..10 {
            buffer.push(&[b'x'; 100]).unwrap();
        }
        assert!(buffer.push(b"x").is_err());
        assert_eq!(buffer.into_bytes().len(), 1000);
        assert_eq!(budget.taken(), 0);
        assert!(Buffer::new(1001, Some(&budget)).is_err());
    }

    #[test]
    fn a_field_is_charged_for_in_every_map_that_it_is_in() {
        let budget = Budget::new(1000);
        let mut headers = HeaderMap::new();
        headers.insert("x-a", HeaderValue::from_static("1"));
        headers.append("x-a", HeaderValue::from_static("22"));
        pay_for_fields(&mut headers, &budget).unwrap();
        assert_eq!(headers.get_all("x-a").iter().count(), 2);
        assert!(headers["x-a"] == "1" && budget.taken() > 2 * FIELD);
        let clone = headers.clone();
        drop(headers);
        assert!(budget.taken() > 2 * FIELD);
        drop(clone);
        assert_eq!(budget.taken(), 0);
    }
}
