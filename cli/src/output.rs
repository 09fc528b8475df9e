//! The forms in which a reply is printed.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use http::{HeaderMap, Version};
use rest_client_host::{Error, Response, Timings};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Status line and header fields, as they stand before a body.
pub(crate) fn head(reply: &Response) -> Vec<u8> {
    let mut head = format!(
        "{} {}\r\n",
        version(reply.version()),
        reply.status().as_u16()
    )
    .into_bytes();
    for (name, value) in reply.headers() {
        head.extend_from_slice(name.as_ref());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// The outcome as one JSON object on a line of its own. Times are milliseconds
/// from the start of the call. A body that is no UTF-8 is under `body_base64`
/// in place of `body`; the value of a field that is none is an object with its
/// bytes, `{"base64": "/w=="}`, in place of a string.
pub(crate) fn json(outcome: &Result<Response, Error>) -> Vec<u8> {
    let mut object = Map::new();
    let mut set = |key: &str, value: Value| object.insert(key.to_owned(), value);
    match outcome {
        Ok(reply) => {
            set("code", reply.code().into());
            set("status", reply.status().as_u16().into());
            set("version", version(reply.version()).into());
            set("content_type", reply.content_type().into());
            set("headers", headers(reply.headers()));
            set("timings", timings(reply.timings()));
            set_body(&mut object, reply.body());
        }
        Err(error) => {
            set("code", error.code().into());
            set("status", error.status().into());
            set(
                "error",
                json!({ "kind": error.kind().name(), "message": error.to_string() }),
            );
            if let Some(partial) = error.partial() {
                set("content_type", partial.content_type().into());
                set("headers", headers(partial.headers()));
            }
            set("timings", timings(error.timings()));
            if let Some(partial) = error.partial() {
                set_body(&mut object, partial.body());
            }
        }
    }
    let mut line = Value::Object(object).to_string().into_bytes();
    line.push(b'\n');
    line
}

/// As it stands in a status line.
fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        _ => "HTTP/1.1",
    }
}

fn headers(headers: &HeaderMap) -> Value {
    headers
        .iter()
        .map(|(name, value)| {
            let value = match std::str::from_utf8(value.as_bytes()) {
                Ok(text) => text.into(),
                Err(_) => json!({ "base64": BASE64.encode(value.as_bytes()) }),
            };
            json!([name.as_str(), value])
        })
        .collect()
}

fn timings(timings: &Timings) -> Value {
    let milliseconds = |time: Duration| (time.as_secs_f64() * 1e6).round() / 1e3;
    json!({
        "name_lookup": timings.name_lookup.map(milliseconds),
        "connect": timings.connect.map(milliseconds),
        "tls": timings.tls.map(milliseconds),
        "first_byte": timings.first_byte.map(milliseconds),
        "total": milliseconds(timings.total),
    })
}

fn set_body(object: &mut Map<String, Value>, body: &[u8]) {
    match std::str::from_utf8(body) {
        Ok(text) => object.insert("body".into(), text.into()),
        Err(_) => object.insert("body_base64".into(), BASE64.encode(body).into()),
    };
}
