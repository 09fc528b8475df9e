//! For how long a server says that it keeps a connection: `Keep-Alive: timeout=5`,
//! which many send though no RFC has it any more.

use http::HeaderMap;
use std::time::Duration;

/// What a request needs at most to get to the server before that closes.
const MARGIN: Duration = Duration::from_millis(500);

/// How long the connection may be used again, `None` if the server does not say.
pub(super) fn announced(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get("keep-alive")?.to_str().ok()?;
    let seconds = value.split(',').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        if !name.trim().eq_ignore_ascii_case("timeout") {
            return None;
        }
        value.trim().trim_matches('"').parse().ok()
    })?;
    Some(Duration::from_secs(seconds).saturating_sub(MARGIN))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn the_timeout_is_found_among_other_parameters() {
        for (value, milliseconds) in [
            ("timeout=5", Some(4500)),
            ("max=100, Timeout = 1", Some(500)),
            ("timeout=\"20\", max=5", Some(19_500)),
            ("timeout=0", Some(0)),
            ("max=100", None),
            ("timeout=soon", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("keep-alive", HeaderValue::from_static(value));
            let expected = milliseconds.map(Duration::from_millis);
            assert_eq!(announced(&headers), expected, "{value}");
        }
    }
}
