//! A decision that a plugin did not make, and what is decided then.

use crate::{
    config::OnFailure,
    one_line::one_line,
    routing::{Answer, Changes, Decision, Protocol},
};
use std::fmt;

/// Bytes of what a plugin says of itself.
const LONGEST: usize = 4096;

/// Why there is no decision of the plugin: a sentence for the operator's log. It is not for
/// a client.
///
/// ```
/// # fn about(error: rest_client_host::plugin::DecisionError) {
/// use rest_client_host::plugin::FailureKind;
///
/// match error.kind() {
///     FailureKind::Deadline => println!("too slow: {error}"),
///     kind => println!("{kind}: {error}"),
/// }
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionError {
    kind: FailureKind,
    message: String,
}

/// How a plugin fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FailureKind {
    /// The time of the decision is over.
    Deadline,
    /// It trapped, or is set aside since it trapped again and again at its start.
    Trap,
    /// The queue is full, so this decision was not started.
    Queue,
    /// It says itself that it can't decide.
    Error,
    /// What it decided breaks the contract.
    Invalid,
}

impl FailureKind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Deadline,
        Self::Trap,
        Self::Queue,
        Self::Error,
        Self::Invalid,
    ];

    /// Its name in JSON and in statistics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::Trap => "trap",
            Self::Queue => "queue",
            Self::Error => "error",
            Self::Invalid => "invalid",
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl DecisionError {
    pub(in crate::plugin) fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        let mut message = message.into();
        // A rule that is broken may name what a plugin has made up.
        message.truncate(message.floor_char_boundary(LONGEST));
        Self { kind, message }
    }

    /// What the plugin says of itself, in a line.
    pub(super) fn of_plugin(mut message: String) -> Self {
        message.truncate(message.floor_char_boundary(LONGEST));
        Self::new(FailureKind::Error, one_line(&message))
    }

    /// How it failed.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        self.kind
    }
}

impl fmt::Display for DecisionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for DecisionError {}

impl OnFailure {
    /// The decision about a request of `protocol`.
    #[must_use]
    pub fn decision(&self, protocol: Protocol) -> Decision {
        let answer = |code, reason| {
            Decision::Answer(Answer {
                code,
                reason,
                fields: Vec::new(),
                body: Vec::new(),
                attributes: Vec::new(),
            })
        };
        match (self, protocol) {
            (Self::Closed, Protocol::Http) => answer(503, None),
            (Self::Closed, Protocol::Sip) => answer(500, None),
            (Self::Answer(code, reason), _) => answer(*code, reason.clone()),
            (Self::Open, _) => Decision::Continue(Changes {
                destinations: Vec::new(),
                remove_fields: Vec::new(),
                set_fields: Vec::new(),
                add_fields: Vec::new(),
                reply_fields: Vec::new(),
                attributes: Vec::new(),
            }),
        }
    }
}
