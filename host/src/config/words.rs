//! What a library says of a value, in the words of a person who knows nothing of the types
//! of a program.

use super::by_text::without_user;

/// What a library calls what it expected, and what a person does.
const EXPECTED: [(&str, &str); 14] = [
    ("u16", "a whole number from 0 to 65535"),
    ("u32", "a whole number from 0 to 4294967295"),
    ("u64", "a whole number, 0 or more"),
    ("usize", "a whole number, 0 or more"),
    ("a nonzero u32", "a whole number, 1 or more"),
    ("a nonzero usize", "a whole number, 1 or more"),
    ("a boolean", "true or false"),
    ("a string", "a text"),
    ("path string", "a text"),
    ("string only", "a text"),
    ("any valid TOML value", "a number that is not as large"),
    ("a sequence", "a list"),
    ("a map", "a table"),
    (
        "socket address",
        "an address with its port, like 192.0.2.53:53 or [2001:db8::53]:53",
    ),
];

/// `message` of serde, or of what it has called, for a person.
pub(super) fn in_words(message: &str) -> String {
    if message == "invalid socket address syntax" {
        return needed("socket address", None);
    }
    let told = ["invalid type: ", "invalid value: ", "invalid length "]
        .iter()
        .find_map(|begin| message.strip_prefix(begin)?.rsplit_once(", expected "));
    match told {
        Some((unexpected, expected)) => needed(expected, value(unexpected).as_deref()),
        None => hide_user(message),
    }
}

/// `message` without the user of a URL in it, who may have a password.
fn hide_user(message: &str) -> String {
    match (message.find("://"), message.rfind('@')) {
        (Some(begin), Some(end)) if begin < end => {
            format!("{}…{}", &message[..begin + 3], &message[end..])
        }
        _ => message.to_owned(),
    }
}

fn needed(expected: &str, value: Option<&str>) -> String {
    let expected = match EXPECTED.iter().find(|(it, _)| *it == expected) {
        Some((_, words)) => words,
        None if expected.starts_with("struct ") => "a table",
        None => expected,
    };
    match value {
        Some(value) => format!("what is needed is {expected}, not {value}"),
        None => format!("what is needed is {expected}"),
    }
}

/// The value that serde calls so; `None` where it has no word for it that helps.
fn value(unexpected: &str) -> Option<String> {
    match unexpected {
        "sequence" => return Some("a list".into()),
        "map" => return Some("a table".into()),
        _ => {}
    }
    if let Some(text) = unexpected.strip_prefix("string ") {
        return Some(format!("the text {}", without_user(text)));
    }
    // A kind of number, or a boolean.
    let (_, quoted) = unexpected.split_once('`')?;
    let (value, _) = quoted.split_once('`')?;
    Some(value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_is_said_without_the_types_of_a_program() {
        for (message, words) in [
            (
                "invalid type: string \"10MB\", expected u64",
                "what is needed is a whole number, 0 or more, not the text \"10MB\"",
            ),
            (
                "invalid value: integer `-1`, expected a nonzero usize",
                "what is needed is a whole number, 1 or more, not -1",
            ),
            (
                "invalid type: sequence, expected path string",
                "what is needed is a text, not a list",
            ),
            (
                "invalid length 0, expected struct Service with 7 elements",
                "what is needed is a table",
            ),
            (
                "invalid type: unit variant, expected string only",
                "what is needed is a text",
            ),
            (
                "invalid socket address syntax",
                "what is needed is an address with its port, like 192.0.2.53:53 or [2001:db8::53]:53",
            ),
            (
                "invalid type: string \"http://u:hunter2@h\", expected a sequence",
                "what is needed is a list, not the text \"http://…@h\"",
            ),
            (
                "unknown variant `http://u:hunter2@h`, expected `deny` or `allow`",
                "unknown variant `http://…@h`, expected `deny` or `allow`",
            ),
            // Of our own.
            ("it is at least 1ms", "it is at least 1ms"),
            (
                "invalid type: integer `-1`, expected a time like 20s or 500ms",
                "what is needed is a time like 20s or 500ms, not -1",
            ),
        ] {
            assert_eq!(in_words(message), words, "{message}");
        }
    }
}
