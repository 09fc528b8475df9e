//! One call while it runs: its deadlines, and the record of how it went.

pub(crate) mod budget;
pub(crate) mod failure;
pub(crate) mod origin;
pub(crate) mod paid;
pub(crate) mod payer;
pub(crate) mod reply;
pub(crate) mod share;
pub(crate) mod spec;

use crate::timings::Timings;
use budget::Budget;
use failure::{Cause, Failure};
use origin::Origin;
use parking_lot::{Mutex, MutexGuard};
use std::time::Duration;
use tokio::time::Instant;

/// What the transport knows of the call it works for. Shared between the
/// sandbox, the transfer and its body.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) started: Instant,
    pub(crate) connection_timeout: Duration,
    pub(crate) transfer_timeout: Duration,
    /// What its replies are charged to. Empty where nobody counts.
    pub(crate) budget: Option<Budget>,
    record: Mutex<Record>,
}

/// How a call went.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) timings: Timings,
    pub(crate) phase: Phase,
    pub(crate) version: http::Version,
    /// Of the reply that had begun last, or `None`.
    pub(crate) status: Option<http::StatusCode>,
    /// Replies that had begun: more than one with redirects.
    pub(crate) replies: u32,
    /// The scheme and authority that were asked, and why that failed.
    pub(crate) failure: Option<(String, Failure)>,
    /// Its caller has been told that its time is up.
    pub(crate) expired: bool,
    /// Where its last request went: to the service with this number, or elsewhere.
    asked: Option<Option<usize>>,
    /// The time that its connection has, while there is none.
    connecting: Option<Limit>,
    /// The time that the service has which is asked, if that is less than its own.
    service: Option<Limit>,
}

#[derive(Debug, Clone, Copy)]
struct Limit {
    timeout: Duration,
    until: Instant,
}

/// What a call is waiting for, in the words of a message about a deadline.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    #[default]
    Start,
    Share,
    Service,
    Turn,
    NameLookup,
    Connect,
    Proxy,
    Tls,
    Head,
    Body,
}

impl Phase {
    /// Continues "… passed while ".
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Start => "the call waited for its instance",
            Self::Share => "the plugin's max-async-transfers were in flight",
            Self::Service => "the service's max-async-transfers were in flight",
            Self::Turn => "another transfer of this instance was connecting",
            Self::NameLookup => "the host name was looked up",
            Self::Connect => "TCP was connecting",
            Self::Proxy => "the proxy was opening a tunnel",
            Self::Tls => "the TLS handshake went on",
            Self::Head => "the reply was awaited",
            Self::Body => "the body of the reply arrived",
        }
    }
}

impl Call {
    /// A call that starts now.
    pub(crate) fn start(connection_timeout: Duration, transfer_timeout: Duration) -> Self {
        Self {
            started: Instant::now(),
            connection_timeout: connection_timeout.min(transfer_timeout),
            transfer_timeout,
            budget: None,
            record: Mutex::default(),
        }
    }

    /// The same, with its replies charged to `budget`.
    pub(crate) fn charged_to(self, budget: Option<Budget>) -> Self {
        Self { budget, ..self }
    }

    /// When there must be a usable connection.
    pub(crate) fn connection_deadline(&self) -> Instant {
        self.started + self.connection_timeout
    }

    /// When the whole reply must be there.
    pub(crate) fn transfer_deadline(&self) -> Instant {
        self.started + self.transfer_timeout
    }

    /// A request is about to be sent, the first one or one after a redirect.
    pub(crate) fn no_reply_yet(&self) {
        let mut record = self.record();
        record.status = None;
        // That of a reply which was cut off, and led here nevertheless.
        record.failure = None;
        record.connecting = None;
        record.service = None;
    }

    /// The next request goes to the service with this number, or elsewhere. False if
    /// another than the service has led it there.
    pub(crate) fn leads_to(&self, service: Option<usize>) -> bool {
        let before = self.record().asked.replace(service);
        service.is_none() || before.is_none_or(|before| before == service)
    }

    /// A service is asked from now on that has so much time, if it has a limit of its
    /// own. The result is when its whole reply must be there.
    pub(crate) fn asking_service(&self, timeout: Option<Duration>) -> Instant {
        let deadline = self.transfer_deadline();
        let limit = timeout.map(|timeout| Limit {
            timeout,
            until: Instant::now() + timeout,
        });
        match limit {
            Some(limit) if limit.until < deadline => {
                self.record().service = Some(limit);
                limit.until
            }
            _ => deadline,
        }
    }

    /// Whether a plugin makes it, rather than the program itself.
    pub(crate) fn is_for_plugin(&self) -> bool {
        self.budget.is_some()
    }

    /// The head of a reply has arrived.
    pub(crate) fn reply_begins(&self, head: &http::response::Parts) {
        self.enter(Phase::Body);
        let mut record = self.record();
        record.version = head.version;
        record.status = Some(head.status);
        record.replies += 1;
    }

    /// Enters `phase`, and says for the one before how long it took.
    pub(crate) fn enter(&self, phase: Phase) {
        let elapsed = self.started.elapsed();
        let mut record = self.record();
        match record.phase {
            Phase::Start | Phase::Share | Phase::Service | Phase::Turn | Phase::Proxy => {}
            Phase::NameLookup => record.timings.name_lookup = Some(elapsed),
            Phase::Connect => record.timings.connect = Some(elapsed),
            Phase::Tls => record.timings.tls = Some(elapsed),
            Phase::Head => record.timings.first_byte = Some(elapsed),
            Phase::Body => {}
        }
        if phase == Phase::Head {
            // It goes over a connection.
            record.connecting = None;
        }
        record.phase = phase;
    }

    /// Why it failed if there was no usable connection `timeout` after its start.
    pub(crate) fn connection_timed_out(&self, timeout: Duration) -> Failure {
        self.timed_out(Cause::ConnectionTimeout, "connection-timeout", timeout)
    }

    /// A connection is made from now on. The result is when there must be one.
    pub(crate) fn connecting(&self, timeout: Duration) -> Instant {
        let mut record = self.record();
        // The first hop of a call has its time from the start of the call on, each
        // further one, and each further attempt, for itself.
        let from = match record.phase {
            Phase::Start => self.started,
            _ => Instant::now(),
        };
        let until = from + timeout;
        record.connecting = Some(Limit { timeout, until });
        until
    }

    /// There is a connection, or there will be none.
    pub(crate) fn connected(&self) {
        self.record().connecting = None;
    }

    /// Why it failed if its reply was not complete at its deadline. That of its
    /// connection may have passed before, while nobody looked.
    pub(crate) fn out_of_time(&self) -> Failure {
        let Record {
            connecting,
            service,
            ..
        } = *self.record();
        let deadline = service.map_or(self.transfer_deadline(), |limit| limit.until);
        match connecting {
            Some(Limit { timeout, until }) if until <= deadline => {
                self.connection_timed_out(timeout)
            }
            _ if let Some(Limit { timeout, .. }) = service => self.timed_out(
                Cause::TransferTimeout,
                "transfer-timeout of the service",
                timeout,
            ),
            _ => self.timed_out(
                Cause::TransferTimeout,
                "transfer-timeout",
                self.transfer_timeout,
            ),
        }
    }

    fn timed_out(&self, cause: Cause, parameter: &str, timeout: Duration) -> Failure {
        let phase = self.record().phase.as_str();
        Failure::new(
            cause,
            format!("{parameter}, {timeout:?}, passed while {phase}"),
        )
    }

    /// Keeps why it failed for those who will be told.
    pub(crate) fn fail(&self, origin: &Origin, failure: &Failure) {
        tracing::debug!(%origin, cause = ?failure.cause, "transfer failed: {}", failure.sentence);
        self.record().failure = Some((origin.to_string(), failure.clone()));
    }

    pub(crate) fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_connection_ends_with_its_hop() {
        let call = Call::start(Duration::ZERO, Duration::from_secs(1));
        call.connecting(Duration::ZERO);
        assert_eq!(call.out_of_time().cause, Cause::ConnectionTimeout);
        // The next hop finds a connection that is kept, and makes none.
        call.no_reply_yet();
        assert_eq!(call.out_of_time().cause, Cause::TransferTimeout);
    }

    #[test]
    fn a_failure_ends_with_its_hop() {
        let call = Call::start(Duration::ZERO, Duration::from_secs(1));
        let origin = Origin::of(&http::Uri::from_static("http://h/")).unwrap();
        call.fail(&origin, &call.out_of_time());
        call.no_reply_yet();
        assert!(call.record().failure.is_none());
    }
}
