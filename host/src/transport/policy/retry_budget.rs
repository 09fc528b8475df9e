//! How many requests are retries: at most one in five. Where a service is in trouble
//! all of its callers would send everything twice otherwise, which keeps it there.

use parking_lot::Mutex;

/// What a request adds. The unit is a retry.
const SHARE: f64 = 0.2;

/// What is kept for later, and there at first: one that fails at once may be sent
/// again.
const MOST: f64 = 10.0;
const AT_FIRST: f64 = 1.0;

/// That of one service.
#[derive(Debug)]
pub(in crate::transport) struct RetryBudget(Mutex<f64>);

impl Default for RetryBudget {
    fn default() -> Self {
        Self(Mutex::new(AT_FIRST))
    }
}

impl RetryBudget {
    /// A request is made that is no retry.
    pub(in crate::transport) fn add_request(&self) {
        let mut left = self.0.lock();
        *left = (*left + SHARE).min(MOST);
    }

    /// Whether there may be a retry, which then is counted.
    pub(in crate::transport) fn take(&self) -> bool {
        let mut left = self.0.lock();
        let may = *left >= 1.0;
        if may {
            *left -= 1.0;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_one_request_in_five_is_sent_again() {
        let budget = RetryBudget::default();
        let retries = (0..1000).filter(|_| {
            budget.add_request();
            budget.take()
        });
        let retries = retries.count();
        assert!((199..=201).contains(&retries), "{retries}");
        for _ in 0..1000 {
            budget.add_request();
        }
        let saved = (0..1000).filter(|_| budget.take()).count();
        assert_eq!(saved, 10);
    }
}
