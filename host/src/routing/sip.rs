//! Requests as SIP messages (RFC 3261, section 7), so that a routing script needs to build
//! no JSON out of what a stranger has sent.

use super::{
    Endpoint, Payload, Protocol, Request, RequestError, Transport, Violation, check_request,
    fields::value,
    names::{canonical, is_token},
    request::{branch, request_id},
};

/// What the proxy vouches for of a message, beside the message itself.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct SipSource {
    /// Where the packet came from.
    pub source: Option<Endpoint>,
    /// How.
    pub transport: Option<Transport>,
    /// Attributes of the proxy's own. Those that can be read in the message are added:
    /// `call-id`, `branch`, `from-tag`, `to-tag`, `cseq`.
    pub attributes: Vec<(String, String)>,
}

/// Reads a message as it was received. Compact names are written out, folded lines are
/// joined.
///
/// # Errors
///
/// It is no request of SIP/2.0, its body is shorter than it says, or it breaks a rule of the
/// contract.
///
/// ```
/// use rest_client_host::routing::{SipSource, read_sip};
///
/// let message = b"INVITE sip:bob@example.org SIP/2.0\r\n\
///     v: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\n\
///     f: <sip:alice@example.org>;tag=a1\r\n\
///     t: <sip:bob@example.org>\r\n\
///     i: x9@192.0.2.7\r\n\
///     CSeq: 1 INVITE\r\n\r\n";
/// let request = read_sip(message, SipSource::default())?;
/// assert_eq!(request.fields[3], ("call-id".into(), b"x9@192.0.2.7".to_vec()));
/// assert_eq!(request.attributes[2], ("from-tag".into(), "a1".into()));
/// # Ok::<(), rest_client_host::routing::RequestError>(())
/// ```
pub fn read_sip(message: &[u8], source: SipSource) -> Result<Request, RequestError> {
    let request = parse(message, source)?;
    check_request(&request)?;
    Ok(request)
}

fn parse(message: &[u8], source: SipSource) -> Result<Request, Violation> {
    let (start, mut rest) = line(message).ok_or_else(|| wrong("there is no request line"))?;
    let start = std::str::from_utf8(start).map_err(|_| wrong("its first line is no UTF-8"))?;
    let words: Vec<&str> = start.split(' ').collect();
    let &[method, target, version] = &*words else {
        return Err(wrong("its first line must be METHOD URI SIP/2.0"));
    };
    if !version.eq_ignore_ascii_case("SIP/2.0") {
        return Err(wrong("its version must be SIP/2.0"));
    }
    let mut fields: Vec<(String, Vec<u8>)> = Vec::new();
    loop {
        let (line, after) =
            line(rest).ok_or_else(|| wrong("it has no empty line after its fields"))?;
        rest = after;
        if line.is_empty() {
            break;
        }
        if let [b' ' | b'\t', ..] = line {
            let (_, value) = fields
                .last_mut()
                .ok_or_else(|| wrong("its first field begins with white space"))?;
            value.push(b' ');
            value.extend_from_slice(line.trim_ascii());
            continue;
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (name, value) = line.split_at(colon.ok_or_else(|| wrong("a field has no colon"))?);
        // White space may stand before the colon (section 7.3.1).
        let name = str::from_utf8(name.trim_ascii_end()).unwrap_or_default();
        if !is_token(name) {
            return Err(wrong("a field has no name"));
        }
        let name = canonical(Protocol::Sip, name);
        fields.push((name, value[1..].trim_ascii().to_vec()));
    }
    for (_, value) in &mut fields {
        // What was folded may begin or end with nothing.
        *value = value.trim_ascii().to_vec();
    }
    let mut request = Request {
        id: String::new(),
        protocol: Protocol::Sip,
        method: method.to_owned(),
        target: target.to_owned(),
        body: Some(body(&fields, rest)?),
        fields,
        source: source.source,
        destination: None,
        transport: source.transport,
        attributes: source.attributes,
        time_left: u64::MAX,
    };
    request.id = request_id(&request);
    add_attributes(&mut request);
    Ok(request)
}

fn wrong(what: &str) -> Violation {
    Violation::new("message", what)
}

/// The first line of a text, without its end, and what follows.
fn line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|byte| *byte == b'\n')?;
    let line = &text[..end];
    Some((line.strip_suffix(b"\r").unwrap_or(line), &text[end + 1..]))
}

/// What follows the fields, as much of it as the message says that it has (section 18.3).
fn body(fields: &[(String, Vec<u8>)], rest: &[u8]) -> Result<Payload, Violation> {
    let mut lengths = fields.iter().filter(|(name, _)| name == "content-length");
    let announced = match (lengths.next(), lengths.next()) {
        (None, _) => rest.len(),
        (Some((_, length)), None) => {
            let digits = str::from_utf8(length).ok();
            digits
                .filter(|it| it.bytes().all(|byte| byte.is_ascii_digit()))
                .and_then(|it| it.parse().ok())
                .ok_or_else(|| wrong("its content-length is no number"))?
        }
        (Some(_), Some(_)) => return Err(wrong("it has a content-length twice")),
    };
    let bytes = rest
        .get(..announced)
        .ok_or_else(|| wrong("its body is shorter than its content-length"))?;
    Ok(Payload {
        bytes: bytes.to_vec(),
        complete: true,
        length: Some(bytes.len() as u64),
    })
}

/// Adds what stands in the message, unless the proxy has said it.
fn add_attributes(request: &mut Request) {
    let text = |name| {
        let value = value(Protocol::Sip, &request.fields, name)?;
        String::from_utf8(value.to_vec()).ok()
    };
    let read = [
        ("call-id", text("call-id")),
        (
            "branch",
            value(Protocol::Sip, &request.fields, "via").and_then(branch),
        ),
        ("from-tag", text("from").and_then(|it| tag(&it))),
        ("to-tag", text("to").and_then(|it| tag(&it))),
        ("cseq", text("cseq")),
    ];
    for (name, value) in read {
        let is_there = request.attributes.iter().any(|(other, _)| other == name);
        if let Some(value) = value
            && !is_there
        {
            request.attributes.push((name.to_owned(), value));
        }
    }
}

/// Of a From or a To: a parameter behind the address, and of nothing that is quoted.
fn tag(field: &str) -> Option<String> {
    let (mut is_quoted, mut is_escaped, mut is_address) = (false, false, false);
    let outside: String = field
        .chars()
        .map(|it| {
            let is_hidden = is_quoted || is_address;
            match it {
                _ if is_escaped => is_escaped = false,
                '\\' if is_quoted => is_escaped = true,
                '"' if !is_address => is_quoted = !is_quoted,
                '<' if !is_quoted => is_address = true,
                '>' if !is_quoted => is_address = false,
                _ => {}
            }
            match is_hidden {
                true => '_',
                false => it,
            }
        })
        .collect();
    // Each character stands for one, though not of as many bytes.
    let mut at = 0;
    for parameter in outside.split(';') {
        let length = parameter.chars().count();
        let is_tag = at > 0
            && parameter
                .split_once('=')
                .is_some_and(|(name, _)| name.trim().eq_ignore_ascii_case("tag"));
        if is_tag {
            let whole: String = field.chars().skip(at).take(length).collect();
            return Some(whole.split_once('=')?.1.trim().to_owned());
        }
        at += length + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(message: &str) -> Result<Request, String> {
        let message = message.replace('\n', "\r\n");
        read_sip(message.as_bytes(), SipSource::default()).map_err(|it| it.to_string())
    }

    #[test]
    fn a_message_is_read_however_its_lines_are_written() {
        let request = read(
            "INVITE sip:bob@example.org SIP/2.0\nVia : SIP/2.0/UDP h;branch=z9hG4bK1,\n  SIP/2.0/TCP i\n\
             v: SIP/2.0/TLS j\nSubject:\n  folded \nf: \"a;tag=no\" <sip:a@b;tag=no>;Tag=yes\nl: 3\n\nabcdef",
        )
        .unwrap();
        let fields: Vec<(&str, &str)> = request
            .fields
            .iter()
            .map(|(name, value)| (&**name, str::from_utf8(value).unwrap()))
            .collect();
        assert_eq!(
            fields,
            [
                ("via", "SIP/2.0/UDP h;branch=z9hG4bK1, SIP/2.0/TCP i"),
                ("via", "SIP/2.0/TLS j"),
                ("subject", "folded"),
                ("from", "\"a;tag=no\" <sip:a@b;tag=no>;Tag=yes"),
                ("content-length", "3"),
            ]
        );
        assert_eq!(request.body.unwrap().bytes, b"abc");
        assert_eq!(
            request.attributes,
            [
                ("branch".to_owned(), "z9hG4bK1".to_owned()),
                ("from-tag".to_owned(), "yes".to_owned())
            ]
        );
    }

    #[test]
    fn a_tag_is_a_parameter_and_no_part_of_what_is_quoted() {
        for (field, expected) in [
            ("<sip:b@h>;tag=f", Some("f")),
            ("sip:b@h ; TAG = f ", Some("f")),
            ("\"a;tag=no\" <sip:a@b;tag=no>;x=1;Tag=yes", Some("yes")),
            ("<sip:b@h>;x=\">;tag=f\"", None),
            ("<sip:b@h>;tag=real;x=\">\"", Some("real")),
            ("\"\\\";tag=no\" <sip:b@h>", None),
            ("<sip:b@h>", None),
        ] {
            assert_eq!(tag(field).as_deref(), expected, "{field}");
        }
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for (message, words) in [
            ("", "no request line"),
            ("INVITE sip:a@b\n\n", "METHOD URI SIP/2.0"),
            ("INVITE sip:a@b HTTP/1.1\n\n", "version"),
            ("SIP/2.0 200 OK\n\n", "version"),
            ("INVITE sip:a@b SIP/2.0\nf: x", "no empty line"),
            ("INVITE sip:a@b SIP/2.0\n folded\n\n", "white space"),
            ("INVITE sip:a@b SIP/2.0\nno colon\n\n", "no colon"),
            ("INVITE sip:a@b SIP/2.0\n: x\n\n", "no name"),
            ("INVITE sip:a@b SIP/2.0\nl: 4\n\nabc", "shorter"),
            ("INVITE sip:a@b SIP/2.0\nl: -1\n\nabc", "no number"),
            (
                "INVITE sip:a@b SIP/2.0\nl: 1\nContent-Length: 3\n\nabc",
                "twice",
            ),
            ("ACK sip:a@b SIP/2.0\n\n", "INVITE"),
            ("INVITE sip:a@b SIP/2.0\nx: a\0b\n\n", "NUL"),
        ] {
            let found = read(message).unwrap_err();
            assert!(found.contains(words), "{message:?}: {found}");
        }
    }
}
