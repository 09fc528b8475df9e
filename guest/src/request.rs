//! From a call as its caller states it to the request that is sent.

use crate::{error::RestError, header, url::Target};
use std::rc::Rc;

/// The content type of a body whose caller names none.
pub const DEFAULT_CONTENT_TYPE: &str = "application/x-www-form-urlencoded";

/// How many header fields a caller may send, and how many bytes of names and
/// values. Servers accept less (nginx: 32 KiB, Apache: 100 fields of 8 KiB),
/// and hosts not much more.
const MAX_FIELDS: usize = 256;
const MAX_FIELD_BYTES: usize = 64 * 1024;

const USER_AGENT: &str = concat!("rest-client/", env!("CARGO_PKG_VERSION"));

/// A call as its caller states it.
#[derive(Debug, Default)]
pub struct Call {
    /// A token, which is sent as it is written.
    pub method: String,
    /// An absolute URL.
    pub url: String,
    /// `None` sends no body. An empty body is sent as an empty body.
    pub body: Option<Vec<u8>>,
    /// The type of the body. It is [`DEFAULT_CONTENT_TYPE`] if neither this nor
    /// a header field names one.
    pub content_type: Option<String>,
    /// Further header fields.
    pub headers: Vec<(String, Vec<u8>)>,
}

/// The body of a request. The copy of the request that is kept for redirects
/// shares it.
pub type SharedBody = Rc<Vec<u8>>;

/// A call that can be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// A token other than CONNECT.
    pub method: String,
    /// Where it goes.
    pub target: Target,
    /// All fields but those that the transport sets. Names are in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// `None` sends no body. The `content-length` of a body is among the
    /// fields.
    pub body: Option<SharedBody>,
}

impl Request {
    /// Checks `call` and adds the fields that every request carries.
    ///
    /// # Errors
    ///
    /// [`RestError::InvalidUrl`] or [`RestError::InvalidHeader`].
    pub fn prepare(call: Call) -> Result<Self, RestError> {
        check_method(&call.method)?;
        let target = Target::parse(&call.url)?;
        check_size(&call.headers)?;
        let mut headers = Vec::with_capacity(call.headers.len() + 5);
        for (name, value) in call.headers {
            headers.push(header::checked(name, value)?);
        }
        let mut default = |name: &str, value: &[u8]| {
            if header::first(&headers, name).is_none() {
                headers.push((name.to_owned(), value.to_vec()));
            }
        };
        default("accept", b"*/*");
        default("user-agent", USER_AGENT.as_bytes());
        if let Some(credentials) = &target.authorization {
            default("authorization", credentials.as_bytes());
        }
        if call.body.is_some() && call.content_type.is_none() {
            default("content-type", DEFAULT_CONTENT_TYPE.as_bytes());
        }
        if let Some(content_type) = call.content_type {
            if header::first(&headers, "content-type").is_some() {
                return Err(RestError::InvalidHeader(
                    "the content type is given twice, as a parameter and as a header field".into(),
                ));
            }
            headers.push(header::checked("content-type".into(), content_type.into())?);
        }
        if let Some(body) = &call.body {
            // Without this field the transport sends the body in chunks, which
            // servers of HTTP/1.0 can't read.
            headers.push(("content-length".into(), body.len().to_string().into_bytes()));
        }
        Ok(Self {
            method: call.method,
            target,
            headers,
            body: call.body.map(Rc::new),
        })
    }

    /// Removes the fields with these names, which are in lower case.
    pub fn drop_fields(&mut self, names: &[&str]) {
        self.headers
            .retain(|(name, _)| !names.contains(&name.as_str()));
    }
}

fn check_size(headers: &[(String, Vec<u8>)]) -> Result<(), RestError> {
    let bytes: usize = headers
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if headers.len() > MAX_FIELDS || bytes > MAX_FIELD_BYTES {
        return Err(RestError::InvalidHeader(format!(
            "the header fields are more than {MAX_FIELDS} or than {MAX_FIELD_BYTES} bytes"
        )));
    }
    Ok(())
}

fn check_method(method: &str) -> Result<(), RestError> {
    if !header::is_token(method.as_bytes()) {
        return Err(RestError::InvalidHeader(format!(
            "{method:?} is not a method; one is a word like GET or PATCH"
        )));
    }
    if method.eq_ignore_ascii_case("connect") {
        return Err(RestError::InvalidHeader(
            "the method CONNECT asks for a tunnel, which is no REST call".into(),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(method: &str, url: &str) -> Call {
        Call {
            method: method.into(),
            url: url.into(),
            ..Call::default()
        }
    }

    fn sent(request: &Request, name: &str) -> Vec<String> {
        request
            .headers
            .iter()
            .filter(|(candidate, _)| candidate == name)
            .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
            .collect()
    }

    #[test]
    fn a_get_carries_no_body_and_no_content_type() {
        let request = Request::prepare(call("GET", "http://h/")).unwrap();
        assert_eq!(request.body, None);
        assert!(sent(&request, "content-type").is_empty());
        assert!(sent(&request, "content-length").is_empty());
        assert_eq!(sent(&request, "accept"), ["*/*"]);
    }

    #[test]
    fn a_body_is_a_form_unless_its_caller_says_otherwise() {
        let post = |content_type: Option<&str>, headers: &[(&str, &str)]| {
            Request::prepare(Call {
                body: Some(b"a=b".to_vec()),
                content_type: content_type.map(Into::into),
                headers: headers
                    .iter()
                    .map(|(name, value)| ((*name).into(), value.as_bytes().to_vec()))
                    .collect(),
                ..call("POST", "http://h/")
            })
        };
        let form = post(None, &[]).unwrap();
        assert_eq!(sent(&form, "content-type"), [DEFAULT_CONTENT_TYPE]);
        assert_eq!(sent(&form, "content-length"), ["3"]);
        let json = post(Some("application/json"), &[]).unwrap();
        assert_eq!(sent(&json, "content-type"), ["application/json"]);
        let json = post(None, &[("Content-Type", "application/json")]).unwrap();
        assert_eq!(sent(&json, "content-type"), ["application/json"]);
        assert!(post(Some("a/b"), &[("content-type", "c/d")]).is_err());
        assert!(post(Some("a/b\r\nx: y"), &[]).is_err());
    }

    #[test]
    fn an_empty_body_is_announced_as_empty() {
        let request = Request::prepare(Call {
            body: Some(Vec::new()),
            ..call("POST", "http://h/")
        })
        .unwrap();
        assert_eq!(sent(&request, "content-length"), ["0"]);
    }

    #[test]
    fn the_callers_own_fields_come_before_the_defaults() {
        let request = Request::prepare(Call {
            headers: vec![
                ("Accept".into(), b"text/plain".to_vec()),
                ("User-Agent".into(), b"me".to_vec()),
                ("Authorization".into(), b"Bearer t".to_vec()),
            ],
            ..call("GET", "http://u:p@h/")
        })
        .unwrap();
        assert_eq!(sent(&request, "accept"), ["text/plain"]);
        assert_eq!(sent(&request, "user-agent"), ["me"]);
        assert_eq!(sent(&request, "authorization"), ["Bearer t"]);
    }

    #[test]
    fn more_fields_than_any_server_takes_are_refused() {
        let with = |headers| {
            Request::prepare(Call {
                headers,
                ..call("GET", "http://h/")
            })
        };
        assert!(with(vec![("x".into(), b"y".to_vec()); MAX_FIELDS]).is_ok());
        assert!(with(vec![("x".into(), b"y".to_vec()); MAX_FIELDS + 1]).is_err());
        assert!(with(vec![("x".into(), vec![b'y'; MAX_FIELD_BYTES])]).is_err());
    }

    #[test]
    fn methods_are_tokens_and_open_no_tunnel() {
        for method in ["", "GE T", "GET\r\n", "CONNECT", "connect", "G\u{cb}T"] {
            assert!(
                matches!(
                    Request::prepare(call(method, "http://h/")),
                    Err(RestError::InvalidHeader(_))
                ),
                "{method:?}"
            );
        }
        for method in ["PATCH", "DELETE", "PURGE", "M-SEARCH"] {
            assert_eq!(
                Request::prepare(call(method, "http://h/")).unwrap().method,
                method
            );
        }
    }
}
