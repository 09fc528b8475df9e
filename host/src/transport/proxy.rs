//! The proxies that the environment names, where the operator wants them used.
//!
//! A request without TLS goes to the proxy in absolute form; for all else the
//! proxy is asked for a tunnel (RFC 9110, section 9.3.6), so that it sees no
//! more than the name and the port.

use super::{errors, stream::Stream};
use crate::{
    call::{
        failure::{Cause, Failure},
        origin::Origin,
    },
    config::ConfigError,
};
use bytes::Bytes;
use futures_util::future::{Either, select};
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::{
    client::proxy::matcher::{Intercept, Matcher},
    rt::TokioIo,
};
use std::{env, fmt, pin::pin};

/// Which proxy is for which origin.
#[derive(Debug)]
pub(super) struct Proxies(Matcher);

/// A proxy of HTTP.
#[derive(Clone)]
pub(super) struct Proxy {
    pub(super) origin: Origin,
    credentials: Option<HeaderValue>,
}

/// The variables, as curl reads them: the lower case first.
struct Environment {
    http: Option<(&'static str, String)>,
    https: Option<(&'static str, String)>,
    all: Option<(&'static str, String)>,
    no: String,
}

impl Environment {
    fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: &[&'static str]| {
            names
                .iter()
                .filter_map(|name| Some((*name, variable(name)?)))
                .find(|(_, value)| !value.trim().is_empty())
        };
        // In a CGI program HTTP_PROXY is a header field of whoever asks.
        let http: &[_] = match variable("REQUEST_METHOD") {
            Some(_) => &["http_proxy"],
            None => &["http_proxy", "HTTP_PROXY"],
        };
        Self {
            http: first(http),
            https: first(&["https_proxy", "HTTPS_PROXY"]),
            all: first(&["all_proxy", "ALL_PROXY"]),
            no: first(&["no_proxy", "NO_PROXY"]).map_or_else(String::new, |(_, value)| value),
        }
    }
}

impl Proxies {
    /// Those that the environment of this process names now.
    ///
    /// # Errors
    ///
    /// A variable names what is no proxy of HTTP. Going around it in silence
    /// would show to the network what was meant for the proxy.
    pub(super) fn from_env() -> Result<Self, ConfigError> {
        Self::of(Environment::read(|name| env::var(name).ok()))
    }

    fn of(environment: Environment) -> Result<Self, ConfigError> {
        let Environment {
            http,
            https,
            all,
            no,
        } = environment;
        for (name, value) in [&http, &https, &all].into_iter().flatten() {
            check(value).map_err(|what| {
                ConfigError::new(format!(
                    "proxy-from-env: {name} {what}; a proxy is written like http://proxy.example.com:3128"
                ))
                .about("proxy-from-env")
            })?;
        }
        let value = |variable: Option<(_, String)>| variable.map_or_else(String::new, |it| it.1);
        Ok(Self(
            Matcher::builder()
                .http(value(http))
                .https(value(https))
                .all(value(all))
                .no(no)
                .build(),
        ))
    }

    /// The proxy for requests to `origin`, unless they go without.
    pub(super) fn of_origin(&self, origin: &Origin) -> Option<Proxy> {
        let scheme = if origin.tls { "https" } else { "http" };
        // NO_PROXY knows no dot at the end of a complete name.
        let host = origin.host.strip_suffix('.').unwrap_or(&origin.host);
        let uri = format!("{scheme}://{host}:{}/", origin.port);
        let intercept = self.0.intercept(&uri.parse().ok()?)?;
        Proxy::of(&intercept)
    }
}

/// Says, without credentials, what is wrong with the value of a variable.
fn check(value: &str) -> Result<(), &'static str> {
    let matcher = Matcher::builder().all(value).build();
    let anywhere = Uri::from_static("http://example.com/");
    let Some(intercept) = matcher.intercept(&anywhere) else {
        return Err("is no URL of a proxy");
    };
    match Proxy::of(&intercept) {
        // It would be another one: the parser leaves such a port out.
        Some(_) if has_wrong_port(value) => Err("has no port from 1 to 65535 behind its colon"),
        Some(_) => Ok(()),
        None => Err("names a proxy that does not speak HTTP, which can't be used here"),
    }
}

/// Whether a colon behind the host of `url` is followed by something else than a port.
fn has_wrong_port(url: &str) -> bool {
    let server = url.split_once("://").map_or(url, |(_, rest)| rest);
    let server = server.rsplit_once('@').map_or(server, |(_, rest)| rest);
    let server = server.split('/').next().unwrap_or_default();
    // An address of IPv6 has colons of its own.
    let behind = server.rfind(']').map_or(server, |end| &server[end..]);
    let port = behind.split_once(':').map(|(_, port)| port.parse::<u16>());
    port.is_some_and(|it| it.is_err() || it == Ok(0))
}

impl Proxy {
    fn of(intercept: &Intercept) -> Option<Self> {
        let uri = intercept.uri();
        matches!(uri.scheme_str(), Some("http" | "https")).then_some(())?;
        Some(Self {
            origin: Origin::of(uri).ok()?,
            credentials: intercept.basic_auth().cloned(),
        })
    }

    /// What a request to the proxy itself carries.
    pub(super) fn authorize<B>(&self, request: &mut Request<B>) {
        if let Some(credentials) = &self.credentials {
            request
                .headers_mut()
                .insert(header::PROXY_AUTHORIZATION, credentials.clone());
        }
    }

    /// Says of a failure that it came on the way to the proxy.
    pub(super) fn failed(&self, failure: Failure) -> Failure {
        Failure {
            sentence: format!("the proxy {}: {}", self.origin, failure.sentence),
            ..failure
        }
    }

    /// Has the proxy connect `stream`, on which nothing was said yet, with
    /// `destination`.
    pub(super) async fn tunnel(
        &self,
        stream: Box<dyn Stream>,
        destination: &Origin,
    ) -> Result<Box<dyn Stream>, Failure> {
        let ended = |error: hyper::Error| self.failed(errors::exchanging(error));
        let authority = format!("{}:{}", destination.host, destination.port);
        let mut request = Request::builder()
            .method(Method::CONNECT)
            .header(header::HOST, &authority)
            .uri(authority)
            .body(Empty::<Bytes>::new())
            .map_err(|_| Failure::new(Cause::Uri, "no tunnel can be asked for to this host"))?;
        self.authorize(&mut request);

        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(ended)?;
        let exchange = async move {
            let reply = sender.send_request(request).await;
            let reply = reply.map_err(ended)?;
            if !reply.status().is_success() {
                return Err(self.failed(refusal(reply.status())));
            }
            let upgraded = hyper::upgrade::on(reply).await;
            upgraded.map_err(ended)
        };
        // The connection ends where the tunnel begins.
        let upgraded = match select(pin!(exchange), pin!(connection.with_upgrades())).await {
            Either::Left((upgraded, _)) => upgraded?,
            Either::Right((_, exchange)) => exchange.await?,
        };
        Ok(Box::new(TokioIo::new(upgraded)))
    }
}

fn refusal(status: StatusCode) -> Failure {
    let why = match status {
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            "; it wants credentials, which go into the variable that names it: http://user:password@proxy"
        }
        StatusCode::FORBIDDEN => "; its rules forbid it",
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            "; it can't reach the host"
        }
        _ => "",
    };
    Failure::new(
        Cause::Refused,
        format!(
            "it refused a tunnel with the status {}{why}",
            status.as_u16()
        ),
    )
}

/// Without credentials.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({})", self.origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Result<Proxies, ConfigError> {
        Proxies::of(Environment::read(|name| {
            let variable = variables.iter().find(|(of, _)| *of == name);
            variable.map(|(_, value)| (*value).to_owned())
        }))
    }

    fn proxy_for(variables: &[(&str, &str)], uri: &str) -> Option<String> {
        let origin = Origin::of(&uri.parse().unwrap()).unwrap();
        let proxy = proxies(variables).unwrap().of_origin(&origin)?;
        Some(proxy.origin.to_string())
    }

    #[test]
    fn each_scheme_has_its_variable_and_all_proxy_stands_in() {
        let variables = [("HTTP_PROXY", "http://a:1"), ("https_proxy", "b:2")];
        assert_eq!(proxy_for(&variables, "http://h/").unwrap(), "http://a:1");
        assert_eq!(proxy_for(&variables, "https://h/").unwrap(), "http://b:2");
        let variables = [("ALL_PROXY", "https://c")];
        assert_eq!(proxy_for(&variables, "http://h/").unwrap(), "https://c");
        assert_eq!(proxy_for(&[], "http://h/"), None);
        assert_eq!(proxy_for(&[("HTTP_PROXY", "")], "http://h/"), None);
    }

    #[test]
    fn no_proxy_names_hosts_domains_and_networks() {
        let variables = [
            ("HTTP_PROXY", "http://a:1"),
            ("NO_PROXY", "one.example, .two.example, 192.0.2.0/24, ::1"),
        ];
        for (uri, goes_without) in [
            ("http://one.example/", true),
            ("http://x.two.example:8080/", true),
            ("http://one.example./", true),
            ("http://x.two.example./", true),
            ("http://192.0.2.7/", true),
            ("http://[::1]/", true),
            ("http://three.example/", false),
            ("http://192.0.3.7/", false),
        ] {
            assert_eq!(proxy_for(&variables, uri).is_none(), goes_without, "{uri}");
        }
        assert_eq!(
            proxy_for(
                &[("HTTP_PROXY", "http://a"), ("no_proxy", "*")],
                "http://h/"
            ),
            None
        );
    }

    #[test]
    fn what_a_client_of_a_cgi_program_sends_is_no_proxy() {
        let variables = [("HTTP_PROXY", "http://a:1"), ("REQUEST_METHOD", "GET")];
        assert_eq!(proxy_for(&variables, "http://h/"), None);
    }

    #[test]
    fn a_variable_that_names_no_proxy_of_http_is_refused_without_its_password() {
        for value in [
            "socks5://u:sesame@h:1",
            "ftp://u:sesame@h",
            "http://",
            "a b",
            "http://u:sesame@h:99999",
            "http://h:x",
            "http://[::1]:0/",
        ] {
            let error = proxies(&[("HTTPS_PROXY", value)]).unwrap_err().to_string();
            assert!(error.starts_with("proxy-from-env: HTTPS_PROXY "), "{error}");
            assert!(!error.contains("sesame"), "{error}");
        }
    }

    #[test]
    fn a_port_is_part_of_a_proxy_or_left_out() {
        for value in [
            "http://h:3128",
            "h:3128/",
            "http://[::1]:8080",
            "http://[::1]",
            "h",
        ] {
            assert!(!has_wrong_port(value), "{value}");
        }
    }

    #[test]
    fn credentials_are_not_shown() {
        let proxies = proxies(&[("HTTP_PROXY", "http://u:sesame@h:1")]).unwrap();
        let origin = Origin::of(&"http://x/".parse().unwrap()).unwrap();
        let proxy = proxies.of_origin(&origin).unwrap();
        assert!(!format!("{proxies:?}{proxy:?}").contains("sesame"));
    }
}
