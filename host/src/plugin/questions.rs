//! What a plugin has asked, and what came of it.

use super::outcome::Outcome;
use crate::{error::ErrorKind, one_line::one_line};
use parking_lot::Mutex;
use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

/// Of one list. A plugin may ask without end.
const MOST: usize = 1000;

/// Bytes of a method. The rest is left out, as it would be kept until the end.
const LONGEST_METHOD: usize = 32;

/// Bytes of a URL. The rest is left out.
const LONGEST_URL: usize = 2000;

/// The questions of a plugin, in the order in which they ended. Clones are the same list.
///
/// [`PluginPool::explain`](super::PluginPool::explain) adds to them.
///
/// ```
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # use rest_client_host::{Config, Host, plugin::{Limits, PluginRuntime, PoolOptions}};
/// # let component: Vec<u8> = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/plugin_pool/drops_all.rs"));
/// # let plugin = PluginRuntime::new(Limits::default())?.load(&component)?;
/// # let instance = Host::new(Config::default())?.instance();
/// # let pool = rest_client_host::plugin::PluginPool::new(&plugin, instance, PoolOptions::default())?;
/// use rest_client_host::{plugin::Questions, routing::read_request};
///
/// let questions = Questions::default();
/// let request = read_request(br#"{"protocol": "http", "method": "GET", "target": "/"}"#)?;
/// pool.explain(request, &questions).await?;
/// for question in questions.ended() {
///     println!("{question}");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Questions {
    ended: Arc<Mutex<Vec<Question>>>,
    observer: Option<Observer>,
    /// Whether nobody is going to read the list.
    is_unread: bool,
}

/// Who is told of each question of a plugin when it ends; see
/// [`PoolOptions::observer`](super::PoolOptions::observer).
///
/// ```
/// use rest_client_host::plugin::{Observer, PoolOptions};
///
/// let mut options = PoolOptions::default();
/// options.observer = Some(Observer::new(|question| println!("{question}")));
/// ```
#[derive(Clone)]
pub struct Observer(Arc<dyn Fn(&Question) + Send + Sync>);

impl Observer {
    /// Calls `tell` with each question, in the thread in which the plugin runs. `tell` must
    /// return quickly.
    #[must_use]
    pub fn new(tell: impl Fn(&Question) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observer").finish_non_exhaustive()
    }
}

/// A question to a service, as a plugin has asked it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Question {
    /// Its method.
    pub method: String,
    /// Its URL as the plugin wrote it, without user and password, and cut where it is
    /// longer than 2,000 bytes.
    pub url: String,
    /// The status of the reply, or the kind of the error. Empty where the plugin did not
    /// wait for it.
    pub outcome: Option<Result<u16, ErrorKind>>,
    /// When it was asked.
    pub began: SystemTime,
    /// What it took.
    pub elapsed: Duration,
}

impl Questions {
    /// Those that have ended. The first thousand.
    #[must_use]
    pub fn ended(&self) -> Vec<Question> {
        self.ended.lock().clone()
    }

    /// A list that stays empty, for an observer.
    pub(super) fn unread() -> Self {
        Self {
            is_unread: true,
            ..Self::default()
        }
    }

    /// The same list, of which `observer` is told, too.
    pub(super) fn observed_by(self, observer: Option<Observer>) -> Self {
        Self { observer, ..self }
    }

    /// One begins.
    pub(super) fn begin(&self, method: &str, url: &str) -> Asking {
        Asking {
            questions: self.clone(),
            question: Question {
                method: one_line(cut(method, LONGEST_METHOD)),
                url: shown(url),
                outcome: None,
                began: SystemTime::now(),
                elapsed: Duration::ZERO,
            },
            began: Instant::now(),
        }
    }
}

/// A question that has not ended. Dropped, it was given up.
pub(super) struct Asking {
    questions: Questions,
    question: Question,
    began: Instant,
}

impl Asking {
    pub(super) fn end(mut self, outcome: &Outcome) {
        self.question.outcome = Some(match outcome {
            Ok(reply) => Ok(reply.status().as_u16()),
            Err(error) => Err(error.kind()),
        });
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.question.elapsed = self.began.elapsed();
        if let Some(Observer(tell)) = &self.questions.observer {
            tell(&self.question);
        }
        if self.questions.is_unread {
            return;
        }
        let mut ended = self.questions.ended.lock();
        if ended.len() < MOST {
            ended.push(self.question.clone());
        }
    }
}

impl fmt::Display for Question {
    /// In one line: `GET http://billing.service.internal/credit: 200 after 12ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            method,
            url,
            outcome,
            elapsed,
            ..
        } = self;
        write!(f, "{method} {url}: ")?;
        match outcome {
            Some(Ok(status)) => write!(f, "{status}")?,
            Some(Err(kind)) => write!(f, "{kind:?}")?,
            None => write!(f, "not waited for")?,
        }
        write!(f, " after {elapsed:.1?}")
    }
}

/// A URL of a plugin, which may be any text, in a line.
fn shown(url: &str) -> String {
    // User and password stand before the host, and may be long.
    let text = without_credentials(cut(url, 2 * LONGEST_URL));
    one_line(cut(&text, LONGEST_URL))
}

/// A URL without user and password.
pub(super) fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, it)| it);
    format!("{scheme}://{host}{path}")
}

fn cut(text: &str, longest: usize) -> &str {
    &text[..text.floor_char_boundary(longest)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_what_opens_it_and_in_one_line() {
        for (url, text) in [
            ("http://billing/credit?a=b@c", "http://billing/credit?a=b@c"),
            ("http://alice:secret@billing/x@y", "http://billing/x@y"),
            ("a\nb", "a\\nb"),
        ] {
            assert_eq!(shown(url), text);
        }
        assert_eq!(shown(&"é".repeat(2000)).chars().count(), 1000);
    }

    #[test]
    fn what_is_kept_of_a_question_is_bounded() {
        let questions = Questions::default();
        let long = "A".repeat(1 << 20);
        questions.begin(&long, &long);
        questions.begin("GET", &format!("http://{long}@h/"));
        let ended = questions.ended();
        assert_eq!((ended[0].method.len(), ended[0].url.len()), (32, 2000));
        assert!(ended[1].url.len() <= 2000 && !ended[1].url.contains("h/"));
        let unread = Questions::unread();
        unread.begin("GET", "x");
        assert!(unread.ended().is_empty());
    }

    #[test]
    fn of_questions_without_end_the_first_thousand_are_kept() {
        let questions = Questions::default();
        for number in 0..2000 {
            questions.begin("GET", &number.to_string());
        }
        let ended = questions.ended();
        assert_eq!((ended.len(), &*ended[999].url), (1000, "999"));
        assert!(
            ended[0]
                .to_string()
                .starts_with("GET 0: not waited for after")
        );
    }
}
