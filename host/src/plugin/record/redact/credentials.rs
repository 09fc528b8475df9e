//! What is a credential in the value of a field.

use base64::{Engine as _, prelude::BASE64_STANDARD};

/// The credentials, in the order of the value.
pub(super) fn secrets<'a>(name: &str, value: &'a [u8]) -> Vec<&'a [u8]> {
    let value = value.trim_ascii();
    let found: Vec<&[u8]> = match name {
        "cookie" => value.split(|it| *it == b';').map(of_pair).collect(),
        // Its attributes are none.
        "set-cookie" => value.split(|it| *it == b';').take(1).map(of_pair).collect(),
        "authorization" | "proxy-authorization" => {
            let end = value.iter().position(|it| *it == b' ');
            let (scheme, rest) = value.split_at(end.unwrap_or(0));
            match scheme.eq_ignore_ascii_case(b"digest") {
                true => rest
                    .split(|it| *it == b',')
                    .filter(|it| {
                        it.trim_ascii()
                            .to_ascii_lowercase()
                            .starts_with(b"response")
                    })
                    .map(of_pair)
                    .collect(),
                false => vec![rest.trim_ascii()],
            }
        }
        _ => vec![value],
    };
    found.into_iter().filter(|it| !it.is_empty()).collect()
}

/// Behind `=`, without quotes. All of it where there is none.
fn of_pair(pair: &[u8]) -> &[u8] {
    let at = pair.iter().position(|it| *it == b'=');
    let value = pair[at.map_or(0, |at| at + 1)..].trim_ascii();
    let inner = value
        .strip_prefix(b"\"")
        .and_then(|it| it.strip_suffix(b"\""));
    inner.unwrap_or(value)
}

/// User and password of the scheme `Basic` (RFC 7617).
pub(super) fn basic(name: &str, value: &[u8]) -> Option<Vec<u8>> {
    if !name.ends_with("authorization") {
        return None;
    }
    let (scheme, rest) = value.trim_ascii().split_at_checked(6)?;
    match scheme.eq_ignore_ascii_case(b"basic ") {
        true => BASE64_STANDARD.decode(rest.trim_ascii()).ok(),
        false => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts<'a>(name: &str, value: &'a str) -> Vec<&'a str> {
        let found = secrets(name, value.as_bytes());
        found
            .into_iter()
            .map(|it| str::from_utf8(it).unwrap())
            .collect()
    }

    #[test]
    fn a_credential_is_found_where_it_is_and_nothing_else_is() {
        for (name, value, found) in [
            ("authorization", "Bearer abc.def", &["abc.def"][..]),
            ("authorization", "Basic YTpi", &["YTpi"]),
            ("authorization", "naked", &["naked"]),
            (
                "authorization",
                r#"Digest username="alice", response="0f0f", uri="sip:h""#,
                &["0f0f"],
            ),
            ("cookie", "a=one; b=\"two\";c", &["one", "two", "c"]),
            ("set-cookie", "a=one; Path=/; Max-Age=10", &["one"]),
            ("x-session", " all of it ", &["all of it"]),
            ("cookie", "", &[]),
        ] {
            assert_eq!(texts(name, value), found, "{name}: {value}");
        }
    }
}
