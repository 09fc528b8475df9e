//! Answers that wait to be fetched. nginx lets the client have nothing of a reply but 401
//! or 403; it is given a token, by which it fetches the answer a moment later.

use super::super::reply::{Body, text};
use http::{Response, StatusCode};
use http_body::Body as _;
use parking_lot::Mutex;
use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

/// How long one waits.
const TIME: Duration = Duration::from_secs(10);

/// Bytes of all of them. Beyond it the oldest go.
const MOST: u64 = 16 << 20;

/// Bytes that each takes beside its body and its fields, and that a field takes beside its
/// name and its value.
const OVERHEAD: u64 = 1024;
const OVERHEAD_OF_FIELD: u64 = 128;

#[derive(Default)]
pub(super) struct Answers(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    by_token: HashMap<String, (Instant, Response<Body>)>,
    /// The oldest is the first. Some were fetched already.
    order: VecDeque<(Instant, String, u64)>,
    size: u64,
}

impl Answers {
    /// Keeps one. The result is the token by which it can be had, once.
    pub(super) fn keep(&self, reply: Response<Body>) -> String {
        let token = format!("{:032x}", rand::random::<u128>());
        let fields = reply.headers().iter();
        let fields = fields.map(|(name, value)| name.as_str().len() + value.len());
        let fields: u64 = fields.map(|it| it as u64 + OVERHEAD_OF_FIELD).sum();
        let size = OVERHEAD + fields + reply.body().size_hint().lower();
        let now = Instant::now();
        let mut kept = self.0.lock();
        kept.size += size;
        kept.order.push_back((now, token.clone(), size));
        kept.by_token.insert(token.clone(), (now, reply));
        while let Some((since, ..)) = kept.order.front()
            && (now - *since > TIME || kept.size > MOST)
            && let Some((_, token, size)) = kept.order.pop_front()
        {
            kept.size -= size;
            kept.by_token.remove(&token);
        }
        token
    }

    /// The answer that was kept under `token`. A refusal where there is none: it was
    /// fetched already, or too late, or somebody guesses.
    pub(super) fn take(&self, token: &[u8]) -> Response<Body> {
        let token = str::from_utf8(token).unwrap_or_default();
        let answer = self.0.lock().by_token.remove(token);
        match answer {
            Some((since, reply)) if since.elapsed() <= TIME => reply,
            _ => text(StatusCode::FORBIDDEN, "there is no such answer\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::super::reply::whole, *};

    fn answer(size: usize) -> Response<Body> {
        whole(vec![b'x'; size])
    }

    #[test]
    fn an_answer_can_be_had_once() {
        let answers = Answers::default();
        let token = answers.keep(answer(3));
        assert_eq!(answers.take(token.as_bytes()).status(), StatusCode::OK);
        for token in [&token, "", "guessed"] {
            let reply = answers.take(token.as_bytes());
            assert_eq!(reply.status(), StatusCode::FORBIDDEN);
        }
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let answers = Answers::default();
        let first = answers.keep(answer(64 * 1024));
        for _ in 0..1000 {
            answers.keep(answer(64 * 1024));
        }
        assert!(answers.0.lock().size <= MOST);
        assert!(answers.0.lock().by_token.len() < 256);
        assert_eq!(
            answers.take(first.as_bytes()).status(),
            StatusCode::FORBIDDEN
        );
    }
}
