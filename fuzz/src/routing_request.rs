//! A request of JSON that a plugin is asked about keeps the rules of the contract.

use rest_client_host::routing::{Request, check_request, read_request};

/// Takes a text of JSON.
pub fn check(input: &[u8]) {
    match read_request(input) {
        Ok(request) => check_rules(&request),
        // It goes into a reply, and into the log.
        Err(error) => assert!(!error.to_string().contains(['\r', '\n', '\0'])),
    }
}

/// Panics where `request` breaks what the contract says of any.
pub(crate) fn check_rules(request: &Request) {
    check_request(request).expect("the rules are kept");
    assert!((1..=256).contains(&request.id.len()));
    for (name, value) in &request.fields {
        assert_eq!(*name, name.to_ascii_lowercase());
        assert!(!name.is_empty() && !value.iter().any(|it| b"\r\n\0".contains(it)));
        assert!(!matches!(value.last(), Some(b' ' | b'\t')));
    }
}
