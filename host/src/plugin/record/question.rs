//! A question of a plugin, and what it was told.

use crate::{
    call::spec::CallSpec,
    error::{Error, ErrorKind},
    one_line::one_line,
    partial::{Partial, RawResponse},
    plugin::{
        outcome::{Outcome, message},
        questions::without_credentials,
    },
    response::Response,
    timings::Timings,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};
use std::{fmt, time::Duration};

/// What stands for a credential that a plugin sends.
pub(super) const REDACTED: &[u8] = b"redacted";

/// As the plugin has asked it. What belongs to a call beside it is the operator's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    pub(super) method: String,
    /// Without user and password.
    pub(super) url: String,
    pub(super) content_type: Option<String>,
    pub(super) fields: Vec<(String, Vec<u8>)>,
    pub(super) body: Option<Vec<u8>>,
    /// In milliseconds.
    pub(super) connection_timeout: Option<u64>,
    /// In milliseconds.
    pub(super) transfer_timeout: Option<u64>,
    pub(super) max_redirects: u32,
    /// What it was told. Empty where it did not wait for it.
    pub(super) answer: Option<Answer>,
    /// Until then, in microseconds.
    pub(super) elapsed: u64,
}

/// What a plugin is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Reply(Reply),
    Failed {
        kind: ErrorKind,
        message: String,
        partial: Option<Reply>,
    },
}

/// A reply, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) fields: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
}

impl Question {
    /// The one that `spec` puts, without an answer.
    pub(crate) fn of(spec: &CallSpec) -> Self {
        let millis = |it: Duration| u64::try_from(it.as_millis()).unwrap_or(u64::MAX);
        Self {
            method: spec.method.clone(),
            url: without_credentials(&spec.url),
            content_type: spec.content_type.clone(),
            fields: spec.headers.clone(),
            body: spec.body.clone(),
            connection_timeout: spec.connection_timeout.map(millis),
            transfer_timeout: spec.transfer_timeout.map(millis),
            max_redirects: spec.max_redirects,
            answer: None,
            elapsed: 0,
        }
    }

    /// Bytes that it takes in a recording.
    pub(super) fn size(&self) -> usize {
        let of_fields = |fields: &[(String, Vec<u8>)]| -> usize {
            let texts = fields.iter().map(|(name, value)| name.len() + value.len());
            size_of_val(fields) + texts.sum::<usize>()
        };
        let of_reply = |reply: &Reply| of_fields(&reply.fields) + reply.body.len();
        let answer = match &self.answer {
            None => 0,
            Some(Answer::Reply(reply)) => of_reply(reply),
            Some(Answer::Failed {
                message, partial, ..
            }) => message.len() + partial.as_ref().map_or(0, of_reply),
        };
        let body = self.body.as_ref().map_or(0, Vec::len);
        let content_type = self.content_type.as_ref().map_or(0, String::len);
        let texts = self.method.len() + self.url.len() + content_type;
        size_of::<Self>() + texts + of_fields(&self.fields) + body + answer
    }

    /// What is the first thing in which `other` is not the same question.
    pub(super) fn difference(&self, other: &Self) -> Option<&'static str> {
        let parts = [
            ("its method", self.method == other.method),
            ("its URL", self.url == other.url),
            ("its content-type", self.content_type == other.content_type),
            ("its fields", same_fields(&self.fields, &other.fields)),
            ("its body", self.body == other.body),
            (
                "its connection-timeout",
                self.connection_timeout == other.connection_timeout,
            ),
            (
                "its transfer-timeout",
                self.transfer_timeout == other.transfer_timeout,
            ),
            (
                "its max-redirects",
                self.max_redirects == other.max_redirects,
            ),
        ];
        parts
            .iter()
            .find(|(_, is_same)| !is_same)
            .map(|(part, _)| *part)
    }
}

/// A credential is not known, and is the same as any.
fn same_fields(recorded: &[(String, Vec<u8>)], now: &[(String, Vec<u8>)]) -> bool {
    let mut pairs = recorded.iter().zip(now);
    recorded.len() == now.len()
        && pairs.all(|((name, value), (other, now))| {
            name == other && (value == now || value == REDACTED)
        })
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, url, .. } = self;
        write!(f, "{} {}", one_line(method), one_line(url))
    }
}

impl Answer {
    /// What a plugin is told of `outcome`.
    pub(super) fn of(outcome: &Outcome) -> Self {
        match outcome {
            Ok(reply) => Self::Reply(Reply {
                status: reply.status().as_u16(),
                fields: fields(reply.headers()),
                body: reply.body().to_vec(),
            }),
            Err(error) => Self::Failed {
                kind: error.kind(),
                message: message(error),
                partial: error.partial().map(|partial| Reply {
                    status: partial.status().as_u16(),
                    fields: fields(partial.headers()),
                    body: partial.body().to_vec(),
                }),
            },
        }
    }

    /// The outcome of which a plugin is told this.
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Reply(reply) => Ok(Response::new(
                raw(reply),
                Version::HTTP_11,
                Timings::default(),
            )),
            Self::Failed {
                kind,
                message,
                partial,
            } => {
                let partial = partial.as_ref().map(|it| Partial::new(raw(it)));
                Err(Error::new(*kind, message.clone()).with_partial(partial))
            }
        }
    }
}

fn fields(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
        .collect()
}

/// What is no field or no status was not written by us, and is left out.
fn raw(reply: &Reply) -> RawResponse {
    let mut headers = HeaderMap::new();
    for (name, value) in &reply.fields {
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_bytes(value);
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    RawResponse {
        status: StatusCode::from_u16(reply.status).unwrap_or_default(),
        headers,
        body: reply.body.clone().into(),
    }
}
