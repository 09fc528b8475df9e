//! What is too long to be handed to a guest.
//!
//! A guest allocates what it is given before it can judge it, and one that runs
//! out of memory is lost with all calls that are open in it. So the host
//! measures first; what a text says is the guest's to judge.

use crate::{
    call::spec::CallSpec,
    error::{Error, ErrorKind},
};

/// In bytes. The longest method that is registered has 17 letters
/// (UPDATEREDIRECTREF, RFC 4437).
const MAX_METHOD: usize = 64;

/// In bytes, as in the guest: common servers end request lines at 8 KiB, and
/// transports at 64 KiB.
const MAX_URL: usize = 32 * 1024;

/// How many header fields a request may have, and how many bytes of names and
/// values, the content type among them; as in the guest. Servers accept less
/// (nginx: 32 KiB, Apache: 100 fields of 8 KiB).
const MAX_FIELDS: usize = 256;
const MAX_FIELD_BYTES: usize = 64 * 1024;

/// In bytes. A guest has 4 GiB of addresses, and a body is there twice while it
/// is handed over.
const MAX_BODY: usize = 1 << 30;

/// Measures a call.
///
/// # Errors
///
/// Says which limit it is beyond, and repeats nothing of it.
pub(super) fn check(spec: &CallSpec) -> Result<(), Error> {
    let CallSpec {
        method, url, body, ..
    } = spec;
    if method.len() > MAX_METHOD {
        return invalid_header(format!(
            "the method is longer than {MAX_METHOD} bytes; one is a word like GET or PATCH"
        ));
    }
    if url.len() > MAX_URL {
        let message = format!("the URL is longer than {MAX_URL} bytes");
        return Err(Error::new(ErrorKind::InvalidUrl, message));
    }
    if has_too_many_fields(spec) {
        return invalid_header(format!(
            "the header fields are more than {MAX_FIELDS} or than {MAX_FIELD_BYTES} bytes"
        ));
    }
    if body.as_ref().is_some_and(|body| body.len() > MAX_BODY) {
        let message = format!("the body of the request is larger than {MAX_BODY} bytes");
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    }
    Ok(())
}

/// Whether its header fields are too many, or too long.
pub(crate) fn has_too_many_fields(spec: &CallSpec) -> bool {
    let fields = spec
        .headers
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .chain(spec.content_type.as_ref().map(String::len));
    spec.headers.len() > MAX_FIELDS || fields.sum::<usize>() > MAX_FIELD_BYTES
}

fn invalid_header(message: String) -> Result<(), Error> {
    Err(Error::new(ErrorKind::InvalidHeader, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_might_take_passes_and_a_byte_more_does_not() {
        let spec = |method: usize, url: usize, content_type: usize, body: usize| CallSpec {
            content_type: Some("a".repeat(content_type)),
            body: Some(vec![0; body]),
            ..CallSpec::new(&"M".repeat(method), &"u".repeat(url))
        };
        check(&spec(MAX_METHOD, MAX_URL, MAX_FIELD_BYTES, 0)).unwrap();
        let kind = |spec: CallSpec| check(&spec).unwrap_err().kind();
        assert_eq!(
            kind(spec(MAX_METHOD + 1, 0, 0, 0)),
            ErrorKind::InvalidHeader
        );
        assert_eq!(kind(spec(0, MAX_URL + 1, 0, 0)), ErrorKind::InvalidUrl);
        assert_eq!(
            kind(spec(0, 0, MAX_FIELD_BYTES + 1, 0)),
            ErrorKind::InvalidHeader
        );
        // Zeroes that nobody touches take no memory.
        assert_eq!(
            kind(spec(0, 0, 0, MAX_BODY + 1)),
            ErrorKind::InvalidArgument
        );
    }
}
