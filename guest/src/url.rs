//! The URL of a call, parsed into the parts that a request needs (RFC 3986,
//! section 3).

use crate::{error::RestError, host_name, location};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// What a path or query may not hold (RFC 3986, appendix A), and is written in
/// percent-code. A `%` is not among it: it begins an escape of the caller's.
const NOT_IN_PATH: &AsciiSet = &CONTROLS
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// In bytes. A longer URL would not arrive: common servers end request lines at
/// 8 KiB, and transports at 64 KiB.
const MAX_URL_LENGTH: usize = 32 * 1024;

/// The schemes that are supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// HTTP without TLS.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// The scheme as a URL writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Where a request goes.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// `http` or `https`.
    pub scheme: Scheme,
    /// The canonical host, and the port if it is not the default of the scheme.
    pub authority: String,
    /// Begins with a `/`, and holds no fragment.
    pub path_and_query: String,
    /// The value of the `authorization` field for the URL's user information.
    /// `None` if the URL has none.
    pub authorization: Option<String>,
}

impl Target {
    /// Parses an absolute URL.
    ///
    /// # Errors
    ///
    /// [`RestError::InvalidUrl`]. Its sentence says what would be right, and
    /// repeats nothing of the URL that may be secret.
    pub fn parse(url: &str) -> Result<Self, RestError> {
        parse(url).map_err(RestError::InvalidUrl)
    }

    /// Resolves a reference in the characters of a URL, as [`location::read`]
    /// gives one, against this target (RFC 3986, section 5.2). User information
    /// in the reference is not used.
    ///
    /// # Errors
    ///
    /// [`RestError::InvalidUrl`], as for [`Self::parse`].
    ///
    /// [`location::read`]: crate::location::read
    pub fn join(&self, reference: &str) -> Result<Self, RestError> {
        let reference = reference.split_once('#').map_or(reference, |(it, _)| it);
        let path = self.path_and_query.split('?').next().unwrap_or_default();
        // Browsers read a / there, and another host out of what follows.
        if reference.starts_with('\\') || reference.starts_with("/\\") {
            return Err(RestError::InvalidUrl(
                "a \\ begins the reference; a path begins with /".into(),
            ));
        }
        let url = if location::scheme(reference).is_some() {
            reference.to_owned()
        } else if reference.starts_with("//") {
            format!("{}:{reference}", self.scheme.as_str())
        } else {
            let path_and_query = match reference.bytes().next() {
                None => self.path_and_query.clone(),
                Some(b'/') => reference.to_owned(),
                Some(b'?') => format!("{path}{reference}"),
                Some(_) => {
                    let directory = path.rfind('/').map_or("/", |end| &path[..=end]);
                    format!("{directory}{reference}")
                }
            };
            format!("{}{path_and_query}", self.origin())
        };
        let target = Self::parse(&url)?;
        Ok(Self {
            authorization: None,
            ..target
        })
    }

    /// Scheme and authority. They hold no secret, so they may be shown and
    /// logged.
    #[must_use]
    pub fn origin(&self) -> String {
        [self.scheme.as_str(), "://", &self.authority].concat()
    }
}

/// Shows only the origin: paths and queries name subscribers, and user
/// information holds passwords.
impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Target").field(&self.origin()).finish()
    }
}

fn parse(url: &str) -> Result<Target, String> {
    if url.is_empty() {
        return Err("the URL is empty; one looks like http://host/path".into());
    }
    if url.len() > MAX_URL_LENGTH {
        return Err(format!("the URL is longer than {MAX_URL_LENGTH} bytes"));
    }
    if let Some((at, odd)) = url
        .char_indices()
        .find(|(_, c)| c.is_control() || c.is_whitespace())
    {
        return Err(format!(
            "the URL holds {odd:?} at byte {at}; white space and control characters \
             are written in percent-code, a space as %20"
        ));
    }
    let (scheme, rest) = split_scheme(url)?;
    let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
    let end_of_authority = rest.find(['/', '?', '\\']).unwrap_or(rest.len());
    let (authority, path_and_query) = rest.split_at(end_of_authority);
    if path_and_query.starts_with('\\') {
        return Err("a \\ follows the host of the URL; a path begins with /".into());
    }
    // The last @ ends the user information, which may hold other ones. So
    // nothing before it can pass for the host.
    let (user_information, host_and_port) = match authority.rsplit_once('@') {
        Some((user_information, rest)) => (Some(user_information), rest),
        None => (None, authority),
    };
    let (host, port) = split_port(host_and_port)?;
    let mut authority = host_name::canonical(host)
        .map_err(|clause| format!("the host {host:?} of the URL {clause}"))?;
    if let Some(port) = port
        && port != scheme.default_port()
    {
        authority.push(':');
        authority.push_str(&port.to_string());
    }
    let path_and_query = normalise(path_and_query);
    if path_and_query.len() > MAX_URL_LENGTH {
        return Err(format!(
            "the URL is longer than {MAX_URL_LENGTH} bytes, now that what it may not hold is in percent-code"
        ));
    }
    Ok(Target {
        scheme,
        authority,
        path_and_query,
        authorization: user_information.map(basic_credentials),
    })
}

fn split_scheme(url: &str) -> Result<(Scheme, &str), String> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Err("the URL has no scheme; write http:// or https:// in front of it".into());
    };
    if scheme.eq_ignore_ascii_case("http") {
        Ok((Scheme::Http, rest))
    } else if scheme.eq_ignore_ascii_case("https") {
        Ok((Scheme::Https, rest))
    } else if !scheme.is_empty()
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    {
        Err(format!(
            "the scheme {scheme:?} is not spoken; http and https are"
        ))
    } else {
        // The message does not repeat it: where no scheme stands in front, it
        // may be a password.
        Err("the URL has no valid scheme; write http:// or https:// in front of it".into())
    }
}

fn split_port(host_and_port: &str) -> Result<(&str, Option<u16>), String> {
    // A colon inside an IPv6 literal does not begin a port.
    let after_literal = host_and_port.find(']').map_or(0, |at| at + 1);
    let Some(colon) = host_and_port[after_literal..].find(':') else {
        return Ok((host_and_port, None));
    };
    let (host, port) = host_and_port.split_at(after_literal + colon);
    let port = &port[1..];
    if port.is_empty() {
        return Ok((host, None));
    }
    if port.contains(':') {
        return Err("the URL's host holds more than one colon; an IPv6 address is written in brackets, [2001:db8::1]".into());
    }
    match port.parse::<u16>() {
        Ok(number) if number != 0 && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            Ok((host, Some(number)))
        }
        _ => Err("the port of the URL is not a number from 1 to 65535".into()),
    }
}

/// The value of an `authorization` field of the scheme Basic (RFC 7617, section
/// 2). The user information is in percent-code.
fn basic_credentials(user_information: &str) -> String {
    let mut credentials: Vec<u8> = percent_decode_str(user_information).collect();
    if !user_information.contains(':') {
        credentials.push(b':');
    }
    format!("Basic {}", BASE64.encode(credentials))
}

/// Removes dot segments, and writes in percent-code what a request line may not
/// hold.
fn normalise(path_and_query: &str) -> String {
    let (path, query) = match path_and_query.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path_and_query, None),
    };
    let mut out = String::with_capacity(path_and_query.len() + 1);
    out.extend(utf8_percent_encode(&remove_dot_segments(path), NOT_IN_PATH));
    if let Some(query) = query {
        out.push('?');
        out.extend(utf8_percent_encode(query, NOT_IN_PATH));
    }
    out
}

/// Does what RFC 3986, section 5.2.4, says for a path that is absolute or
/// empty.
fn remove_dot_segments(path: &str) -> String {
    let mut out = String::with_capacity(path.len() + 1);
    let mut ends_in_directory = true;
    for segment in path.split('/').skip(1) {
        ends_in_directory = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." => out.truncate(out.rfind('/').unwrap_or(0)),
            _ => {
                out.push('/');
                out.push_str(segment);
            }
        }
    }
    if ends_in_directory {
        out.push('/');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Target {
        Target::parse(url).unwrap_or_else(|error| panic!("{url}: {error:?}"))
    }

    fn refused(url: &str) -> String {
        match Target::parse(url) {
            Err(RestError::InvalidUrl(message)) => message,
            other => panic!("{url}: {other:?}"),
        }
    }

    #[test]
    fn a_url_falls_into_its_parts() {
        let target = parsed("http://Example.com:8080/credit?caller=al%40ice#part");
        assert_eq!(target.scheme, Scheme::Http);
        assert_eq!(target.authority, "example.com:8080");
        assert_eq!(target.path_and_query, "/credit?caller=al%40ice");
        assert_eq!(target.authorization, None);
    }

    #[test]
    fn the_schemes_own_port_is_left_out() {
        assert_eq!(parsed("http://h:80/").authority, "h");
        assert_eq!(parsed("https://h:443").authority, "h");
        assert_eq!(parsed("https://h:80").authority, "h:80");
        assert_eq!(parsed("http://h:/").authority, "h");
        assert_eq!(parsed("http://[::1]:80/").authority, "[::1]");
        assert_eq!(parsed("http://[::1]:81/").authority, "[::1]:81");
    }

    #[test]
    fn an_empty_path_is_the_root() {
        assert_eq!(parsed("HTTP://h").path_and_query, "/");
        assert_eq!(parsed("http://h?q").path_and_query, "/?q");
        assert_eq!(parsed("http://h#f").path_and_query, "/");
    }

    #[test]
    fn user_information_becomes_basic_credentials() {
        let basic = |url| parsed(url).authorization.unwrap();
        // The example of RFC 7617, section 2.
        assert_eq!(
            basic("http://Aladdin:open%20sesame@h/"),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
        );
        assert_eq!(basic("http://user@h/"), "Basic dXNlcjo=");
        assert_eq!(basic("http://a:b@c:d@h/"), "Basic YTpiQGM6ZA==");
        assert_eq!(parsed("http://a:b@c@h:1/").authority, "h:1");
    }

    #[test]
    fn a_target_shows_no_secret() {
        let shown = format!("{:?}", parsed("https://user:secret@h/subscriber?token=abc"));
        assert_eq!(shown, "Target(\"https://h\")");
    }

    #[test]
    fn no_refusal_repeats_a_secret() {
        for url in [
            "http://user:sesame@",
            "http://user:sesame@h:x/",
            "http://user:sesame@a b/",
            "user:sesame@h/",
            "user:sesame://h/",
            "http://user:sesame@[::1/",
            "http://h/?sesame= ",
        ] {
            let message = refused(url);
            assert!(!message.contains("sesame"), "{url}: {message}");
        }
    }

    #[test]
    fn dot_segments_are_resolved() {
        for (given, expected) in [
            ("/a/b/c/./../../g", "/a/g"),
            ("/../g", "/g"),
            ("/a/.", "/a/"),
            ("/a/..", "/"),
            ("/a//b/", "/a//b/"),
            ("/a/...", "/a/..."),
        ] {
            assert_eq!(parsed(&format!("http://h{given}")).path_and_query, expected);
        }
    }

    #[test]
    fn what_a_request_line_may_not_hold_is_coded() {
        assert_eq!(
            parsed("http://h/ü/{id}?q=\"<é>\"").path_and_query,
            "/%C3%BC/%7Bid%7D?q=%22%3C%C3%A9%3E%22"
        );
        assert_eq!(parsed("http://h/a%2Fb%zz").path_and_query, "/a%2Fb%zz");
    }

    #[test]
    fn only_http_and_https_are_spoken() {
        for url in ["ftp://h/", "file:///etc/passwd", "gopher://h", "HTTPX://h"] {
            assert!(refused(url).contains("http and https"), "{url}");
        }
        for url in ["h/path", "//h/path", "http:/h", "://h", ""] {
            assert!(refused(url).contains("http://"), "{url}");
        }
    }

    #[test]
    fn line_ends_never_reach_a_request() {
        for url in [
            "http://h/\r\nX: y",
            "http://h\n",
            "http://h/\0",
            "http://h/ x",
            "http://h/\u{2028}",
        ] {
            assert!(refused(url).contains("percent-code"), "{url:?}");
        }
    }

    #[test]
    fn ports_are_numbers_that_exist() {
        for url in [
            "http://h:0/",
            "http://h:65536/",
            "http://h:+1/",
            "http://h:x/",
            "http://::1/",
        ] {
            refused(url);
        }
        assert_eq!(parsed("http://h:65535/").authority, "h:65535");
    }

    #[test]
    fn a_url_has_an_end() {
        refused(&format!("http://h/{}", "x".repeat(MAX_URL_LENGTH)));
        // It grows when it is coded.
        for character in ["\u{fc}", "|"] {
            let message = refused(&format!(
                "http://h/{}",
                character.repeat(MAX_URL_LENGTH / 2 - 8)
            ));
            assert!(message.contains("percent-code"), "{message}");
        }
    }

    #[test]
    fn a_backslash_does_not_hide_the_host() {
        refused("http://good.example\\@evil.example/");
    }
}
