//! A SIP message is read in one way or not at all: written again, it is the same request.

use crate::routing_request;
use rest_client_host::routing::{Request, SipSource, read_sip};

/// Takes a message.
pub fn check(input: &[u8]) {
    let Ok(request) = read_sip(input, SipSource::default()) else {
        return;
    };
    routing_request::check_rules(&request);
    let mut again = read_sip(&written(&request), SipSource::default()).expect("a request");
    // Of one that has nothing to be known by it is random.
    again.id.clone_from(&request.id);
    assert_eq!(again, request);
}

fn written(request: &Request) -> Vec<u8> {
    let mut message = format!("{} {} SIP/2.0\r\n", request.method, request.target).into_bytes();
    for (name, value) in &request.fields {
        message.extend_from_slice(name.as_bytes());
        message.extend_from_slice(b": ");
        message.extend_from_slice(value);
        message.extend_from_slice(b"\r\n");
    }
    message.extend_from_slice(b"\r\n");
    if let Some(body) = &request.body {
        message.extend_from_slice(&body.bytes);
    }
    message
}
