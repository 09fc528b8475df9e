//! Recordings of decisions: all that came into a plugin while it decided, and what came
//! out, so that the same can be played to it, or to another version of it, without a
//! network and without a clock.
//!
//! All inputs of a plugin cross one border: the request, its settings, the clocks, random
//! numbers, and the replies to what it asks. What opens a service to it is added behind that
//! border, and is in no recording.

mod clocks;
mod form;
mod question;
mod redact;
mod tape;

pub(super) use question::Question as Asked;
pub use redact::CREDENTIAL_FIELDS;
pub(super) use tape::{Noting, Tape, give_way};

use crate::{
    plugin::{DecisionError, FailureKind, PoolOptions},
    routing::{Decision, Request, write_decision},
};
use question::Question;
use redact::{Redaction, redact_decision};
use std::{
    collections::BTreeMap,
    fmt,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

/// One decision, with all that came into the plugin on the way.
///
/// [`PluginPool::replay`](super::PluginPool::replay) plays it.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    plugin: String,
    /// When it was decided, in nanoseconds since 1970.
    at: u64,
    request: Request,
    settings: BTreeMap<String, String>,
    /// The operator's, which the decision had to leave alone.
    reserved_fields: Vec<String>,
    /// That hold credentials, beside the usual ones.
    secret_fields: Vec<String>,
    inputs: Inputs,
    outcome: Outcome,
}

/// What came into a plugin beside the request and the settings, each kind in its order.
#[derive(Debug, Clone, Default, PartialEq)]
struct Inputs {
    /// Of the random numbers.
    seed: [u8; 32],
    /// Readings, in nanoseconds since 1970.
    wall_clock: Vec<u64>,
    /// Readings, in nanoseconds.
    monotonic_clock: Vec<u64>,
    /// Which of those that it looked at were ready.
    readiness: Vec<Vec<u32>>,
    questions: Vec<Question>,
    /// In which order things came to a plugin that waits for several of them.
    turns: Vec<u32>,
    /// There was more than a recording takes.
    is_incomplete: bool,
}

/// What came out.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    /// As JSON.
    Decided(String),
    Failed(FailureKind, String),
}

impl Outcome {
    fn of(decided: &Result<Decision, DecisionError>) -> Self {
        match decided {
            Ok(decision) => Self::Decided(write_decision(decision)),
            Err(error) => Self::Failed(error.kind(), error.to_string()),
        }
    }

    /// Whether nobody could tell the two apart. The words for a trap, and for a time that is
    /// over, are not the plugin's.
    fn is_the_same_as(&self, other: &Self) -> bool {
        use FailureKind::{Deadline, Queue, Trap};
        match (self, other) {
            (Self::Failed(one, _), Self::Failed(two, _))
                if matches!(one, Trap | Deadline | Queue) =>
            {
                one == two
            }
            _ => self == other,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decided(json) => f.write_str(json),
            Self::Failed(kind, message) => write!(f, "{kind}: {message}"),
        }
    }
}

/// Why a text is no recording: a sentence for whoever has it read.
///
/// ```
/// use rest_client_host::plugin::Record;
///
/// let error = Record::from_json("{}").unwrap_err();
/// assert!(error.to_string().contains("recording"), "{error}");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordError(String);

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RecordError {}

impl Record {
    /// The recording as a line of JSON, without its end.
    #[must_use]
    pub fn to_json(&self) -> String {
        form::write(self)
    }

    /// Reads one that [`to_json`](Self::to_json) has written.
    ///
    /// # Errors
    ///
    /// It is none, or of another version.
    pub fn from_json(line: &str) -> Result<Self, RecordError> {
        form::read(line).map_err(RecordError)
    }

    /// What the plugin was asked about. Credentials of the client are not in it: see
    /// [`Recorder`].
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// What the plugin was called.
    #[must_use]
    pub fn plugin(&self) -> &str {
        &self.plugin
    }

    /// What the plugin found in `wasi:config/store`. It is as the operator has set it:
    /// credentials belong to services.
    #[must_use]
    pub fn settings(&self) -> &BTreeMap<String, String> {
        &self.settings
    }

    pub(super) fn reserved_fields(&self) -> &[String] {
        &self.reserved_fields
    }

    /// Whether its time was over before anything was decided.
    fn ran_out_of_time(&self) -> bool {
        matches!(self.outcome, Outcome::Failed(FailureKind::Deadline, _))
    }

    /// Whether a plugin that did `decided` with it did the same as then.
    pub(super) fn compare(&self, tape: &Tape, decided: &Result<Decision, DecisionError>) -> Replay {
        if self.inputs.is_incomplete {
            let what = "the plugin's inputs exceed the limit of a recording: it can't be replayed";
            return Replay::Different(what.into());
        }
        let played = tape.played();
        if let Some(difference) = played.difference {
            return Replay::Different(difference);
        }
        let mut decided = decided.clone();
        if let Ok(decision) = &mut decided {
            redact_decision(decision, &self.secret_fields);
        }
        let now = Outcome::of(&decided);
        // Nobody knows what it would have decided: what counts is what it had asked by then.
        if !self.ran_out_of_time() && !now.is_the_same_as(&self.outcome) {
            let then = &self.outcome;
            return Replay::Different(format!("it was {then} and is {now}"));
        }
        match self.inputs.questions.get(played.asked) {
            Some(question) => Replay::Different(format!("it no longer asks {question}")),
            None => Replay::Same,
        }
    }
}

/// The result of replaying a [`Record`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replay {
    /// The same questions, and the same decision or failure, bit for bit.
    Same,
    /// The first difference: in a question, or in the decision.
    Different(String),
}

/// Receives each decision with all inputs of the plugin; see
/// [`PoolOptions::recorder`](super::PoolOptions::recorder).
///
/// Credentials of a client (`authorization`, `proxy-authorization`, `cookie`, and the other
/// named fields) are never recorded. A placeholder replaces them, the same one for the same
/// credential. A credential of 8 bytes or more is also replaced where the plugin has passed
/// it on unchanged, percent-encoded, or decoded from `Basic`. So a plugin whose decision
/// depends on the content of a credential can't be replayed, but one that only passes it on
/// can. Of `authorization: Digest`, which SIP uses, only the response is replaced. Credentials
/// that a plugin itself puts into questions and decisions are left out.
///
/// ```
/// use rest_client_host::plugin::{PoolOptions, Recorder};
///
/// let mut options = PoolOptions::default();
/// options.recorder = Some(Recorder::new(["x-session"], |record| println!("{}", record.to_json())));
/// ```
#[derive(Clone)]
pub struct Recorder {
    keep: Arc<dyn Fn(Record) + Send + Sync>,
    redaction: Arc<Redaction>,
}

impl Recorder {
    /// Calls `keep` with each record, in the thread in which the plugin runs. `keep` must
    /// return quickly. The fields with these names hold credentials, too.
    #[must_use]
    pub fn new<N: Into<String>>(
        secret_fields: impl IntoIterator<Item = N>,
        keep: impl Fn(Record) + Send + Sync + 'static,
    ) -> Self {
        let names = secret_fields.into_iter().map(Into::into);
        Self {
            keep: Arc::new(keep),
            redaction: Arc::new(Redaction::new(names)),
        }
    }

    /// Keeps what `tape` has taken down, unless nothing was begun.
    pub(super) fn keep(
        &self,
        tape: &Tape,
        options: &PoolOptions,
        decided: &Result<Decision, DecisionError>,
    ) {
        let Some((mut request, mut inputs)) = tape.taken_down() else {
            return;
        };
        let mut decided = decided.clone();
        let redacted = self
            .redaction
            .apply(&mut request, &mut inputs, &mut decided);
        if redacted.is_err() {
            // That there was a decision is all that is safe to say.
            request.target = "/".into();
            request.fields.clear();
            request.attributes.clear();
            request.body = None;
            inputs = Inputs {
                is_incomplete: true,
                ..Inputs::default()
            };
            let what = "there are too many credentials to redact: nothing is recorded but that there was a decision";
            decided = Err(DecisionError::new(FailureKind::Invalid, what));
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let at = since.unwrap_or_default().as_nanos();
        (self.keep)(Record {
            plugin: options.name.clone(),
            at: u64::try_from(at).unwrap_or(u64::MAX),
            request,
            settings: options.settings.clone(),
            reserved_fields: options.reserved_fields.clone(),
            secret_fields: self.redaction.secret_fields().to_vec(),
            inputs,
            outcome: Outcome::of(&decided),
        });
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}
