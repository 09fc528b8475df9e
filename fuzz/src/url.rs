//! A URL leads where the crate `url` reads it to lead, and what is sent of it is a URI.

use http::Uri;
use rest_client_guest::url::Target;
use url::{Host, Url};

/// Takes a URL.
pub fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let Ok(target) = Target::parse(&text) else {
        return;
    };
    match Url::parse(&text) {
        Ok(oracle) => assert_same_origin(&target, &oracle),
        // Names in other letters than ASCII's may break rules that are not checked here,
        // as that about directions of writing. They are names of nobody else's.
        Err(error) => assert!(
            target.authority.contains("xn--"),
            "{:?} is asked for {text:?}, which is no URL: {error}",
            target.origin()
        ),
    }
    assert_sent_as_it_is(&target);
}

pub(crate) fn assert_same_origin(target: &Target, oracle: &Url) {
    let host = match oracle.host() {
        // Mapped addresses are written in more than one way.
        Some(Host::Ipv6(address)) => format!("[{address}]"),
        Some(host) => host.to_string(),
        None => panic!("{oracle} has no host"),
    };
    let port = oracle
        .port()
        .map_or_else(String::new, |port| format!(":{port}"));
    let expected = format!("{}://{host}{port}", oracle.scheme());
    assert_eq!(target.origin(), expected);
}

/// Nothing behind the sandbox reads another host or port out of it.
pub(crate) fn assert_sent_as_it_is(target: &Target) {
    let sent = target.origin() + &target.path_and_query;
    let uri: Uri = sent
        .parse()
        .unwrap_or_else(|error| panic!("{sent:?} is no URI: {error}"));
    assert_eq!(uri.scheme_str(), Some(target.scheme.as_str()));
    assert_eq!(
        uri.authority().map(|it| it.as_str()),
        Some(&*target.authority)
    );
    let again = match Target::parse(&sent) {
        Ok(again) => again,
        // Its path alone is as long as a URL may be.
        Err(_) if sent.len() > 32 << 10 => return,
        Err(error) => panic!("{sent:?}: {error:?}"),
    };
    assert_eq!(again.origin(), target.origin());
    assert_eq!(again.path_and_query, target.path_and_query);
}
