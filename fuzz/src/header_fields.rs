//! What a caller gives for header fields never changes how a request is framed, and is
//! taken by whoever sends it.

use arbitrary::{Arbitrary, Unstructured};
use http::{HeaderName, HeaderValue, Method};
use rest_client_guest::request::{Call, Request};

/// Fields that say where a message ends and whom it is for.
const OF_THE_TRANSPORT: [&str; 8] = [
    "connection",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Takes a method, fields, a content type and a body.
pub fn check(input: &[u8]) {
    let Some(call) = call(input) else {
        return;
    };
    let body_length = call.body.as_ref().map(Vec::len);
    let Ok(request) = Request::prepare(call) else {
        return;
    };
    Method::from_bytes(request.method.as_bytes()).expect("a method is a token");
    let mut lengths = Vec::new();
    for (name, value) in &request.headers {
        assert_eq!(*name, name.to_ascii_lowercase());
        HeaderName::from_bytes(name.as_bytes()).expect("a name is a token");
        HeaderValue::from_bytes(value).expect("a value has no control characters");
        assert!(!OF_THE_TRANSPORT.contains(&name.as_str()), "{name} is sent");
        if name == "content-length" {
            lengths.push(String::from_utf8_lossy(value).into_owned());
        }
    }
    let expected: Vec<_> = body_length.iter().map(ToString::to_string).collect();
    assert_eq!(lengths, expected, "a body has one length, its own");
}

fn call(input: &[u8]) -> Option<Call> {
    let mut choices = Unstructured::new(input);
    Some(Call {
        method: Option::<String>::arbitrary(&mut choices)
            .ok()?
            .unwrap_or_else(|| "POST".to_owned()),
        url: "http://h/".to_owned(),
        body: Arbitrary::arbitrary(&mut choices).ok()?,
        content_type: Arbitrary::arbitrary(&mut choices).ok()?,
        headers: Arbitrary::arbitrary(&mut choices).ok()?,
    })
}
