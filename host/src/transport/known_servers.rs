//! What is known of servers when there is no connection to them.

use crate::call::origin::Origin;
use parking_lot::Mutex;
use std::collections::HashMap;

/// Servers that are remembered. One more, and the one met longest ago is
/// forgotten, which costs no more than a wait for whoever connects first.
const REMEMBERED: usize = 1024;

/// The servers that could have chosen HTTP/2, and chose HTTP/1.
#[derive(Default)]
pub(super) struct KnownServers(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// When each was met last, by the count of such meetings.
    http1: HashMap<Origin, u64>,
    meetings: u64,
}

impl KnownServers {
    pub(super) fn speaks_http1(&self, origin: &Origin) -> bool {
        self.0.lock().http1.contains_key(origin)
    }

    pub(super) fn met_http1(&self, origin: &Origin) {
        let mut known = self.0.lock();
        known.meetings += 1;
        let now = known.meetings;
        if let Some(met) = known.http1.get_mut(origin) {
            *met = now;
            return;
        }
        if known.http1.len() == REMEMBERED {
            let oldest = known.http1.iter().min_by_key(|(_, met)| **met);
            if let Some(oldest) = oldest.map(|(origin, _)| origin.clone()) {
                known.http1.remove(&oldest);
            }
        }
        known.http1.insert(origin.clone(), now);
    }

    /// It may have been replaced by a newer one.
    pub(super) fn met_http2(&self, origin: &Origin) {
        self.0.lock().http1.remove(origin);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(number: usize) -> Origin {
        Origin::of(&format!("https://h{number}/").parse().unwrap()).unwrap()
    }

    #[test]
    fn the_one_met_longest_ago_is_forgotten_first() {
        let known = KnownServers::default();
        (0..REMEMBERED).for_each(|number| known.met_http1(&server(number)));
        known.met_http1(&server(0));
        known.met_http1(&server(REMEMBERED));
        assert!(known.speaks_http1(&server(0)));
        assert!(!known.speaks_http1(&server(1)));
        assert!(known.speaks_http1(&server(REMEMBERED)));
        assert_eq!(known.0.lock().http1.len(), REMEMBERED);
    }

    #[test]
    fn a_server_that_learns_http_2_is_no_longer_one_of_http_1() {
        let known = KnownServers::default();
        known.met_http1(&server(0));
        known.met_http2(&server(0));
        assert!(!known.speaks_http1(&server(0)));
    }
}
