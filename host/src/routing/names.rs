//! Names of fields, and which of them no decision may touch.

use super::Protocol;

/// What belongs to the way of a SIP message or to its transaction.
const OF_SIP_MESSAGES: [&str; 19] = [
    "via",
    "route",
    "record-route",
    "path",
    "service-route",
    "max-forwards",
    "call-id",
    "cseq",
    "from",
    "to",
    "contact",
    "rack",
    "rseq",
    "require",
    "proxy-require",
    "supported",
    "content-length",
    "content-type",
    "content-encoding",
];

/// What SIP's stack writes into a reply.
const OF_SIP_REPLIES: [&str; 7] = [
    "via",
    "from",
    "to",
    "call-id",
    "cseq",
    "record-route",
    "content-length",
];

/// What belongs to a connection of HTTP or to the framing of its messages.
const OF_HTTP: [&str; 10] = [
    "host",
    "content-length",
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
];

/// The names of SIP that are one letter on the wire (RFC 3261, section 20, and those
/// that came later; the registry of header fields at IANA has them all).
const COMPACT: [(&str, &str); 19] = [
    ("a", "accept-contact"),
    ("b", "referred-by"),
    ("c", "content-type"),
    ("d", "request-disposition"),
    ("e", "content-encoding"),
    ("f", "from"),
    ("i", "call-id"),
    ("j", "reject-contact"),
    ("k", "supported"),
    ("l", "content-length"),
    ("m", "contact"),
    ("n", "identity-info"),
    ("o", "event"),
    ("r", "refer-to"),
    ("s", "subject"),
    ("t", "to"),
    ("u", "allow-events"),
    ("v", "via"),
    ("x", "session-expires"),
];

/// Where a field would go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Message {
    Request,
    Reply,
}

/// Whether it is a token, which both protocols have (RFC 9110, section 5.6.2; RFC 3261,
/// section 25.1).
pub(super) fn is_token(name: &str) -> bool {
    let of_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(of_token)
}

/// The name in lower case, written out.
pub(super) fn canonical(protocol: Protocol, name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    match protocol {
        Protocol::Http => lower,
        Protocol::Sip => written_out(&lower).map_or(lower, str::to_owned),
    }
}

/// What a compact name of SIP stands for. `name` is in lower case.
pub(super) fn written_out(name: &str) -> Option<&'static str> {
    let compact = COMPACT.iter().find(|(compact, _)| *compact == name);
    compact.map(|(_, written_out)| *written_out)
}

/// Whether the canonical `name` belongs to the proxy in such a message.
pub(super) fn is_of_proxy(protocol: Protocol, message: Message, name: &str) -> bool {
    match (protocol, message) {
        (Protocol::Sip, Message::Request) => OF_SIP_MESSAGES.contains(&name),
        (Protocol::Sip, Message::Reply) => OF_SIP_REPLIES.contains(&name),
        (Protocol::Http, Message::Request) => OF_HTTP.contains(&name) || name == "content-encoding",
        (Protocol::Http, Message::Reply) => OF_HTTP.contains(&name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compact_name_is_the_name_that_it_stands_for() {
        assert_eq!(canonical(Protocol::Sip, "V"), "via");
        assert_eq!(canonical(Protocol::Sip, "X-Own"), "x-own");
        assert_eq!(canonical(Protocol::Http, "V"), "v");
    }

    #[test]
    fn a_token_is_what_both_protocols_take_for_a_name() {
        for name in ["x-credit", "A", "`weird~"] {
            assert!(is_token(name), "{name}");
        }
        for name in ["", ":method", "a b", "a:", "é", "a\r"] {
            assert!(!is_token(name), "{name}");
        }
    }
}
