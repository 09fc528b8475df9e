//! The value of a `location` field, as servers write it: often with bytes that
//! no URL may hold.

/// The reference that the value of a `location` field stands for, as browsers
/// read it (URL Standard, "basic URL parser"): without white space around it,
/// tabs and line ends inside it are left out, and what else no URL may hold is
/// written in percent-code. A host is left with what it can't hold, and so is
/// refused.
///
/// Letters beyond ASCII stay as they are where the value is UTF-8, since a host
/// may hold them. In any other coding each of their bytes is written in
/// percent-code, as Chromium does.
#[must_use]
pub fn read(value: &[u8]) -> String {
    let value = value.trim_ascii();
    let mut reference = String::with_capacity(value.len());
    match std::str::from_utf8(value) {
        Ok(text) => {
            for c in text.chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')) {
                if c.is_control() || c.is_whitespace() {
                    let mut bytes = [0; 4];
                    percent_code(c.encode_utf8(&mut bytes).as_bytes(), &mut reference);
                } else {
                    reference.push(c);
                }
            }
        }
        Err(_) => {
            for &byte in value.iter().filter(|byte| !b"\t\n\r".contains(byte)) {
                if byte.is_ascii_graphic() {
                    reference.push(char::from(byte));
                } else {
                    percent_code(&[byte], &mut reference);
                }
            }
        }
    }
    reference
}

/// The scheme that a reference begins with (RFC 3986, section 3.1), as it is
/// written there. `None` if the reference is a relative one.
#[must_use]
pub fn scheme(reference: &str) -> Option<&str> {
    let (scheme, _) = reference.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    is_scheme.then_some(scheme)
}

fn percent_code(bytes: &[u8], out: &mut String) {
    out.extend(
        bytes
            .iter()
            .map(|&byte| percent_encoding::percent_encode_byte(byte)),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_url_may_hold_is_coded() {
        for (value, reference) in [
            (&b"  /a b\t"[..], "/a%20b"),
            (b"/a\tb", "/ab"),
            ("/\u{a0}\u{2028}\u{85}".as_bytes(), "/%C2%A0%E2%80%A8%C2%85"),
            ("//b\u{fc}cher/\u{fc}".as_bytes(), "//b\u{fc}cher/\u{fc}"),
            (b"/caf\xe9 \xe9", "/caf%E9%20%E9"),
            (b"/%20%zz", "/%20%zz"),
            (b"", ""),
        ] {
            assert_eq!(read(value), reference);
        }
    }

    #[test]
    fn a_scheme_is_told_from_a_path() {
        assert_eq!(scheme("File:///etc"), Some("File"));
        assert_eq!(scheme("a+b-c.1:x"), Some("a+b-c.1"));
        for relative in ["/a:b", "a%20b:c", "1a:b", ":x", "?a:b", "", "//h:1/"] {
            assert_eq!(scheme(relative), None, "{relative}");
        }
    }
}
