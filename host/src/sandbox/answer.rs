//! From what the guest says of a call to what its caller is told.

use crate::{
    call::Call,
    call::failure::{Cause, Failure},
    call::reply::Reply,
    error::{Error, ErrorKind, Partial},
    response::Headers,
    sandbox::bindings::exports::rest::client::types as wit,
    sandbox::hooks::Hooks,
};
use http::{HeaderMap, HeaderValue, header};
use wasmtime_wasi_http::FieldMap;

/// A complete reply, but for what the host knows of it anyway.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: u16,
    pub(crate) content_type: Option<String>,
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
}

impl Finished {
    /// `fields` are those that the host shows to guests.
    pub(crate) fn new(status: u16, fields: &HeaderMap, body: Vec<u8>) -> Self {
        let text = |value: &HeaderValue| str::from_utf8(value.as_bytes()).ok().map(String::from);
        Self {
            status,
            content_type: fields.get(header::CONTENT_TYPE).and_then(text),
            headers: fields
                .iter()
                .map(|(name, value)| (name.as_str().into(), value.as_bytes().into()))
                .collect(),
            body,
        }
    }
}

impl From<Finished> for Partial {
    fn from(finished: Finished) -> Self {
        Self {
            status: finished.status,
            content_type: finished.content_type,
            headers: finished.headers,
            body: finished.body,
        }
    }
}

/// What a caller is told.
pub(crate) type Answer = Result<Finished, Error>;

/// The answer to a call whose reply the guest accepts. Its body may have been
/// cut off by the deadline.
pub(crate) fn accepted(finished: Finished, call: &Call) -> Answer {
    let record = call.record();
    let Some((origin, failure)) = &record.failure else {
        return Ok(finished);
    };
    Err(in_words(origin, failure).with_partial(Some(finished.into())))
}

/// The answer to a call that the guest calls a failure, in the words of the
/// transport if it was the transport that failed: it knows more than a code can
/// say.
pub(crate) fn refused(error: wit::RestError, call: &Call) -> Answer {
    let told = told(error);
    let record = call.record();
    Err(match &record.failure {
        Some((origin, Failure { cause, sentence })) => {
            told.explained(format!("{origin}: {sentence}"), *cause)
        }
        None => told,
    })
}

/// The answer to a call that its instance did not begin in time.
pub(crate) fn not_begun(call: &Call) -> Error {
    let message = format!(
        "connection-timeout, {:?}, passed while {}",
        call.connection_timeout,
        call.record().phase.as_str()
    );
    Error::new(ErrorKind::ConnectionTimeout, message)
}

/// The answer to a call that its instance did not end in time, with what the
/// host has of its reply.
pub(crate) fn not_ended(call: &Call) -> Error {
    let mut record = call.record();
    let message = format!(
        "transfer-timeout, {:?}, passed while {}",
        call.transfer_timeout,
        record.phase.as_str()
    );
    let partial = match record.set_aside.take() {
        Some(Ok(reply)) => Some(partial(reply)),
        _ => None,
    };
    Error::new(ErrorKind::TransferTimeout, message).with_partial(partial)
}

fn partial(Reply { head, body, .. }: Reply) -> Partial {
    let fields = FieldMap::new_immutable(&mut Hooks, head.headers);
    Finished::new(head.status.as_u16(), &fields, body).into()
}

fn in_words(origin: &str, Failure { cause, sentence }: &Failure) -> Error {
    let kind = match cause {
        Cause::TransferTimeout => ErrorKind::TransferTimeout,
        _ => ErrorKind::Internal,
    };
    Error::new(kind, "").explained(format!("{origin}: {sentence}"), *cause)
}

fn told(error: wit::RestError) -> Error {
    use wit::RestError as E;
    let (kind, message) = match error {
        E::TransferTimeout(partial) => {
            let partial = (partial.status != 0).then_some(Partial {
                status: partial.status,
                content_type: partial.content_type,
                headers: partial.headers,
                body: partial.body,
            });
            return Error::new(ErrorKind::TransferTimeout, "transfer-timeout passed")
                .with_partial(partial);
        }
        E::ConnectionRefused(message) => (ErrorKind::ConnectionRefused, message),
        E::ConnectionTimeout(message) => (ErrorKind::ConnectionTimeout, message),
        E::AlreadyConnecting(message) => (ErrorKind::AlreadyConnecting, message),
        E::TooLarge(message) => (ErrorKind::TooLarge, message),
        E::Dns(message) => (ErrorKind::Dns, message),
        E::Tls(message) => (ErrorKind::Tls, message),
        E::Denied(message) => (ErrorKind::Denied, message),
        E::InvalidUrl(message) => (ErrorKind::InvalidUrl, message),
        E::InvalidHeader(message) => (ErrorKind::InvalidHeader, message),
        E::Protocol(message) => (ErrorKind::Protocol, message),
        E::Internal(message) => (ErrorKind::Internal, message),
    };
    Error::new(kind, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(content_types: &[&[u8]]) -> Finished {
        let mut fields = HeaderMap::new();
        for value in content_types {
            let value = HeaderValue::from_bytes(value).unwrap();
            fields.append(header::CONTENT_TYPE, value);
        }
        Finished::new(200, &fields, Vec::new())
    }

    #[test]
    fn the_content_type_is_the_first_field_if_it_is_text() {
        let content_type = |values: &[&[u8]]| finished(values).content_type;
        assert_eq!(content_type(&[b"a/b", b"c/d"]).as_deref(), Some("a/b"));
        assert_eq!(content_type(&["ä".as_bytes()]).as_deref(), Some("ä"));
        assert_eq!(content_type(&[b"\xff", b"c/d"]), None);
        assert_eq!(content_type(&[]), None);
    }

    #[test]
    fn a_field_is_there_whatever_bytes_it_has() {
        let field = ("content-type".to_owned(), b"\xff".to_vec());
        assert_eq!(finished(&[b"\xff"]).headers, [field]);
    }
}
