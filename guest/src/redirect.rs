//! Which redirects are followed, and how (RFC 9110, section 15.4).

use crate::{
    error::RestError,
    header, location,
    request::Request,
    url::{Scheme, Target},
};

/// Fields by which a server knows its caller. No other server may see them.
const CREDENTIALS: [&str; 2] = ["authorization", "cookie"];

/// Bytes of a scheme that a message shows; none that is in use is as long.
const MAX_SHOWN: usize = 32;

/// Fields that describe a body.
const BODY_FIELDS: [&str; 5] = [
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-type",
];

/// The redirects of one call.
#[derive(Debug)]
pub struct Redirects {
    /// The request that was sent last.
    request: Request,
    followed: u32,
    max: u32,
}

impl Redirects {
    /// Prepares to follow up to `max` redirects of `request`. `None` if `max`
    /// is 0.
    #[must_use]
    pub fn of(request: &Request, max: u32) -> Option<Self> {
        (max > 0).then(|| Self {
            request: request.clone(),
            followed: 0,
            max,
        })
    }

    /// The request to send next if a reply with this status and these header
    /// fields is a redirect; `None` if it is not.
    ///
    /// # Errors
    ///
    /// [`RestError::Protocol`] if the redirect leads to no valid URL or is one
    /// too many, and [`RestError::Denied`] if it leads from https to http.
    pub fn follow(
        &mut self,
        status: u16,
        headers: &[(String, Vec<u8>)],
    ) -> Result<Option<Request>, RestError> {
        if !matches!(status, 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let Some(location) = header::first(headers, "location") else {
            return Ok(None);
        };
        let from = self.request.target.origin();
        if self.followed == self.max {
            return Err(RestError::Protocol(format!(
                "{from}: one more redirect than max-redirects, {}",
                self.max
            )));
        }
        self.followed += 1;
        let reference = location::read(location);
        let target = self.request.target.join(&reference).map_err(|_| {
            RestError::Protocol(match location::scheme(&reference) {
                Some(scheme) if !is_spoken(scheme) => format!(
                    "{from}: the reply redirects to the scheme {:?}; http and https are followed",
                    scheme.get(..MAX_SHOWN).unwrap_or(scheme)
                ),
                _ => format!("{from}: the reply redirects to what is no URL"),
            })
        })?;
        self.redirect_to(target, status)?;
        Ok(Some(self.request.clone()))
    }

    fn redirect_to(&mut self, target: Target, status: u16) -> Result<(), RestError> {
        let request = &mut self.request;
        if (request.target.scheme, target.scheme) == (Scheme::Https, Scheme::Http) {
            return Err(RestError::Denied(format!(
                "{}: the reply redirects from https to http, which is not followed",
                request.target.origin()
            )));
        }
        if request.target.origin() != target.origin() {
            request.drop_fields(&CREDENTIALS);
        }
        // A 303 asks for a GET. After a POST, so do 301 and 302 by custom.
        let is_post = request.method == "POST";
        if status == 303 && request.method != "HEAD" || is_post && matches!(status, 301 | 302) {
            request.method = "GET".into();
            request.body = None;
            request.drop_fields(&BODY_FIELDS);
        }
        request.target = target;
        Ok(())
    }
}

fn is_spoken(scheme: &str) -> bool {
    [Scheme::Http, Scheme::Https]
        .iter()
        .any(|spoken| scheme.eq_ignore_ascii_case(spoken.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Call;

    fn redirects(method: &str, url: &str, max: u32) -> Redirects {
        let request = Request::prepare(Call {
            method: method.into(),
            url: url.into(),
            body: (method == "POST").then(|| b"body".to_vec()),
            headers: vec![("cookie".into(), b"a=b".to_vec())],
            ..Call::default()
        });
        Redirects::of(&request.unwrap(), max).unwrap()
    }

    fn to(location: &str) -> Vec<(String, Vec<u8>)> {
        vec![("location".into(), location.into())]
    }

    #[test]
    fn a_location_is_resolved_against_the_url_that_was_asked() {
        for (location, expected) in [
            ("https://g:1/x?y", "https://g:1/x?y"),
            ("//g/x", "http://g/x"),
            ("/x", "http://h/x"),
            ("x", "http://h/a/x"),
            ("../x", "http://h/x"),
            ("?y", "http://h/a/b?y"),
            ("", "http://h/a/b?q"),
            ("#part", "http://h/a/b?q"),
            (" /a b\t?c\td", "http://h/a%20b?cd"),
            ("//b\u{fc}cher/\u{fc}", "http://xn--bcher-kva/%C3%BC"),
            ("a b:c", "http://h/a/a%20b:c"),
        ] {
            let mut redirects = redirects("GET", "http://h/a/b?q", 1);
            let next = redirects.follow(302, &to(location)).unwrap().unwrap();
            let url = next.target.origin() + &next.target.path_and_query;
            assert_eq!(url, expected, "{location}");
        }
    }

    #[test]
    fn what_is_no_redirect_is_a_reply() {
        for status in [200, 300, 304, 305, 404] {
            let mut redirects = redirects("GET", "http://h/", 1);
            assert_eq!(redirects.follow(status, &to("/x")), Ok(None));
        }
        let mut redirects = redirects("GET", "http://h/", 1);
        assert_eq!(redirects.follow(302, &[]), Ok(None));
    }

    #[test]
    fn a_location_that_is_no_url_is_an_error() {
        for location in [
            "ftp://h/",
            "x:y",
            "http://",
            "//a b/",
            "//a\u{a0}b/",
            "http:///x",
            "\\\\evil.example/",
            "/\\evil.example/",
            "\\/evil.example/",
            "\\x",
        ] {
            let mut redirects = redirects("GET", "http://h/", 1);
            let followed = redirects.follow(302, &to(location));
            assert!(
                matches!(followed, Err(RestError::Protocol(_))),
                "{location}: {followed:?}"
            );
        }
    }

    #[test]
    fn there_is_an_end_to_it() {
        let mut redirects = redirects("GET", "http://h/", 2);
        for _ in 0..2 {
            assert!(redirects.follow(302, &to("/x")).unwrap().is_some());
        }
        assert!(matches!(
            redirects.follow(302, &to("/x")),
            Err(RestError::Protocol(_))
        ));
    }

    #[test]
    fn tls_is_not_left() {
        let mut one = redirects("GET", "https://h/", 2);
        assert!(matches!(
            one.follow(302, &to("http://h/")),
            Err(RestError::Denied(_))
        ));
        let mut other = redirects("GET", "http://h/", 2);
        assert!(other.follow(302, &to("https://h/")).unwrap().is_some());
    }

    #[test]
    fn credentials_stay_with_their_origin() {
        let has = |request: &Request, name| header::first(&request.headers, name).is_some();
        for (location, kept) in [("/x", true), ("http://g/", false), ("http://h:81/", false)] {
            let mut redirects = redirects("GET", "http://u:p@h/", 1);
            let next = redirects.follow(302, &to(location)).unwrap().unwrap();
            assert_eq!(has(&next, "authorization"), kept, "{location}");
            assert_eq!(has(&next, "cookie"), kept, "{location}");
            assert!(has(&next, "user-agent"), "{location}");
        }
    }

    #[test]
    fn credentials_that_a_location_brings_are_not_sent() {
        let mut redirects = redirects("GET", "http://h/", 1);
        let next = redirects
            .follow(302, &to("http://u:p@g/"))
            .unwrap()
            .unwrap();
        assert_eq!(header::first(&next.headers, "authorization"), None);
    }

    #[test]
    fn the_method_changes_as_it_does_in_browsers() {
        for (method, status, expected) in [
            ("POST", 301, "GET"),
            ("POST", 302, "GET"),
            ("POST", 303, "GET"),
            ("POST", 307, "POST"),
            ("POST", 308, "POST"),
            ("PUT", 302, "PUT"),
            ("PUT", 303, "GET"),
            ("HEAD", 303, "HEAD"),
        ] {
            let mut redirects = redirects(method, "http://h/", 1);
            let next = redirects.follow(status, &to("/x")).unwrap().unwrap();
            assert_eq!(next.method, expected, "{method} {status}");
            let kept = (method, expected) == ("POST", "POST");
            assert_eq!(next.body.is_some(), kept, "{method} {status}");
            let declared = header::first(&next.headers, "content-length").is_some();
            assert_eq!(declared, kept, "{method} {status}");
        }
    }
}
