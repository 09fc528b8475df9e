//! Services that the operator has named. Callers know neither their addresses nor their
//! credentials.
//!
//! ```toml
//! [services.billing]
//! origin = "https://billing.example.com:8443"
//! headers.authorization = { file = "/run/secrets/billing" }
//! connection-timeout = "300ms"
//! transfer-timeout = "800ms"
//! max-async-transfers = 50
//! retries = 1
//! fail-fast = { after = 5, for = "2s" }
//! ```

use super::{
    by_text::{by_text, without_user},
    duration,
    error::ConfigError,
    host_pattern::HostPattern,
};
use http::{HeaderName, Uri, header};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

/// What a name of a service ends in where it is asked.
pub(crate) const DOMAIN: &str = ".service.internal";

/// Of a name, as a label of DNS (RFC 1035, section 2.3.4).
const LONGEST_NAME: usize = 63;

/// More would make a server that is in trouble worse.
const MOST_RETRIES: u32 = 5;

/// What connections and messages are made of, which a transport states itself.
const NOT_INJECTED: [HeaderName; 9] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::UPGRADE,
    header::TE,
    header::TRAILER,
    header::EXPECT,
    header::PROXY_AUTHORIZATION,
];

/// A service. Under its name, `billing`, it is asked as
/// `http://billing.service.internal/…`, whether or not it speaks TLS.
///
/// ```
/// # let url: String = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/service/serve.rs"));
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use rest_client_host::{Config, Host, Service};
///
/// let mut config = Config::default();
/// config.services.insert("billing".into(), Service::new(url.parse()?));
/// let instance = Host::new(config)?.instance();
/// let credit = instance
///     .rest_get("http://billing.service.internal/credit?caller=alice")
///     .await?;
/// assert_eq!(credit.text(), "12.50 EUR");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Service {
    /// Where it is.
    pub origin: ServiceOrigin,
    /// Header fields that every request to the service carries. They replace fields of the
    /// same name from the caller. Their values never appear in a guest, a log or an error.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, SecretSource>,
    /// Shortens the parameter of this name. Default: that one.
    #[serde(
        default,
        with = "duration::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub connection_timeout: Option<Duration>,
    /// From the request to the end of the reply, retries included. Shortens the
    /// parameter of this name. Default: that one.
    #[serde(
        default,
        with = "duration::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub transfer_timeout: Option<Duration>,
    /// Requests to it that an instance has in flight at a time. One more waits for
    /// its turn, inside its deadlines; where at-cap is `reject`, it fails at once.
    /// Default: the instance's own cap alone. At least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_async_transfers: Option<u32>,
    /// How often a failed request is retried. Only these are retried: requests that were
    /// never sent on a connection, and GET, HEAD, OPTIONS or TRACE requests whose
    /// connection ended. At most one request in five is a retry. Default 0, at most 5.
    #[serde(default)]
    pub retries: u32,
    /// When calls to the service fail at once for a while. Default: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fail_fast: Option<FailFast>,
}

/// A circuit breaker: after repeated failures, calls to the service fail at once for a while.
///
/// After that, one request at a time probes whether the service answers again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FailFast {
    /// How many consecutive requests without a reply it takes. At least 1.
    pub after: u32,
    /// How long calls fail at once. Not 0.
    #[serde(rename = "for", with = "duration")]
    pub pause: Duration,
}

/// Where a secret value is stored.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SecretSource {
    /// In this file, without the line break at its end. Read anew when it changes.
    File(PathBuf),
    /// In this variable of the environment, as it is when the host is made.
    Env(String),
}

/// `https://HOST[:PORT]`, `http://HOST[:PORT]` or `unix:PATH`, which speaks HTTP
/// without TLS.
///
/// ```
/// use rest_client_host::ServiceOrigin;
///
/// let origin: ServiceOrigin = "https://Billing.example.com:443/".parse()?;
/// assert_eq!(origin.to_string(), "https://billing.example.com");
/// assert!("unix:/run/billing.sock".parse::<ServiceOrigin>().is_ok());
/// assert!("https://billing.example.com/api".parse::<ServiceOrigin>().is_err());
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServiceOrigin(pub(crate) Place);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// A scheme and an authority, in their canonical form.
    Server(Uri),
    Socket(PathBuf),
}

impl Service {
    /// A service at `origin`, which is asked as any other server would be.
    #[must_use]
    pub fn new(origin: ServiceOrigin) -> Self {
        Self {
            origin,
            headers: BTreeMap::new(),
            connection_timeout: None,
            transfer_timeout: None,
            max_async_transfers: None,
            retries: 0,
            fail_fast: None,
        }
    }

    /// Checks what no single parameter shows.
    pub(super) fn check(&self, name: &str) -> Result<(), ConfigError> {
        let wrong = |key: &str, what: &str| {
            let error = ConfigError::new(format!("services.{name}: {what}"));
            Err(error.about(format!("services.{name}.{key}")))
        };
        let is_label = !name.is_empty()
            && name.len() <= LONGEST_NAME
            && !name.starts_with('-')
            && !name.ends_with('-')
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !is_label {
            return wrong(
                "",
                "a service's name is made of a to z, 0 to 9 and -, like billing-2",
            );
        }
        let mut headers = HashSet::new();
        for field in self.headers.keys() {
            let Ok(header) = HeaderName::try_from(field) else {
                return wrong(
                    &format!("headers.{field}"),
                    &format!("headers: {field:?} is no name of a header field"),
                );
            };
            if NOT_INJECTED.contains(&header) {
                return wrong(
                    &format!("headers.{field}"),
                    &format!("headers: {field} belongs to the transport, and can't be set"),
                );
            }
            // In lower case.
            if !headers.insert(header) {
                return wrong(
                    &format!("headers.{field}"),
                    &format!(
                        "headers: {field} is there twice; names are compared without regard to case"
                    ),
                );
            }
        }
        for (key, timeout) in [
            ("connection-timeout", self.connection_timeout),
            ("transfer-timeout", self.transfer_timeout),
        ] {
            if timeout.is_some_and(|timeout| timeout.is_zero()) {
                return wrong(
                    key,
                    &format!("{key} is 0, which no call could meet; it is at least 1ms"),
                );
            }
            if timeout.is_some_and(|timeout| timeout > duration::LONGEST) {
                return wrong(
                    key,
                    &format!(
                        "{key} is longer than a year, which is no timeout; it is at most 8760h"
                    ),
                );
            }
        }
        if self.max_async_transfers == Some(0) {
            return wrong(
                "max-async-transfers",
                "max-async-transfers is 0, so no call could be made; it must be at least 1",
            );
        }
        if self.retries > MOST_RETRIES {
            return wrong("retries", &format!("retries is at most {MOST_RETRIES}"));
        }
        if let Some(FailFast { after, pause }) = self.fail_fast
            && (after == 0 || pause.is_zero() || pause > duration::LONGEST)
        {
            return wrong(
                "fail-fast",
                "fail-fast needs the number of failures, at least 1, and a duration above 0 and up to a year, like { after = 5, for = \"2s\" }",
            );
        }
        Ok(())
    }
}

impl FromStr for ServiceOrigin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| {
            format!(
                "{:?} {what}; origins are written like https://billing.example.com:8443, http://10.0.0.7 or unix:/run/billing.sock",
                without_user(text)
            )
        };
        if let Some(path) = text.strip_prefix("unix:") {
            let path = Path::new(path);
            return match path.is_absolute() {
                true => Ok(Self(Place::Socket(path.to_owned()))),
                false => Err(wrong("has no absolute path")),
            };
        }
        let uri: Uri = text.parse().map_err(|_| wrong("is no origin"))?;
        let (Some(scheme @ ("http" | "https")), Some(authority)) =
            (uri.scheme_str(), uri.authority())
        else {
            return Err(wrong("does not begin with http://, https:// or unix:"));
        };
        if authority.as_str().contains('@') {
            return Err(wrong(
                "has a user; put credentials into headers.authorization",
            ));
        }
        let host = authority.host();
        let goes_on = authority.as_str().len() > host.len();
        let has_port = authority.port_u16().is_some_and(|port| port != 0);
        if host.is_empty() || (goes_on && !has_port) {
            return Err(wrong("has no host, or no port behind its colon"));
        }
        // A dot at the end says that a name is complete.
        let (name, end) = match host.strip_suffix('.') {
            Some(name) => (name, "."),
            None => (host, ""),
        };
        let name = match HostPattern::parse(name).map_err(wrong)? {
            pattern if pattern.is_under(DOMAIN) => {
                return Err(wrong("is the name of a service, not its address"));
            }
            HostPattern::Exactly(name) => name,
            HostPattern::Any | HostPattern::Under(_) => return Err(wrong("is no single server")),
        };
        if uri.path() != "/" || uri.query().is_some() || text.ends_with("//") {
            return Err(wrong(
                "has a path; an origin has none, since the caller's path is used unchanged",
            ));
        }
        let tls = scheme == "https";
        let port = match authority.port_u16() {
            Some(port) if port != if tls { 443 } else { 80 } => format!(":{port}"),
            _ => String::new(),
        };
        // In one spelling, so that what is the same is equal.
        format!("{scheme}://{name}{end}{port}")
            .parse()
            .map(|uri| Self(Place::Server(uri)))
            .map_err(|_| wrong("is no origin"))
    }
}

impl fmt::Display for ServiceOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Socket(path) => write!(f, "unix:{}", path.display()),
            // A URI writes the path of the root, which an origin has not.
            Place::Server(uri) => f.write_str(uri.to_string().trim_end_matches('/')),
        }
    }
}

by_text!(ServiceOrigin);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_it_is_read() {
        for text in [
            "https://billing.example.com:8443",
            "http://10.0.0.7",
            "https://[2001:db8::1]:8443",
            "unix:/run/billing.sock",
        ] {
            assert_eq!(text.parse::<ServiceOrigin>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn spellings_of_one_origin_are_equal() {
        let origin = |text: &str| text.parse::<ServiceOrigin>().unwrap();
        for (one, other) in [
            (
                "https://Billing.example.com:443/",
                "https://billing.example.com",
            ),
            ("http://h:0080", "http://h"),
            ("https://h:08443", "https://h:8443"),
            ("HTTP://[2001:DB8:0::1]", "http://[2001:db8::1]"),
        ] {
            assert_eq!(origin(one), origin(other));
            assert_eq!(origin(one).to_string(), other);
        }
        assert_ne!(origin("http://h."), origin("http://h"));
    }

    #[test]
    fn what_is_no_origin_is_refused_with_what_one_looks_like() {
        for text in [
            "",
            "billing.example.com",
            "/run/billing.sock",
            "unix:billing.sock",
            "unix:",
            "ftp://billing.example.com",
            "https://",
            "https://billing.example.com/api",
            "https://billing.example.com/?a",
            "https://user:pw@billing.example.com",
            "https://billing.example.com:",
            "https://billing.example.com:99999",
            "https://billing.example.com:0",
            "https://*.example.com",
            "https://a..b",
            "https://a%41",
            "https://[::zz]",
        ] {
            let error = text.parse::<ServiceOrigin>().unwrap_err();
            assert!(error.contains("unix:/run/billing.sock"), "{text}: {error}");
        }
    }

    #[test]
    fn a_service_that_could_not_work_is_refused_by_its_name() {
        let sound = || Service::new("http://h".parse().unwrap());
        assert!(sound().check("billing-2").is_ok());
        for name in ["", "Billing", "a.b", "-a", "a-", "a_b", &"x".repeat(64)] {
            sound().check(name).unwrap_err();
        }
        let secret = || SecretSource::Env("X".into());
        for field in ["Host", "content-length", "transfer-encoding", "a b"] {
            let mut service = sound();
            service.headers.insert(field.into(), secret());
            let error = service.check("a").unwrap_err().to_string();
            assert!(error.starts_with("services.a: headers: "), "{error}");
        }
        let changes: [fn(&mut Service); 5] = [
            |it| it.connection_timeout = Some(Duration::ZERO),
            |it| it.transfer_timeout = Some(Duration::ZERO),
            |it| it.max_async_transfers = Some(0),
            |it| it.retries = 6,
            |it| {
                it.fail_fast = Some(FailFast {
                    after: 0,
                    pause: Duration::from_secs(1),
                });
            },
        ];
        for change in changes {
            let mut service = sound();
            change(&mut service);
            service.check("a").unwrap_err();
        }
    }
}
