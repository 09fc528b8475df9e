//! A redirect leads where the crate `url` reads it to lead, never from https to http,
//! and takes no credentials to another origin.

use crate::url::{assert_same_origin, assert_sent_as_it_is};
use arbitrary::{Arbitrary as _, Unstructured};
use http::HeaderValue;
use rest_client_guest::{
    error::RestError,
    location,
    redirect::Redirects,
    request::{Call, Request},
    url::Scheme,
};
use url::Url;

const ASKED: [&str; 5] = [
    "http://h/a/b?q",
    "https://user:secret@h.example:8443/a/",
    "http://[::1]:8080/",
    "https://10.0.0.1/x/../y",
    "http://billing.service.internal/credit?caller=alice",
];

const STATUSES: [u16; 6] = [301, 302, 303, 307, 308, 200];

const METHODS: [&str; 4] = ["GET", "HEAD", "POST", "PURGE"];

/// Takes what was asked and the status, from the first bytes, and a `location`.
pub fn check(input: &[u8]) {
    let mut choices = Unstructured::new(input);
    let Ok(seed) = u16::arbitrary(&mut choices) else {
        return;
    };
    let seed = usize::from(seed);
    let asked = ASKED[seed % ASKED.len()];
    let status = STATUSES[seed / ASKED.len() % STATUSES.len()];
    let method = METHODS[seed / ASKED.len() / STATUSES.len() % METHODS.len()];
    let value = choices.take_rest();
    if HeaderValue::from_bytes(value).is_err() {
        // No reply with this one comes as far as the guest.
        return;
    }

    let request = Request::prepare(Call {
        method: method.to_owned(),
        url: asked.to_owned(),
        body: (method == "POST").then(|| b"body".to_vec()),
        headers: vec![("cookie".to_owned(), b"a=b".to_vec())],
        ..Call::default()
    });
    let request = request.expect("the request is one of those above");
    let mut redirects = Redirects::of(&request, 1).expect("one is followed");
    let fields = [("location".to_owned(), value.to_vec())];
    let next = match redirects.follow(status, &fields) {
        Ok(Some(next)) => next,
        Ok(None) => return assert_eq!(status, 200),
        Err(RestError::Denied(_) | RestError::Protocol(_)) => return,
        Err(other) => panic!("a redirect is no reason for {other:?}"),
    };

    let base = Url::parse(asked).expect("the URL is one of those above");
    let reference = location::read(value);
    match base.join(&reference) {
        Ok(oracle) => assert_same_origin(&next.target, &oracle),
        Err(error) => assert!(
            next.target.authority.contains("xn--"),
            "{reference:?} is followed, which is no URL: {error}"
        ),
    }
    if let Ok(text) = std::str::from_utf8(value)
        && text.is_ascii()
        && let Ok(oracle) = base.join(text)
    {
        assert_same_origin(&next.target, &oracle);
    }
    assert_sent_as_it_is(&next.target);

    let (from, to) = (&request.target, &next.target);
    assert!(
        (from.scheme, to.scheme) != (Scheme::Https, Scheme::Http),
        "TLS was left"
    );
    let has = |name: &str| next.headers.iter().any(|(field, _)| field == name);
    if from.origin() != to.origin() {
        assert!(
            !has("cookie") && !has("authorization"),
            "credentials went along"
        );
    }
    if next.body.is_none() {
        assert!(!has("content-length") && !has("content-type"));
    }
}
