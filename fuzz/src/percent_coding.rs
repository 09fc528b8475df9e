//! Percent-coding goes there and back, and decodes as one does it by hand.

use rest_client_guest::escape::{escape, unescape};

/// Takes a text.
pub fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let coded = escape(&text);
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte);
    assert!(coded.bytes().all(is_unreserved), "{coded:?}");
    assert_eq!(unescape(&coded).as_deref(), Ok(&*text));

    match (unescape(&text), by_hand(text.as_bytes())) {
        (Ok(ours), Some(bytes)) => assert_eq!(ours.as_bytes(), bytes),
        (Ok(ours), None) => panic!("{text:?} was decoded, to {ours:?}"),
        (Err(error), Some(bytes)) => {
            assert!(String::from_utf8(bytes).is_err(), "{text:?}: {error}");
        }
        (Err(_), None) => {}
    }
}

/// Empty where a `%` begins no code.
fn by_hand(mut text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        text = match text {
            [] => return Some(bytes),
            [b'%', high, low, rest @ ..] => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                let byte = digit(high)? * 16 + digit(low)?;
                bytes.push(u8::try_from(byte).ok()?);
                rest
            }
            [b'%', ..] => return None,
            [byte, rest @ ..] => {
                bytes.push(*byte);
                rest
            }
        }
    }
}
