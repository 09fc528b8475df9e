//! A service by its name: where it is, what its requests carry, and what is known of
//! it.

use super::{
    fail_fast::{Health, Pass},
    retry_budget::RetryBudget,
    secret::Secret,
};
use crate::{
    call::{
        failure::{Cause, Failure},
        origin::Origin,
        share::Share,
    },
    config::{self, ConfigError, DOMAIN, FailFast},
};
use http::{
    HeaderName, HeaderValue, Method, Uri,
    header::{self, Entry},
    uri::{Authority, PathAndQuery, Scheme},
};
use std::time::{Duration, Instant};

/// What the configuration says of it, the same for all who ask.
#[derive(Debug)]
pub(super) struct Rules {
    name: String,
    origin: Origin,
    authority: Authority,
    host: HeaderValue,
    headers: Vec<(HeaderName, Secret)>,
    connection_timeout: Option<Duration>,
    transfer_timeout: Option<Duration>,
    most: Option<u32>,
    retries: u32,
    fail_fast: Option<FailFast>,
}

/// What one tenant has found out of it.
#[derive(Debug)]
pub(super) struct State {
    share: Option<Share>,
    retries: RetryBudget,
    health: Option<Health>,
}

/// A service as one tenant asks it.
#[derive(Debug, Clone, Copy)]
pub(in crate::transport) struct Service<'a> {
    /// Among all that the tenant has.
    pub(super) number: usize,
    pub(super) rules: &'a Rules,
    pub(super) state: &'a State,
}

impl Rules {
    /// # Errors
    ///
    /// A value of a header field is not there, or can't be one.
    pub(super) fn new(name: &str, service: &config::Service) -> Result<Self, ConfigError> {
        let wrong = |key: &str, what: String| {
            let error = ConfigError::new(format!("services.{name}: {what}"));
            error.about(format!("services.{name}.{key}"))
        };
        let origin = Origin::of_service(&service.origin)
            .map_err(|failure| wrong("origin", format!("origin: {}", failure.sentence)))?;
        // In the form in which a server is asked: without the scheme's own port.
        let authority = origin.authority();
        let authority = Authority::try_from(authority.as_str())
            .map_err(|_| wrong("origin", format!("{authority} is no host")))?;
        let host = HeaderValue::from_str(authority.as_str())
            .map_err(|_| wrong("origin", format!("{authority} is no host")))?;
        let mut headers = Vec::new();
        for (field, source) in &service.headers {
            let key = format!("headers.{field}");
            let secret =
                Secret::read(source).map_err(|error| wrong(&key, format!("{key}: {error}")))?;
            let field = HeaderName::try_from(field)
                .map_err(|_| wrong(&key, format!("{field:?} is no name of a header field")))?;
            headers.push((field, secret));
        }
        Ok(Self {
            name: name.to_owned(),
            origin,
            authority,
            host,
            headers,
            connection_timeout: service.connection_timeout,
            transfer_timeout: service.transfer_timeout,
            most: service.max_async_transfers,
            retries: service.retries,
            fail_fast: service.fail_fast,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

impl State {
    pub(super) fn new(rules: &Rules) -> Self {
        Self {
            share: rules.most.map(Share::new),
            retries: RetryBudget::default(),
            health: rules.fail_fast.map(Health::new),
        }
    }
}

impl<'a> Service<'a> {
    /// Its place among all that the tenant has.
    pub(in crate::transport) fn number(self) -> usize {
        self.number
    }

    pub(in crate::transport) fn name(self) -> &'a str {
        &self.rules.name
    }

    /// Where it is.
    pub(in crate::transport) fn origin(self) -> &'a Origin {
        &self.rules.origin
    }

    pub(in crate::transport) fn connection_timeout(self) -> Option<Duration> {
        self.rules.connection_timeout
    }

    pub(in crate::transport) fn transfer_timeout(self) -> Option<Duration> {
        self.rules.transfer_timeout
    }

    /// What its requests in flight share, if they have a cap.
    pub(in crate::transport) fn share(self) -> Option<&'a Share> {
        self.state.share.as_ref()
    }

    /// How often a request may be sent once more.
    pub(in crate::transport) fn retries(self) -> u32 {
        self.rules.retries
    }

    pub(in crate::transport) fn retry_budget(self) -> &'a RetryBudget {
        &self.state.retries
    }

    /// Lets a request through, if it is not left alone.
    ///
    /// # Errors
    ///
    /// It is.
    pub(in crate::transport) fn pass(self) -> Result<Option<Pass<'a>>, Failure> {
        let Some(health) = &self.state.health else {
            return Ok(None);
        };
        health.pass(Instant::now()).map(Some).map_err(|rest| {
            let when = match rest.is_zero() {
                true => "one request is probing whether it answers again".to_owned(),
                false => format!(
                    "it will be tried again in {}",
                    config::duration::format(rest)
                ),
            };
            let after = health.after();
            let sentence = format!(
                "it failed to answer {after} times in a row, so calls fail at once; {when}"
            );
            Failure::new(Cause::Refused, sentence)
        })
    }

    /// Turns a request that was made by name into one for the service.
    pub(in crate::transport) fn address(self, uri: &mut Uri, headers: &mut http::HeaderMap) {
        let mut parts = std::mem::take(uri).into_parts();
        parts.scheme = Some(match self.rules.origin.tls {
            true => Scheme::HTTPS,
            false => Scheme::HTTP,
        });
        parts.authority = Some(self.rules.authority.clone());
        parts
            .path_and_query
            .get_or_insert_with(|| PathAndQuery::from_static("/"));
        // All three parts are there.
        *uri = Uri::from_parts(parts).unwrap_or_default();
        headers.insert(header::HOST, self.rules.host.clone());
        for (name, secret) in &self.rules.headers {
            remove_doubles(headers, name);
            headers.insert(name, secret.value());
        }
    }

    /// Whether a server that repeats what it was sent would show what opens it (RFC
    /// 9110, section 9.3.8).
    pub(in crate::transport) fn is_shown_by(self, method: &Method) -> bool {
        *method == Method::TRACE && !self.rules.headers.is_empty()
    }

    /// Has the fields that name the service itself name it as it was asked: whoever asks
    /// is not told where it is, and may ask it by its name alone.
    pub(in crate::transport) fn rename(self, asked: &Origin, headers: &mut http::HeaderMap) {
        for field in [header::LOCATION, header::CONTENT_LOCATION] {
            let Entry::Occupied(mut values) = headers.entry(field) else {
                continue;
            };
            for value in values.iter_mut() {
                if let Some(renamed) = self.renamed(asked, value) {
                    *value = renamed;
                }
            }
        }
    }

    fn renamed(self, asked: &Origin, value: &HeaderValue) -> Option<HeaderValue> {
        let origin = &self.rules.origin;
        let text = value.to_str().ok()?;
        let (scheme, rest) = match text.strip_prefix("//") {
            Some(rest) if origin.tls => ("https", rest),
            Some(rest) => ("http", rest),
            None => text.split_once("://")?,
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let is_https = scheme.eq_ignore_ascii_case("https");
        let is_http = is_https || scheme.eq_ignore_ascii_case("http");
        let as_http = if is_https { "https" } else { "http" };
        let uri: Uri = format!("{as_http}://{authority}/").parse().ok()?;
        let named = Origin::of(&uri).ok()?;
        let is_same_port = named.port == origin.port
            // It wants to be asked with TLS, or without.
            || [80, 443].contains(&named.port) && [80, 443].contains(&origin.port);
        let is_itself = is_same_port && named.server_name() == origin.server_name();
        let renamed = match is_itself {
            true if is_http => format!("{asked}{path}"),
            // Nobody follows it, and it does not say where the service is.
            true => format!("{scheme}://{}{path}", asked.host),
            false => return None,
        };
        HeaderValue::from_str(&renamed).ok()
    }
}

/// The name of a service that `host`, in lower case, asks for.
pub(super) fn name(host: &str) -> Option<&str> {
    host.strip_suffix('.').unwrap_or(host).strip_suffix(DOMAIN)
}

/// Takes away what servers that read `_` as `-` (CGI, WSGI, PHP) would take for `name`, too.
fn remove_doubles(headers: &mut http::HeaderMap, name: &HeaderName) {
    let has_dash = |it: &HeaderName| it.as_str().contains(['_', '-']);
    if !has_dash(name) {
        return;
    }
    let same = |one: &HeaderName| {
        let (one, other) = (one.as_str().bytes(), name.as_str().bytes());
        let dashes = |it| if it == b'_' { b'-' } else { it };
        one.map(dashes).eq(other.map(dashes))
    };
    let doubles: Vec<HeaderName> = headers.keys().filter(|it| same(it)).cloned().collect();
    for double in doubles {
        headers.remove(double);
    }
}
