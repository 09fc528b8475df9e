//! Whom the probe asks: servers that answer in one way each, and the one that tells it
//! what to ask.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use support::{
    pki::{Authority, Validity},
    server::{Seen, Server},
    steps::{Step, head, ok, raw, reply},
    unresponsive::{FullBacklog, Refusing},
};
use tokio::sync::Notify;

/// How long one that takes its time takes.
pub(crate) const SLOW: Duration = Duration::from_millis(200);

/// All of them. They run until they are dropped.
pub(crate) struct Peers {
    pub(crate) server: Server,
    pub(crate) tls: Server,
    pub(crate) refusing: Refusing,
    pub(crate) full: FullBacklog,
    pub(crate) desk: Desk,
}

/// Where the probe fetches calls and leaves outcomes. Clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Desk(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// Whose they are, and how many there were before. One that was ended may still ask.
    probe: String,
    probes: u32,
    /// Calls that were not fetched yet.
    calls: Vec<String>,
    outcomes: Vec<String>,
}

impl Desk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works for a new probe from now on: the path under which it asks.
    pub(crate) fn welcome(&self) -> String {
        let mut state = self.state();
        state.probes += 1;
        state.probe = format!("/probe-{}", state.probes);
        state.probe.clone()
    }

    /// Lays out the calls of a case, and nothing else.
    pub(crate) fn lay_out(&self, calls: Vec<String>) {
        let mut state = self.state();
        state.outcomes.clear();
        state.calls = calls;
    }

    /// Waits until there are so many outcomes.
    pub(crate) async fn outcomes(&self, count: usize) -> Vec<String> {
        loop {
            let changed = self.0.changed.notified();
            let outcomes = self.state().outcomes.clone();
            if outcomes.len() >= count {
                return outcomes;
            }
            changed.await;
        }
    }

    /// Those that there are.
    pub(crate) fn outcomes_now(&self) -> Vec<String> {
        self.state().outcomes.clone()
    }

    fn next(&self, probe: &str) -> Vec<Step> {
        let mut state = self.state();
        match state.calls.is_empty() || probe != state.probe {
            // It asks again.
            true => [
                vec![Step::Pause(Duration::from_millis(20))],
                reply("204 No Content", &[], b""),
            ]
            .concat(),
            false => ok(&state.calls.remove(0)),
        }
    }

    fn outcome(&self, probe: &str, seen: &Seen) -> Vec<Step> {
        let outcome = String::from_utf8_lossy(&seen.body).into_owned();
        let mut state = self.state();
        if probe == state.probe {
            state.outcomes.push(outcome);
        }
        self.0.changed.notify_waiters();
        ok("")
    }
}

impl Peers {
    pub(crate) async fn start() -> Self {
        let desk = Desk::default();
        let there = desk.clone();
        let server = Server::start(move |seen| match seen.target.rsplit_once('/') {
            Some((probe, "next")) => there.next(probe),
            Some((probe, "outcome")) => there.outcome(probe, seen),
            _ => answer(seen),
        })
        .await;
        // Of an authority that nobody trusts.
        let identity = Authority::new("nobody").issue(&["127.0.0.1"], Validity::Good);
        Self {
            server,
            tls: Server::start_tls(&identity, answer).await,
            refusing: Refusing::default(),
            full: FullBacklog::default(),
            desk,
        }
    }
}

fn answer(seen: &Seen) -> Vec<Step> {
    match &*seen.target {
        "/credit" => ok("12.50 EUR"),
        "/length" => ok(&seen.body.len().to_string()),
        "/field" => ok(&seen.header("x-probe").join(", ")),
        "/redirect" => reply("302 Found", &[("location", "/credit")], b""),
        "/around" => reply("302 Found", &[("location", "/around")], b""),
        "/silent" => vec![Step::Stall],
        "/half" => vec![
            head("200 OK", &[("content-length", "9")]),
            raw("abc"),
            Step::Stall,
        ],
        "/slow" => [vec![Step::Pause(SLOW)], ok("slow")].concat(),
        "/large" => vec![
            head("200 OK", &[("content-length", "20000")]),
            raw("x".repeat(20_000)),
        ],
        "/endless" => vec![
            head("200 OK", &[("connection", "close")]),
            Step::Flood("x".repeat(1000).into()),
        ],
        "/cut" => vec![
            head("200 OK", &[("content-length", "9")]),
            raw("abc"),
            Step::Close,
        ],
        "/nonsense" => vec![raw("nonsense\r\n\r\n"), Step::Close],
        _ => reply("404 Not Found", &[], b"nobody"),
    }
}
