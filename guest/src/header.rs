//! Header fields (RFC 9110, section 5): which ones a caller may send, and how
//! one is found.

use crate::error::RestError;

/// Fields that frame the message or belong to the connection. Only the
/// transport sets them. A caller who could set them could smuggle in a second
/// request.
const RESERVED: [&str; 13] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Checks one field and returns it as it is sent: the name is in lower case,
/// and the value has no white space around it.
///
/// # Errors
///
/// [`RestError::InvalidHeader`], which shows the field's name and never its
/// value.
pub fn checked(name: String, value: Vec<u8>) -> Result<(String, Vec<u8>), RestError> {
    if !is_token(name.as_bytes()) {
        return Err(RestError::InvalidHeader(format!(
            "{name:?} is not the name of a header field; one is made of letters, digits and !#$%&'*+-.^_`|~"
        )));
    }
    let name = name.to_ascii_lowercase();
    if RESERVED.contains(&name.as_str()) {
        return Err(RestError::InvalidHeader(format!(
            "the header field {name} can't be sent by a caller: the transport sets it"
        )));
    }
    let value = without_white_space_around(&value);
    if value
        .iter()
        .any(|&byte| byte.is_ascii_control() && byte != b'\t')
    {
        return Err(RestError::InvalidHeader(format!(
            "the value of the header field {name} holds a line end or another control character"
        )));
    }
    Ok((name, value.to_vec()))
}

/// Takes away the spaces and tabs around a value, which are no part of it (RFC
/// 9110, section 5.5). Line ends stay, so that the check finds them.
fn without_white_space_around(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// Whether `bytes` are a token (RFC 9110, section 5.6.2). The names of fields
/// and methods are tokens.
#[must_use]
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty()
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

/// The value of the first field that is called `name`, in upper or lower case.
#[must_use]
pub fn first<'a>(headers: &'a [(String, Vec<u8>)], name: &str) -> Option<&'a [u8]> {
    headers
        .iter()
        .find(|(candidate, _)| candidate.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, value: &[u8]) -> Result<(String, Vec<u8>), RestError> {
        checked(name.into(), value.to_vec())
    }

    #[test]
    fn a_field_is_sent_as_it_was_given() {
        assert_eq!(
            check("X-Call-ID", b" 843817637684230@998sdasdh09 \t").unwrap(),
            ("x-call-id".into(), b"843817637684230@998sdasdh09".to_vec())
        );
        assert_eq!(check("x", b"").unwrap().1, b"");
        assert_eq!(
            check("x", "gr\u{fc}\u{df}".as_bytes()).unwrap().1,
            "gr\u{fc}\u{df}".as_bytes()
        );
        assert_eq!(check("x", b"a\tb").unwrap().1, b"a\tb");
    }

    #[test]
    fn a_line_end_in_a_value_is_refused_and_not_repeated() {
        for value in [
            &b"secret\r\nx: y"[..],
            b"secret\n",
            b"\rsecret\r",
            b"secret\0",
            b"secret\x7f",
        ] {
            match check("authorization", value) {
                Err(RestError::InvalidHeader(message)) => assert!(!message.contains("secret")),
                other => panic!("{value:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_name_is_a_token() {
        for name in ["", "a b", "a:", "a\r\nb", "\u{fc}", "a/b", "(a)"] {
            assert!(check(name, b"v").is_err(), "{name:?}");
        }
    }

    #[test]
    fn what_frames_a_message_is_reserved() {
        for name in [
            "Host",
            "content-length",
            "Transfer-Encoding",
            "CONNECTION",
            "te",
            "upgrade",
            "Expect",
        ] {
            assert!(check(name, b"v").is_err(), "{name}");
        }
        assert!(check("authorization", b"v").is_ok());
    }

    #[test]
    fn fields_are_found_in_any_case() {
        let headers = vec![
            ("content-type".to_owned(), b"a".to_vec()),
            ("Content-Type".to_owned(), b"b".to_vec()),
        ];
        assert_eq!(first(&headers, "content-type"), Some(&b"a"[..]));
        assert_eq!(first(&headers[1..], "content-type"), Some(&b"b"[..]));
        assert_eq!(first(&headers, "etag"), None);
    }
}
