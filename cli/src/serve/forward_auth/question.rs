//! What the client's request is, from what the proxy says of it. What a client can write is
//! never taken for what a proxy has written.

use super::ForwardAuth;
use crate::args::{AttributeField, Form};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header::CONNECTION, request::Parts};
use ipnet::IpNet;
use rest_client_host::routing::{
    Endpoint, Payload, Protocol, Request, Transport, check_request, request_id,
};
use std::net::IpAddr;

/// Fields that no plugin sees: those by which proxies speak about requests, of all forms,
/// and what a proxy sets for backends.
const OF_PROXIES: [&str; 5] = [
    "x-forwarded-",
    "x-original-",
    "x-envoy-",
    "x-routing-",
    "routing-",
];
const NAMES_OF_PROXIES: [&str; 2] = ["forwarded", "x-real-ip"];

/// By which Envoy says that it has cut the body.
const PARTIAL_BODY: &str = "x-envoy-auth-partial-body";

/// Fields of a connection (RFC 9110, section 7.6.1), and the length of a body that is the
/// proxy's own.
const OF_CONNECTIONS: [&str; 10] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
    "content-length",
    "http2-settings",
];

/// Whether a field of this name is of a connection alone.
pub(super) fn is_of_connection(name: &str) -> bool {
    OF_CONNECTIONS.contains(&name)
}

/// Whether proxies speak by it, in any spelling that a backend may take for it.
fn is_of_proxy(name: &str) -> bool {
    let name = name.replace('_', "-");
    NAMES_OF_PROXIES.contains(&&*name) || OF_PROXIES.iter().any(|it| name.starts_with(it))
}

/// What the proxy says.
struct Described {
    method: String,
    target: String,
    host: String,
    scheme: String,
    source: Option<Endpoint>,
}

impl ForwardAuth {
    /// The request that the plugin decides about.
    ///
    /// # Errors
    ///
    /// It is not described in the way of this form.
    pub(super) fn question(&self, head: &Parts, body: Option<Bytes>) -> Result<Request, String> {
        let described = match self.form {
            Form::Nginx => described_by_nginx(&head.headers)?,
            Form::Caddy | Form::Traefik => self.described_by_forwarded(&head.headers)?,
            Form::Envoy | Form::Json | Form::Http => self.described_by_itself(head)?,
        };
        let Described {
            method,
            target,
            host,
            scheme,
            source,
        } = described;
        let target = encoded(&target);
        let transport = match &*scheme {
            "http" => Some(Transport::Tcp),
            "https" => Some(Transport::Tls),
            _ => None,
        };
        let fields = [("host".to_owned(), host.into_bytes())]
            .into_iter()
            .chain(self.fields(&head.headers))
            .collect();
        let attributes = [("scheme".to_owned(), scheme)]
            .into_iter()
            .chain(self.vouched_for(&head.headers)?)
            .collect();
        // Envoy may send a part of the body, and says so.
        let is_part = self.form == Form::Envoy
            && match head.headers.get(PARTIAL_BODY) {
                Some(value) => value != "false",
                None => false,
            };
        let mut request = Request {
            id: String::new(),
            protocol: Protocol::Http,
            method,
            target,
            fields,
            body: body.map(|bytes| Payload {
                length: (!is_part).then_some(bytes.len() as u64),
                bytes: bytes.into(),
                complete: !is_part,
            }),
            source,
            destination: None,
            transport,
            attributes,
            time_left: u64::MAX,
        };
        request.id = request_id(&request);
        // What is no request is the proxy's fault, and not one of the plugin.
        check_request(&request).map_err(|violation| violation.to_string())?;
        Ok(request)
    }

    /// `X-Forwarded-*`, which Caddy and Traefik write themselves.
    fn described_by_forwarded(&self, headers: &HeaderMap) -> Result<Described, String> {
        Ok(Described {
            method: only(headers, "x-forwarded-method")?,
            target: only(headers, "x-forwarded-uri")?,
            host: only(headers, "x-forwarded-host")?,
            scheme: only(headers, "x-forwarded-proto")?,
            source: self.client(&only(headers, "x-forwarded-for")?)?,
        })
    }

    /// Envoy sends the head of the request itself, to a path with a prefix.
    fn described_by_itself(&self, head: &Parts) -> Result<Described, String> {
        let path = head
            .uri
            .path_and_query()
            .map_or("/", http::uri::PathAndQuery::as_str);
        let target = path
            .strip_prefix(&*self.path_prefix)
            .filter(|it| it.starts_with('/'))
            .ok_or_else(|| format!("the path does not begin with {:?}", self.path_prefix))?;
        let host = match head.uri.authority() {
            Some(authority) => authority.to_string(),
            None => only(&head.headers, "host")?,
        };
        Ok(Described {
            method: head.method.to_string(),
            target: target.to_owned(),
            host,
            scheme: only(&head.headers, "x-forwarded-proto")?,
            source: self.client(&only(&head.headers, "x-forwarded-for")?)?,
        })
    }

    /// The last address that is none of a proxy of the operator's: what stands before it
    /// may be anybody's invention.
    fn client(&self, forwarded_for: &str) -> Result<Option<Endpoint>, String> {
        let is_trusted = |it: &IpAddr| {
            let canonical = it.to_canonical();
            self.trusted_proxies
                .iter()
                .any(|net: &IpNet| net.contains(&canonical))
        };
        for text in forwarded_for.rsplit(',').map(str::trim) {
            let address = address(text)
                .ok_or_else(|| format!("x-forwarded-for has {text:?}, which is no address"))?;
            if !is_trusted(&address) {
                return Ok(Some(endpoint(address)));
            }
        }
        Ok(None)
    }

    /// What `--attribute` names, but for what is empty.
    fn vouched_for(&self, headers: &HeaderMap) -> Result<Vec<(String, String)>, String> {
        let mut attributes = Vec::new();
        for AttributeField { attribute, field } in &self.attributes {
            let name = field.as_str();
            let value = str::from_utf8(only_value(headers, name)?.as_bytes())
                .map_err(|_| format!("{name} is no UTF-8"))?;
            // nginx leaves a field out that it would send empty. One that is always there
            // shows that nginx has written it, and not the client.
            let value = match self.form {
                Form::Nginx => unquoted(value)
                    .ok_or_else(|| format!("{name} is not in quotes, as in {name}: \"alice\""))?,
                _ => value,
            };
            if !value.is_empty() {
                attributes.push((attribute.clone(), value.to_owned()));
            }
        }
        Ok(attributes)
    }

    /// What the client itself has sent along.
    fn fields(&self, headers: &HeaderMap) -> impl Iterator<Item = (String, Vec<u8>)> {
        let named_by_connection: Vec<String> = headers
            .get_all(CONNECTION)
            .into_iter()
            .filter_map(|it| it.to_str().ok())
            .flat_map(|it| it.split(','))
            .map(|it| it.trim().to_ascii_lowercase())
            .collect();
        headers
            .iter()
            .filter(move |(name, _)| {
                let name = name.as_str();
                name != "host"
                    && !is_of_connection(name)
                    && !is_of_proxy(name)
                    && !self.is_attribute(name)
                    && !named_by_connection.iter().any(|it| it == name)
            })
            .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
    }

    /// Whether the proxy says an attribute by it, in any spelling that a backend may take
    /// for it.
    fn is_attribute(&self, name: &str) -> bool {
        let name = name.replace('_', "-");
        let mut attributes = self.attributes.iter();
        attributes.any(|it| it.field.as_str().replace('_', "-") == name)
    }
}

/// `X-Original-*`, as README's configuration of nginx sets them.
fn described_by_nginx(headers: &HeaderMap) -> Result<Described, String> {
    let text = only(headers, "x-original-address")?;
    let source = match &*text {
        // A client at a socket of this machine.
        "unix:" => None,
        text => Some(endpoint(address(text).ok_or_else(|| {
            format!("x-original-address has {text:?}, which is no address")
        })?)),
    };
    Ok(Described {
        method: only(headers, "x-original-method")?,
        target: only(headers, "x-original-uri")?,
        host: only(headers, "x-original-host")?,
        scheme: only(headers, "x-original-scheme")?,
        source,
    })
}

/// The text of a field that is there once.
fn only(headers: &HeaderMap, name: &str) -> Result<String, String> {
    let text = only_value(headers, name)?.to_str();
    text.map(str::to_owned)
        .map_err(|_| format!("{name} has a byte beyond ASCII"))
}

/// The value of a field that is there once.
fn only_value<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a HeaderValue, String> {
    let mut values = headers.get_all(name).into_iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value),
        (None, _) => Err(format!("there is no {name}")),
        (Some(_), Some(_)) => Err(format!("{name} is there twice")),
    }
}

/// What stands between two quotes. nginx escapes none that the value has itself.
fn unquoted(value: &str) -> Option<&str> {
    value.strip_prefix('"')?.strip_suffix('"')
}

/// An address without a port, as it may be written.
fn address(text: &str) -> Option<IpAddr> {
    let text = text
        .strip_prefix('[')
        .and_then(|it| it.strip_suffix(']'))
        .unwrap_or(text);
    text.parse().ok()
}

fn endpoint(address: IpAddr) -> Endpoint {
    Endpoint {
        address: address.to_canonical().to_string(),
        port: None,
    }
}

/// Bytes beyond ASCII, which a client may send as they are, in percent-code.
fn encoded(target: &str) -> String {
    let mut encoded = String::with_capacity(target.len());
    for byte in target.bytes() {
        match byte.is_ascii() {
            true => encoded.push(char::from(byte)),
            false => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}
