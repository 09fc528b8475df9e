//! What is read.

use super::NO_LIMIT;
use crate::{
    one_line::one_line,
    routing::{
        Endpoint, Payload, Protocol, Request, Transport, Violation, check_request,
        fields::MOST_ATTRIBUTES, request::request_id,
    },
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};
use std::{fmt, marker::PhantomData};

/// Bytes of what is said of a text that is no request.
const LONGEST_ERROR: usize = 1000;

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
            Why::Json(error) if error.is_eof() => format!(
                "the JSON ends too early, at line {} column {}",
                error.line(),
                error.column()
            ),
            Why::Json(error) => error.to_string(),
            Why::Violation(violation) => violation.to_string(),
        };
        // It may name what a stranger has made up, of any length and with line ends.
        f.write_str(&one_line(&text[..text.floor_char_boundary(LONGEST_ERROR)]))
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
    let Object::<RequestForm>(form) =
        serde_json::from_slice(json).map_err(|error| RequestError(Why::Json(error)))?;
    let request = form.into_request();
    check_request(&request)?;
    Ok(request)
}

/// What is read from an object alone. serde would take an array as well, its elements as the
/// members in the order of the declaration.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(Members(PhantomData))
    }
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
    source: Option<Object<ReadEndpoint>>,
    destination: Option<Object<ReadEndpoint>>,
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
            source: self.source.map(|it| it.0.into()),
            destination: self.destination.map(|it| it.0.into()),
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
#[serde(try_from = "Object<FieldForm>")]
struct ReadField(String, Vec<u8>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldForm {
    name: String,
    value: Option<String>,
    base64: Option<String>,
}

impl TryFrom<Object<FieldForm>> for ReadField {
    type Error = String;

    fn try_from(Object(form): Object<FieldForm>) -> Result<Self, String> {
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
#[serde(try_from = "Object<PayloadForm>")]
struct ReadPayload(Payload);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PayloadForm {
    text: Option<String>,
    base64: Option<String>,
    complete: Option<bool>,
    length: Option<u64>,
}

impl TryFrom<Object<PayloadForm>> for ReadPayload {
    type Error = String;

    fn try_from(Object(form): Object<PayloadForm>) -> Result<Self, String> {
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
