//! The access log: a line of JSON for each decision.

use super::listener::Peer;
use http::StatusCode;
use rest_client_host::{
    plugin::FailureKind,
    routing::{Decision, Protocol, Request},
};
use serde::Serialize;
use std::{
    borrow::Cow,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Bytes of a method. The rest is left out.
const LONGEST_METHOD: usize = 32;

/// Bytes of a target. The rest is left out.
const LONGEST_TARGET: usize = 500;

/// What became of a decision whose asker went away before there was one.
pub(super) const GONE: &str = "gone";

/// What became of one that the end of the program did not wait for.
pub(super) const ENDED: &str = "ended";

/// A target without the password of its user (RFC 3261, section 19.1.1; RFC 3986, section
/// 3.2.1).
fn without_password(target: &str) -> Cow<'_, str> {
    let (begin, end) = if let Some(begin) = target.find("://").map(|it| it + 3) {
        let authority = target[begin..].find('/');
        (begin, authority.map_or(target.len(), |it| begin + it))
    } else if let Some((scheme, _)) = target.split_once(':')
        && ["sip", "sips"]
            .iter()
            .any(|it| scheme.eq_ignore_ascii_case(it))
    {
        (scheme.len() + 1, target.len())
    } else {
        return target.into();
    };
    let user = target[begin..end].rfind('@').map(|it| begin + it);
    match user.and_then(|user| Some((target[begin..user].find(':')? + begin, user))) {
        Some((password, host)) => format!("{}{}", &target[..password], &target[host..]).into(),
        None => target.into(),
    }
}

/// What a line says. What is not known is left out.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    /// When it was asked for, in seconds since 1970.
    ts: f64,
    plugin: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    protocol: &'static str,
    method: String,
    /// Without a query, where secrets may be.
    target: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    decision: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    /// How the plugin failed; the decision is that of on-failure then.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<&'static str>,
    /// What the plugin says for the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Until the head of an answer that the plugin gives by itself, whose body may take
    /// longer.
    ms: f64,
}

impl<'a> Line<'a> {
    /// About `request`, before anything is decided.
    pub(super) fn begin(plugin: &'a str, request: &Request) -> Self {
        let protocol = match request.protocol {
            Protocol::Sip => "sip",
            Protocol::Http => "http",
        };
        Self {
            id: Some(request.id.clone()),
            source: request.source.as_ref().map(|it| it.address.clone()),
            ..Self::new(plugin, protocol, &request.method, &request.target)
        }
    }

    /// About a request that a plugin answers by itself.
    pub(super) fn of_http<B>(plugin: &'a str, request: &http::Request<B>, peer: Peer) -> Self {
        Self {
            source: match peer {
                Peer::Tcp(address) => Some(address.ip().to_canonical().to_string()),
                Peer::Unix => None,
            },
            ..Self::new(
                plugin,
                "http",
                request.method().as_str(),
                request.uri().path(),
            )
        }
    }

    fn new(plugin: &'a str, protocol: &'static str, method: &str, target: &str) -> Self {
        let target = without_password(target.split('?').next().unwrap_or_default());
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            ts: since.unwrap_or_default().as_secs_f64(),
            plugin,
            id: None,
            protocol,
            method: method[..method.floor_char_boundary(LONGEST_METHOD)].to_owned(),
            target: target[..target.floor_char_boundary(LONGEST_TARGET)].to_owned(),
            source: None,
            decision: "",
            code: None,
            failed: None,
            reason: None,
            ms: 0.0,
        }
    }

    /// The whole of it, where there was no decision, and why.
    pub(super) fn none(mut self, why: &'static str, elapsed: Duration) -> String {
        self.decision = "none";
        self.finish(Some(why), elapsed)
    }

    /// The whole of it, where the plugin has answered by itself.
    pub(super) fn answered(
        mut self,
        status: StatusCode,
        failed: Option<FailureKind>,
        elapsed: Duration,
    ) -> String {
        self.decision = "answer";
        self.code = Some(status.as_u16());
        self.finish(failed.map(FailureKind::as_str), elapsed)
    }

    /// The whole of it.
    pub(super) fn end(
        mut self,
        decision: &Decision,
        failed: Option<FailureKind>,
        elapsed: Duration,
    ) -> String {
        let attributes = match decision {
            Decision::Continue(changes) => {
                self.decision = "continue";
                &changes.attributes
            }
            Decision::Answer(answer) => {
                self.decision = "answer";
                self.code = Some(answer.code);
                &answer.attributes
            }
            Decision::Redirect(redirect) => {
                self.decision = "redirect";
                self.code = redirect.code;
                &redirect.attributes
            }
            Decision::Drop(attributes) => {
                self.decision = "drop";
                attributes
            }
        };
        let reason = attributes.iter().find(|(name, _)| name == "reason");
        self.reason = reason.map(|(_, value)| value.clone());
        self.finish(failed.map(FailureKind::as_str), elapsed)
    }

    fn finish(mut self, failed: Option<&'static str>, elapsed: Duration) -> String {
        self.failed = failed;
        self.ms = (elapsed.as_secs_f64() * 1e6).round() / 1e3;
        let mut line = serde_json::to_string(&self).expect("texts and numbers can be written");
        line.push('\n');
        line
    }
}

#[cfg(test)]
mod tests {
    use super::without_password;

    #[test]
    fn a_target_is_shown_without_a_password() {
        for (target, shown) in [
            (
                "sip:alice:hunter2@example.org;lr",
                "sip:alice@example.org;lr",
            ),
            (
                "SIPS:alice;day=tue:h@example.org:5061",
                "SIPS:alice;day=tue@example.org:5061",
            ),
            ("sip:example.org:5060", "sip:example.org:5060"),
            (
                "sip:alice@[2001:db8::1]:5060",
                "sip:alice@[2001:db8::1]:5060",
            ),
            ("http://u:p:q@h:80/a:b@c", "http://u@h:80/a:b@c"),
            ("/a:b@c", "/a:b@c"),
            ("tel:+4930", "tel:+4930"),
        ] {
            assert_eq!(without_password(target), shown);
        }
    }
}
