//! The access log: a line of JSON for each decision.

use super::listener::Peer;
use http::StatusCode;
use rest_client_host::{
    plugin::FailureKind,
    routing::{Decision, Protocol, Request},
};
use serde::Serialize;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Bytes of a method. The rest is left out.
const LONGEST_METHOD: usize = 32;

/// Bytes of a target. The rest is left out.
const LONGEST_TARGET: usize = 500;

/// What became of a decision whose asker went away before there was one.
pub(super) const GONE: &str = "gone";

/// What became of one that the end of the program did not wait for.
pub(super) const ENDED: &str = "ended";

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
        let target = target.split('?').next().unwrap_or_default();
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
