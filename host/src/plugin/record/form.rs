//! Recordings as JSON, one in a line.

use super::{
    Inputs, Outcome, Record,
    question::{Answer, Question, Reply},
};
use crate::{
    error::ErrorKind,
    plugin::FailureKind,
    routing::{read_request, write_request},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::{borrow::Cow, collections::BTreeMap};

/// Of this form. Another one is another number.
const VERSION: u32 = 1;

/// All kinds of errors that a plugin is told.
const KINDS: [ErrorKind; 15] = [
    ErrorKind::ConnectionRefused,
    ErrorKind::ConnectionTimeout,
    ErrorKind::TransferTimeout,
    ErrorKind::AlreadyConnecting,
    ErrorKind::TooLarge,
    ErrorKind::Dns,
    ErrorKind::Tls,
    ErrorKind::Denied,
    ErrorKind::AtCap,
    ErrorKind::Draining,
    ErrorKind::PluginLimit,
    ErrorKind::InvalidUrl,
    ErrorKind::InvalidHeader,
    ErrorKind::Protocol,
    ErrorKind::Internal,
];

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RecordForm<'a> {
    recording: u32,
    plugin: Cow<'a, str>,
    at: u64,
    request: Cow<'a, RawValue>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    settings: Cow<'a, BTreeMap<String, String>>,
    #[serde(default, skip_serializing_if = "<[String]>::is_empty")]
    reserved_fields: Cow<'a, [String]>,
    #[serde(default, skip_serializing_if = "<[String]>::is_empty")]
    secret_fields: Cow<'a, [String]>,
    seed: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "<[u64]>::is_empty")]
    wall_clock: Cow<'a, [u64]>,
    #[serde(default, skip_serializing_if = "<[u64]>::is_empty")]
    monotonic_clock: Cow<'a, [u64]>,
    #[serde(default, skip_serializing_if = "<[Vec<u32>]>::is_empty")]
    readiness: Cow<'a, [Vec<u32>]>,
    #[serde(default, skip_serializing_if = "<[u32]>::is_empty")]
    turns: Cow<'a, [u32]>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    questions: Vec<QuestionForm<'a>>,
    #[serde(default, skip_serializing_if = "is_false")]
    incomplete: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    decision: Option<Cow<'a, RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failed: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<Cow<'a, str>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_false(it: &bool) -> bool {
    !it
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct QuestionForm<'a> {
    method: Cow<'a, str>,
    url: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_type: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    fields: Vec<FieldForm<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<BytesForm<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    connection_timeout: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    transfer_timeout: Option<u64>,
    #[serde(default)]
    max_redirects: u32,
    /// Microseconds.
    us: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reply: Option<ReplyForm<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<ErrorForm<'a>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReplyForm<'a> {
    status: u16,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    fields: Vec<FieldForm<'a>>,
    body: BytesForm<'a>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ErrorForm<'a> {
    kind: Cow<'a, str>,
    message: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    partial: Option<ReplyForm<'a>>,
}

#[derive(Serialize, Deserialize)]
struct FieldForm<'a> {
    name: Cow<'a, str>,
    value: BytesForm<'a>,
}

/// A text, or `{"base64"}` where the bytes are none.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum BytesForm<'a> {
    Text(Cow<'a, str>),
    Bytes { base64: String },
}

/// The line of a record.
pub(super) fn write(record: &Record) -> String {
    let raw = |json: String| Cow::Owned(RawValue::from_string(json).expect("it is JSON"));
    let inputs = &record.inputs;
    let (decision, failed, message) = match &record.outcome {
        Outcome::Decided(json) => (Some(raw(json.clone())), None, None),
        Outcome::Failed(kind, message) => (None, Some(kind.as_str()), Some(&**message)),
    };
    let form = RecordForm {
        recording: VERSION,
        plugin: Cow::Borrowed(&record.plugin),
        at: record.at,
        request: raw(write_request(&record.request)),
        settings: Cow::Borrowed(&record.settings),
        reserved_fields: Cow::Borrowed(&record.reserved_fields),
        secret_fields: Cow::Borrowed(&record.secret_fields),
        seed: BASE64_STANDARD.encode(inputs.seed).into(),
        wall_clock: Cow::Borrowed(&inputs.wall_clock),
        monotonic_clock: Cow::Borrowed(&inputs.monotonic_clock),
        readiness: Cow::Borrowed(&inputs.readiness),
        turns: Cow::Borrowed(&inputs.turns),
        questions: inputs.questions.iter().map(QuestionForm::from).collect(),
        incomplete: inputs.is_incomplete,
        decision,
        failed: failed.map(Cow::Borrowed),
        message: message.map(Cow::Borrowed),
    };
    serde_json::to_string(&form).expect("texts and numbers can be written")
}

/// The record in a line.
pub(super) fn read(line: &str) -> Result<Record, String> {
    let form: RecordForm<'_> =
        serde_json::from_str(line).map_err(|error| format!("this is no recording: {error}"))?;
    if form.recording != VERSION {
        let version = form.recording;
        return Err(format!(
            "this is a recording of version {version}, and not of {VERSION}"
        ));
    }
    let request = read_request(form.request.get().as_bytes())
        .map_err(|error| format!("the request of this recording: {error}"))?;
    let seed = BASE64_STANDARD.decode(form.seed.as_bytes()).ok();
    let seed = seed.and_then(|it| it.try_into().ok());
    let outcome = match (form.decision, form.failed, form.message) {
        (Some(json), None, None) => Outcome::Decided(json.get().to_owned()),
        (None, Some(kind), Some(message)) => {
            let known = FailureKind::ALL.into_iter().find(|it| it.as_str() == kind);
            let kind = known.ok_or_else(|| format!("{kind:?} is not a kind of failure"))?;
            Outcome::Failed(kind, message.into_owned())
        }
        _ => return Err("this recording has neither a decision nor how it failed".into()),
    };
    let questions = form.questions.into_iter().map(Question::try_from);
    Ok(Record {
        plugin: form.plugin.into_owned(),
        at: form.at,
        request,
        settings: form.settings.into_owned(),
        reserved_fields: form.reserved_fields.into_owned(),
        secret_fields: form.secret_fields.into_owned(),
        inputs: Inputs {
            seed: seed.ok_or("the seed of this recording is missing or not valid")?,
            wall_clock: form.wall_clock.into_owned(),
            monotonic_clock: form.monotonic_clock.into_owned(),
            readiness: form.readiness.into_owned(),
            turns: form.turns.into_owned(),
            questions: questions.collect::<Result<_, _>>()?,
            is_incomplete: form.incomplete,
        },
        outcome,
    })
}

impl<'a> From<&'a Question> for QuestionForm<'a> {
    fn from(question: &'a Question) -> Self {
        let (reply, error) = match &question.answer {
            None => (None, None),
            Some(Answer::Reply(reply)) => (Some(reply.into()), None),
            Some(Answer::Failed {
                kind,
                message,
                partial,
            }) => {
                let error = ErrorForm {
                    kind: Cow::Borrowed(kind.name()),
                    message: Cow::Borrowed(message),
                    partial: partial.as_ref().map(ReplyForm::from),
                };
                (None, Some(error))
            }
        };
        Self {
            method: Cow::Borrowed(&question.method),
            url: Cow::Borrowed(&question.url),
            content_type: question.content_type.as_deref().map(Cow::Borrowed),
            fields: write_fields(&question.fields),
            body: question.body.as_deref().map(BytesForm::from),
            connection_timeout: question.connection_timeout,
            transfer_timeout: question.transfer_timeout,
            max_redirects: question.max_redirects,
            us: question.elapsed,
            reply,
            error,
        }
    }
}

impl TryFrom<QuestionForm<'_>> for Question {
    type Error = String;

    fn try_from(form: QuestionForm<'_>) -> Result<Self, String> {
        let answer = match (form.reply, form.error) {
            (None, None) => None,
            (Some(reply), None) => Some(Answer::Reply(reply.try_into()?)),
            (None, Some(error)) => {
                let kind = KINDS.into_iter().find(|it| it.name() == error.kind);
                Some(Answer::Failed {
                    kind: kind.ok_or_else(|| format!("no question ends with {:?}", error.kind))?,
                    message: error.message.into_owned(),
                    partial: error.partial.map(Reply::try_from).transpose()?,
                })
            }
            (Some(_), Some(_)) => return Err("a question has a reply and an error".into()),
        };
        Ok(Self {
            method: form.method.into_owned(),
            url: form.url.into_owned(),
            content_type: form.content_type.map(Cow::into_owned),
            fields: read_fields(form.fields)?,
            body: form.body.map(Vec::try_from).transpose()?,
            connection_timeout: form.connection_timeout,
            transfer_timeout: form.transfer_timeout,
            max_redirects: form.max_redirects,
            answer,
            elapsed: form.us,
        })
    }
}

impl<'a> From<&'a Reply> for ReplyForm<'a> {
    fn from(reply: &'a Reply) -> Self {
        Self {
            status: reply.status,
            fields: write_fields(&reply.fields),
            body: BytesForm::from(&*reply.body),
        }
    }
}

impl TryFrom<ReplyForm<'_>> for Reply {
    type Error = String;

    fn try_from(form: ReplyForm<'_>) -> Result<Self, String> {
        if !(100..=999).contains(&form.status) {
            return Err(format!("{} is no status", form.status));
        }
        Ok(Self {
            status: form.status,
            fields: read_fields(form.fields)?,
            body: form.body.try_into()?,
        })
    }
}

fn write_fields(fields: &[(String, Vec<u8>)]) -> Vec<FieldForm<'_>> {
    fields
        .iter()
        .map(|(name, value)| FieldForm {
            name: Cow::Borrowed(name),
            value: BytesForm::from(&**value),
        })
        .collect()
}

fn read_fields(fields: Vec<FieldForm<'_>>) -> Result<Vec<(String, Vec<u8>)>, String> {
    let field = |it: FieldForm<'_>| Ok((it.name.into_owned(), it.value.try_into()?));
    fields.into_iter().map(field).collect()
}

impl<'a> From<&'a [u8]> for BytesForm<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        match str::from_utf8(bytes) {
            Ok(text) => Self::Text(Cow::Borrowed(text)),
            Err(_) => Self::Bytes {
                base64: BASE64_STANDARD.encode(bytes),
            },
        }
    }
}

impl TryFrom<BytesForm<'_>> for Vec<u8> {
    type Error = String;

    fn try_from(form: BytesForm<'_>) -> Result<Self, String> {
        match form {
            BytesForm::Text(text) => Ok(text.into_owned().into_bytes()),
            BytesForm::Bytes { base64 } => BASE64_STANDARD
                .decode(base64)
                .map_err(|_| "what is in \"base64\" is no base64 (RFC 4648, section 4)".into()),
        }
    }
}
