//! Requests and decisions as JSON. Members bear the names of the contract; what is
//! `none` or empty is left out. A field is `{"name", "value"}`, or `{"name", "base64"}`
//! where its bytes are no UTF-8; a body is `{"text"}` or `{"base64"}`; attributes are an
//! object; the case of a decision is its member `"decision"`.
//!
//! What is read is held to all of that: a member that isn't known, or is there twice, is
//! an error.

use super::{
    Answer, Changes, Decision, Destination, Endpoint, Payload, Protocol, Redirect, Request,
    Transport, Violation, check_request, fields::MOST_ATTRIBUTES, request::request_id,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, Visitor},
    ser::SerializeMap as _,
};
use std::{
    fmt::{self, Write as _},
    str,
};

/// Bytes of what is said of a text that is no request.
const LONGEST_ERROR: usize = 1000;

/// What a request has for its time where nothing is said: the host's own limit holds.
const NO_LIMIT: u64 = u64::MAX;

/// Why a text is no request that a plugin may be asked about: a sentence for whoever
/// wrote it.
///
/// ```
/// use rest_client_host::routing::read_request;
///
/// let error = read_request(br#"{"protocol": "http", "methode": "GET"}"#).unwrap_err();
/// assert!(error.to_string().starts_with("unknown field `methode`"));
/// ```
#[derive(Debug)]
pub struct RequestError(Why);

#[derive(Debug)]
enum Why {
    Json(serde_json::Error),
    Violation(Violation),
}

impl From<Violation> for RequestError {
    fn from(violation: Violation) -> Self {
        Self(Why::Violation(violation))
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match &self.0 {
            Why::Json(error) => error.to_string(),
            Why::Violation(violation) => violation.to_string(),
        };
        // It may name what a stranger has made up, of any length and with line ends.
        for character in text[..text.floor_char_boundary(LONGEST_ERROR)].chars() {
            match character.is_control() {
                true => write!(f, "{}", character.escape_default())?,
                false => f.write_char(character)?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for RequestError {}

/// Reads a request. `id` is made of the request where it has none; `time-left` is
/// without a limit then.
///
/// # Errors
///
/// It is no JSON, has members that no request has, or breaks a rule of the contract.
///
/// ```
/// use rest_client_host::routing::read_request;
///
/// let request = read_request(
///     br#"{"protocol": "sip", "method": "INVITE", "target": "sip:+4930123@example.org",
///          "fields": [{"name": "from", "value": "<sip:alice@example.org>;tag=a1"},
///                     {"name": "call-id", "value": "x9@192.0.2.7"}],
///          "source": {"address": "192.0.2.7", "port": 5060}, "transport": "udp"}"#,
/// )?;
/// assert_eq!(request.id, "x9@192.0.2.7//");
/// # Ok::<(), rest_client_host::routing::RequestError>(())
/// ```
pub fn read_request(json: &[u8]) -> Result<Request, RequestError> {
    let form: RequestForm =
        serde_json::from_slice(json).map_err(|error| RequestError(Why::Json(error)))?;
    let request = form.into_request();
    check_request(&request)?;
    Ok(request)
}

/// Writes a decision, in one line.
#[must_use]
pub fn write_decision(decision: &Decision) -> String {
    write(decision, None)
}

/// Writes the decision that was made since the plugin failed in this way.
///
/// ```
/// use rest_client_host::routing::{Decision, write_failed};
///
/// let json = write_failed(&Decision::Drop(vec![]), "deadline");
/// assert_eq!(json, r#"{"decision":"drop","failed":"deadline"}"#);
/// ```
#[must_use]
pub fn write_failed(decision: &Decision, how: &str) -> String {
    write(decision, Some(how))
}

fn write(decision: &Decision, failed: Option<&str>) -> String {
    let decision = match decision {
        Decision::Continue(changes) => DecisionForm::Continue(changes.into()),
        Decision::Answer(answer) => DecisionForm::Answer(answer.into()),
        Decision::Redirect(redirect) => DecisionForm::Redirect(redirect.into()),
        Decision::Drop(attributes) => DecisionForm::Drop {
            attributes: AttributesForm(attributes),
        },
    };
    let outcome = OutcomeForm { decision, failed };
    serde_json::to_string(&outcome).expect("texts and numbers can be written")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RequestForm {
    id: Option<String>,
    protocol: ProtocolForm,
    method: String,
    target: String,
    #[serde(default)]
    fields: Vec<ReadField>,
    body: Option<ReadPayload>,
    source: Option<ReadEndpoint>,
    destination: Option<ReadEndpoint>,
    transport: Option<TransportForm>,
    #[serde(default)]
    attributes: ReadAttributes,
    time_left: Option<u64>,
}

impl RequestForm {
    fn into_request(self) -> Request {
        let mut request = Request {
            id: String::new(),
            protocol: match self.protocol {
                ProtocolForm::Sip => Protocol::Sip,
                ProtocolForm::Http => Protocol::Http,
            },
            method: self.method,
            target: self.target,
            fields: self
                .fields
                .into_iter()
                .map(|ReadField(name, value)| (name, value))
                .collect(),
            body: self.body.map(|ReadPayload(payload)| payload),
            source: self.source.map(Endpoint::from),
            destination: self.destination.map(Endpoint::from),
            transport: self.transport.map(Transport::from),
            attributes: self.attributes.0,
            time_left: self.time_left.unwrap_or(NO_LIMIT),
        };
        request.id = self.id.unwrap_or_else(|| request_id(&request));
        request
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ProtocolForm {
    Sip,
    Http,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum TransportForm {
    Udp,
    Tcp,
    Tls,
    Sctp,
    TlsSctp,
    Ws,
    Wss,
    Quic,
}

impl From<TransportForm> for Transport {
    fn from(form: TransportForm) -> Self {
        match form {
            TransportForm::Udp => Self::Udp,
            TransportForm::Tcp => Self::Tcp,
            TransportForm::Tls => Self::Tls,
            TransportForm::Sctp => Self::Sctp,
            TransportForm::TlsSctp => Self::TlsSctp,
            TransportForm::Ws => Self::Ws,
            TransportForm::Wss => Self::Wss,
            TransportForm::Quic => Self::Quic,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadEndpoint {
    address: String,
    port: Option<u16>,
}

impl From<ReadEndpoint> for Endpoint {
    fn from(ReadEndpoint { address, port }: ReadEndpoint) -> Self {
        Self { address, port }
    }
}

/// A name and bytes.
#[derive(Deserialize)]
#[serde(try_from = "FieldForm")]
struct ReadField(String, Vec<u8>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldForm {
    name: String,
    value: Option<String>,
    base64: Option<String>,
}

impl TryFrom<FieldForm> for ReadField {
    type Error = String;

    fn try_from(form: FieldForm) -> Result<Self, String> {
        let FieldForm {
            name,
            value,
            base64,
        } = form;
        match bytes(value, base64) {
            Ok(bytes) => Ok(Self(name, bytes)),
            Err(what) => Err(format!("field {name:?}: {}", what.about("value"))),
        }
    }
}

#[derive(Deserialize)]
#[serde(try_from = "PayloadForm")]
struct ReadPayload(Payload);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PayloadForm {
    text: Option<String>,
    base64: Option<String>,
    complete: Option<bool>,
    length: Option<u64>,
}

impl TryFrom<PayloadForm> for ReadPayload {
    type Error = String;

    fn try_from(form: PayloadForm) -> Result<Self, String> {
        let bytes = bytes(form.text, form.base64)
            .map_err(|what| format!("body: {}", what.about("text")))?;
        Ok(Self(Payload {
            bytes,
            complete: form.complete.unwrap_or(true),
            length: form.length,
        }))
    }
}

enum NoBytes {
    Neither,
    Both,
    NoBase64,
}

impl NoBytes {
    fn about(self, text: &str) -> String {
        match self {
            Self::Neither => format!("it has {text:?} or \"base64\""),
            Self::Both => format!("it has either {text:?} or \"base64\""),
            Self::NoBase64 => "what is in \"base64\" is no base64 (RFC 4648, section 4)".into(),
        }
    }
}

fn bytes(text: Option<String>, base64: Option<String>) -> Result<Vec<u8>, NoBytes> {
    match (text, base64) {
        (Some(text), None) => Ok(text.into_bytes()),
        (None, Some(base64)) => BASE64_STANDARD
            .decode(base64)
            .map_err(|_| NoBytes::NoBase64),
        (None, None) => Err(NoBytes::Neither),
        (Some(_), Some(_)) => Err(NoBytes::Both),
    }
}

/// In the order of the text; one that is there twice is found by the rules.
#[derive(Default)]
struct ReadAttributes(Vec<(String, String)>);

impl<'de> Deserialize<'de> for ReadAttributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = ReadAttributes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs: Vec<(String, String)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, String>()? {
                    if pairs.iter().any(|(other, _)| *other == name) {
                        let what = format_args!("attribute {name:?} is there twice");
                        return Err(de::Error::custom(what));
                    }
                    // So many are refused later, and compared with each other until then.
                    if pairs.len() > MOST_ATTRIBUTES {
                        let what = format_args!("there are more than {MOST_ATTRIBUTES} attributes");
                        return Err(de::Error::custom(what));
                    }
                    pairs.push((name, value));
                }
                Ok(ReadAttributes(pairs))
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}

#[derive(Serialize)]
struct OutcomeForm<'a> {
    #[serde(flatten)]
    decision: DecisionForm<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(tag = "decision", rename_all = "kebab-case")]
enum DecisionForm<'a> {
    Continue(ChangesForm<'a>),
    Answer(AnswerForm<'a>),
    Redirect(RedirectForm<'a>),
    Drop {
        #[serde(skip_serializing_if = "AttributesForm::is_empty")]
        attributes: AttributesForm<'a>,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct ChangesForm<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    destinations: Vec<DestinationForm<'a>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    remove_fields: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    set_fields: Vec<WriteField<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    add_fields: Vec<WriteField<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reply_fields: Vec<WriteField<'a>>,
    #[serde(skip_serializing_if = "AttributesForm::is_empty")]
    attributes: AttributesForm<'a>,
}

impl<'a> From<&'a Changes> for ChangesForm<'a> {
    fn from(changes: &'a Changes) -> Self {
        Self {
            destinations: all(&changes.destinations),
            remove_fields: &changes.remove_fields,
            set_fields: all(&changes.set_fields),
            add_fields: all(&changes.add_fields),
            reply_fields: all(&changes.reply_fields),
            attributes: AttributesForm(&changes.attributes),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct AnswerForm<'a> {
    code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<WriteField<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<BytesForm<'a>>,
    #[serde(skip_serializing_if = "AttributesForm::is_empty")]
    attributes: AttributesForm<'a>,
}

impl<'a> From<&'a Answer> for AnswerForm<'a> {
    fn from(answer: &'a Answer) -> Self {
        Self {
            code: answer.code,
            reason: answer.reason.as_deref(),
            fields: all(&answer.fields),
            body: match &*answer.body {
                [] => None,
                bytes => Some(BytesForm::of_body(bytes)),
            },
            attributes: AttributesForm(&answer.attributes),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct RedirectForm<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    destinations: Vec<DestinationForm<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<WriteField<'a>>,
    #[serde(skip_serializing_if = "AttributesForm::is_empty")]
    attributes: AttributesForm<'a>,
}

impl<'a> From<&'a Redirect> for RedirectForm<'a> {
    fn from(redirect: &'a Redirect) -> Self {
        Self {
            code: redirect.code,
            destinations: all(&redirect.destinations),
            fields: all(&redirect.fields),
            attributes: AttributesForm(&redirect.attributes),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct DestinationForm<'a> {
    uri: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_hop: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preference: Option<u16>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    set_fields: Vec<WriteField<'a>>,
    #[serde(skip_serializing_if = "AttributesForm::is_empty")]
    attributes: AttributesForm<'a>,
}

impl<'a> From<&'a Destination> for DestinationForm<'a> {
    fn from(destination: &'a Destination) -> Self {
        Self {
            uri: &destination.uri,
            next_hop: destination.next_hop.as_deref(),
            preference: destination.preference,
            set_fields: all(&destination.set_fields),
            attributes: AttributesForm(&destination.attributes),
        }
    }
}

#[derive(Serialize)]
struct WriteField<'a> {
    name: &'a str,
    #[serde(flatten)]
    value: BytesForm<'a>,
}

impl<'a> From<&'a (String, Vec<u8>)> for WriteField<'a> {
    fn from((name, value): &'a (String, Vec<u8>)) -> Self {
        Self {
            name,
            value: BytesForm::of_field(value),
        }
    }
}

/// Bytes, under the name of how they are written.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum BytesForm<'a> {
    Text(&'a str),
    Value(&'a str),
    Base64(String),
}

impl<'a> BytesForm<'a> {
    fn of_field(bytes: &'a [u8]) -> Self {
        str::from_utf8(bytes).map_or_else(|_| Self::base64(bytes), Self::Value)
    }

    fn of_body(bytes: &'a [u8]) -> Self {
        str::from_utf8(bytes).map_or_else(|_| Self::base64(bytes), Self::Text)
    }

    fn base64(bytes: &[u8]) -> Self {
        Self::Base64(BASE64_STANDARD.encode(bytes))
    }
}

struct AttributesForm<'a>(&'a [(String, String)]);

impl AttributesForm<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for AttributesForm<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

fn all<'a, T, F: From<&'a T>>(items: &'a [T]) -> Vec<F> {
    items.iter().map(F::from).collect()
}

#[cfg(test)]
mod tests;
