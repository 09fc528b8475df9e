//! What the user hands over to be sent: data and header fields.

use crate::exit::{Exit, Problem};
use std::io::Read as _;

/// The bytes that `--data` stands for: itself, the file after an `@`, or
/// standard input for `@-`.
pub(crate) fn data(argument: &str) -> Result<Vec<u8>, Problem> {
    let unreadable = |name: &str, error: std::io::Error| {
        Problem::new(
            Exit::Read,
            format!("the data in {name} can't be read: {error}"),
        )
    };
    match argument.strip_prefix('@') {
        None => Ok(argument.as_bytes().to_vec()),
        Some("-") => {
            let mut bytes = Vec::new();
            std::io::stdin()
                .lock()
                .read_to_end(&mut bytes)
                .map_err(|error| unreadable("standard input", error))?;
            Ok(bytes)
        }
        Some(path) => std::fs::read(path).map_err(|error| unreadable(path, error)),
    }
}

/// Name and value of `Name: value`. Whether they can be sent is the guest's to
/// say.
pub(crate) fn header(argument: &str) -> Result<(String, String), Problem> {
    argument
        .split_once(':')
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| {
            // The argument may be a value whose name was forgotten: a secret.
            Problem::new(
                Exit::Header,
                "a header field has no colon; one is written \"Name: value\"",
            )
        })
}
