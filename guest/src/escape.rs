//! Percent-coding of single values: `rest-escape` and `rest-unescape`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What is written in percent-code: all but the unreserved characters of RFC
/// 3986, section 2.3.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Percent-codes every byte of `text` that is not unreserved.
#[must_use]
pub fn escape(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// Undoes [`escape`]. A `+` stays a `+`.
///
/// # Errors
///
/// A sentence for a person, if a `%` is not followed by two hexadecimal digits
/// or if the decoded bytes are not UTF-8.
pub fn unescape(text: &str) -> Result<String, String> {
    if let Some(at) = malformed_escape(text) {
        return Err(format!(
            "the % at byte {at} is not followed by two hexadecimal digits; a plain % is written %25"
        ));
    }
    percent_decode_str(text)
        .decode_utf8()
        .map(String::from)
        .map_err(|error| {
            format!(
                "the decoded bytes are not UTF-8 from byte {} on",
                error.valid_up_to()
            )
        })
}

/// The offset in bytes of the first `%` that is not followed by two hexadecimal
/// digits.
fn malformed_escape(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    bytes
        .iter()
        .enumerate()
        .filter(|&(_, &byte)| byte == b'%')
        .map(|(at, _)| at)
        .find(|&at| {
            !matches!(bytes.get(at + 1..at + 3), Some(digits) if digits.iter().all(u8::is_ascii_hexdigit))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manuals_example_goes_there_and_back() {
        let plain = "call@example.com&safe=false";
        let coded = "call%40example.com%26safe%3Dfalse";
        assert_eq!(escape(plain), coded);
        assert_eq!(unescape(coded).unwrap(), plain);
    }

    #[test]
    fn unreserved_characters_stay() {
        let unreserved = "ABCxyz019-._~";
        assert_eq!(escape(unreserved), unreserved);
    }

    #[test]
    fn every_character_survives_the_round_trip() {
        let all: String = (0..=0x2ff).filter_map(char::from_u32).collect();
        assert_eq!(unescape(&escape(&all)).unwrap(), all);
    }

    #[test]
    fn a_plus_is_no_space() {
        assert_eq!(unescape("a+b%20c").unwrap(), "a+b c");
    }

    #[test]
    fn a_broken_escape_names_its_place() {
        for (text, at) in [("%", 0), ("ab%4", 2), ("ab%zz", 2), ("%41%", 3)] {
            let message = unescape(text).unwrap_err();
            assert!(
                message.contains(&format!("byte {at} ")),
                "{text}: {message}"
            );
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_refused() {
        assert!(unescape("%ff").unwrap_err().contains("UTF-8"));
    }
}
