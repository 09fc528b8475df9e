//! What is written.

use super::NO_LIMIT;
use crate::routing::{
    Answer, Changes, Decision, Destination, Endpoint, Payload, Protocol, Redirect, Request,
    Transport,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Serialize, Serializer, ser::SerializeMap as _};
use std::str;

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

/// Writes a request, in one line, as [`read_request`](super::read_request) reads it.
///
/// ```
/// use rest_client_host::routing::{read_request, write_request};
///
/// let json = r#"{"id":"1","protocol":"http","method":"GET","target":"/"}"#;
/// assert_eq!(write_request(&read_request(json.as_bytes())?), json);
/// # Ok::<(), rest_client_host::routing::RequestError>(())
/// ```
#[must_use]
pub fn write_request(request: &Request) -> String {
    serde_json::to_string(&RequestForm::from(request)).expect("texts and numbers can be written")
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

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct RequestForm<'a> {
    id: &'a str,
    protocol: &'static str,
    method: &'a str,
    target: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<WriteField<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<PayloadForm<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<EndpointForm<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination: Option<EndpointForm<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transport: Option<&'static str>,
    #[serde(skip_serializing_if = "AttributesForm::is_empty")]
    attributes: AttributesForm<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_left: Option<u64>,
}

impl<'a> From<&'a Request> for RequestForm<'a> {
    fn from(request: &'a Request) -> Self {
        Self {
            id: &request.id,
            protocol: match request.protocol {
                Protocol::Sip => "sip",
                Protocol::Http => "http",
            },
            method: &request.method,
            target: &request.target,
            fields: all(&request.fields),
            body: request.body.as_ref().map(PayloadForm::from),
            source: request.source.as_ref().map(EndpointForm::from),
            destination: request.destination.as_ref().map(EndpointForm::from),
            transport: request.transport.map(|transport| match transport {
                Transport::Udp => "udp",
                Transport::Tcp => "tcp",
                Transport::Tls => "tls",
                Transport::Sctp => "sctp",
                Transport::TlsSctp => "tls-sctp",
                Transport::Ws => "ws",
                Transport::Wss => "wss",
                Transport::Quic => "quic",
            }),
            attributes: AttributesForm(&request.attributes),
            time_left: (request.time_left != NO_LIMIT).then_some(request.time_left),
        }
    }
}

#[derive(Serialize)]
struct PayloadForm<'a> {
    #[serde(flatten)]
    bytes: BytesForm<'a>,
    complete: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<u64>,
}

impl<'a> From<&'a Payload> for PayloadForm<'a> {
    fn from(payload: &'a Payload) -> Self {
        Self {
            bytes: BytesForm::of_body(&payload.bytes),
            complete: payload.complete,
            length: payload.length,
        }
    }
}

#[derive(Serialize)]
struct EndpointForm<'a> {
    address: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
}

impl<'a> From<&'a Endpoint> for EndpointForm<'a> {
    fn from(endpoint: &'a Endpoint) -> Self {
        Self {
            address: &endpoint.address,
            port: endpoint.port,
        }
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
