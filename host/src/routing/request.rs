//! What the contract says of a request, before a plugin sees it.

use super::{
    Endpoint, Protocol, Request, Violation,
    fields::{check_attributes, check_value, value},
    names::{is_token, written_out},
};
use sha2::{Digest as _, Sha256};
use std::{
    hash::{BuildHasher as _, RandomState},
    net::IpAddr,
};

/// Bytes of its name.
const LONGEST_ID: usize = 256;

/// An id for a request that has none: the same for the same message of SIP, made of
/// its call-id, the branch of its topmost Via and its CSeq; else random.
///
/// ```
/// use rest_client_host::routing::{read_request, request_id};
///
/// let json = br#"{"protocol": "http", "method": "GET", "target": "/"}"#;
/// let request = read_request(json)?;
/// assert_ne!(request_id(&request), request_id(&request));
/// # Ok::<(), rest_client_host::routing::RequestError>(())
/// ```
#[must_use]
pub fn request_id(request: &Request) -> String {
    let field = |name| value(request.protocol, &request.fields, name);
    if request.protocol == Protocol::Sip
        && let Some(call_id) = field("call-id")
    {
        let branch = field("via").and_then(branch).unwrap_or_default();
        let cseq = field("cseq").map(clean).unwrap_or_default();
        // No part can be taken for two.
        let parts =
            [clean(call_id), branch, cseq].map(|it| it.replace('%', "%25").replace('/', "%2F"));
        let id = parts.join("/");
        return match id.len() <= LONGEST_ID {
            true => id,
            // Nobody finds two that are the same.
            false => Sha256::digest(id)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        };
    }
    let random = || RandomState::new().hash_one(());
    format!("{:016x}{:016x}", random(), random())
}

/// A text without what no name has.
fn clean(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.replace(char::is_control, "")
}

/// Of the first value in a line of Via.
pub(super) fn branch(via: &[u8]) -> Option<String> {
    let via = clean(via);
    let first = via.split(',').next()?;
    let mut parameters = first.split(';').skip(1).map(str::trim);
    parameters.find_map(|it| {
        let (name, value) = it.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("branch")
            .then(|| value.trim().to_owned())
    })
}

/// Checks that `request` is one that a plugin may be asked about.
///
/// # Errors
///
/// It breaks a rule of the contract.
///
/// ```
/// use rest_client_host::routing::{check_request, read_request};
///
/// let mut request =
///     read_request(br#"{"protocol": "http", "method": "GET", "target": "/"}"#)?;
/// check_request(&request)?;
/// request.fields.push(("Host".into(), b"example.com".to_vec()));
/// let broken = check_request(&request).unwrap_err();
/// assert_eq!(broken.to_string(), r#"fields: "Host" is no token in lower case"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn check_request(request: &Request) -> Result<(), Violation> {
    let Request {
        id,
        protocol,
        method,
        target,
        fields,
        body: _,
        source,
        destination,
        transport: _,
        attributes,
        time_left,
    } = request;
    if id.is_empty() || id.len() > LONGEST_ID || id.chars().any(char::is_control) {
        let what = "it has 1 to 256 bytes and no control characters";
        return Err(Violation::new("id", what));
    }
    if !is_token(method) {
        let what = format_args!("{method:?} is no token");
        return Err(Violation::new("method", what));
    }
    if *protocol == Protocol::Sip && ["ACK", "CANCEL"].contains(&method.as_str()) {
        let what = format_args!("{method} follows its INVITE, so there is nothing to decide");
        return Err(Violation::new("method", what));
    }
    if target.is_empty() || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        let what = "it is not empty and has no white space; a byte beyond ASCII is percent-encoded";
        return Err(Violation::new("target", what));
    }
    for (name, value) in fields {
        if !is_token(name) || name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            let what = format_args!("{name:?} is no token in lower case");
            return Err(Violation::new("fields", what));
        }
        if *protocol == Protocol::Sip
            && let Some(long) = written_out(name)
        {
            let what = format_args!("{name} is written out: {long}");
            return Err(Violation::new("fields", what));
        }
        check_value(value)
            .map_err(|what| Violation::new("fields", format_args!("{name}: {what}")))?;
    }
    for (place, endpoint) in [("source", source), ("destination", destination)] {
        if let Some(Endpoint { address, .. }) = endpoint {
            let canonical = address.parse::<IpAddr>().map(|it| it.to_string());
            if canonical.as_ref() != Ok(address) {
                let what = format_args!(
                    "{address:?} is no address as RFC 5952 writes it, without brackets or zone"
                );
                return Err(Violation::new(place, what));
            }
        }
    }
    check_attributes(attributes)?;
    if *time_left == 0 {
        return Err(Violation::new("time-left", "there is none"));
    }
    Ok(())
}
