//! What a server knows, whoever is connected to it.

use super::{
    access_log::Line,
    listener::{Peer, Stream},
    metrics::Metrics,
    pool::{Pool, Version},
    reply::Body,
    spans::Spans,
    underway::Underway,
};
use crate::{
    args::{Form, Serve},
    exit::Problem,
    line_file::{LineFile, Lines},
    plugin::recording::Recording,
    stderr,
};
use http::{HeaderValue, Response, header::CONNECTION};
use ipnet::IpNet;
use parking_lot::RwLock;
use rest_client_host::{
    plugin::DecisionError,
    routing::{self, Decision, Protocol},
};
use std::{
    future::pending,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncWriteExt as _, copy, sink},
    sync::{Mutex, Semaphore},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What a peer gets that is not trusted, whatever it asks.
const REFUSAL: &[u8] = b"HTTP/1.1 403 Forbidden\r\ncontent-type: text/plain\r\n\
content-length: 40\r\nconnection: close\r\n\r\nwho asks is not among the trusted peers\n";

/// How long it may take to take that.
const REFUSAL_TIME: Duration = Duration::from_secs(1);

/// How long it may take to drop what is given up: a plugin may be computing.
const GIVING_UP_TIME: Duration = Duration::from_secs(1);

/// How long the last spans may take.
const SPANS_TIME: Duration = Duration::from_secs(2);

/// Such peers at the same time. Others are told nothing.
const REFUSALS: usize = 64;

/// What all connections have in common.
pub(super) struct Service {
    /// Replaced by another where a new version of the plugin takes over.
    version: RwLock<Version>,
    trusted_peers: Vec<IpNet>,
    /// Peers that are told that they are not trusted.
    refusals: Arc<Semaphore>,
    form: Form,
    pub(super) metrics: Arc<Metrics>,
    pub(super) access_log: Option<LineFile>,
    recording: Option<Recording>,
    pub(super) spans: Option<Spans>,
    /// It takes no further connections.
    is_ending: AtomicBool,
    /// All that is being answered.
    answering: TaskTracker,
    /// Ends what is being answered.
    given_up: CancellationToken,
    /// One version after the other takes over.
    reloading: Mutex<()>,
    /// Somebody waits for his turn to have that done, and looks at what is there then.
    is_reload_due: AtomicBool,
}

impl Service {
    /// One that has this version answer.
    ///
    /// # Errors
    ///
    /// A file can't be written.
    pub(super) fn new(
        serve: &Serve,
        version: Version,
        metrics: Arc<Metrics>,
        recording: Option<Recording>,
    ) -> Result<Self, Problem> {
        let this_machine = || ["127.0.0.0/8", "::1/128"].map(|it| it.parse().expect("a network"));
        let trusted_peers = serve.trusted_peers.clone();
        Ok(Self {
            refusals: Arc::new(Semaphore::new(REFUSALS)),
            trusted_peers: trusted_peers.unwrap_or_else(|| this_machine().into()),
            form: version.form,
            version: RwLock::new(version),
            access_log: serve
                .access_log
                .as_deref()
                .map(|file| {
                    let metrics = metrics.clone();
                    let lost = move || metrics.lost_line();
                    LineFile::open("--access-log", file, Lines::AccessLog, lost)
                })
                .transpose()?,
            metrics,
            recording,
            spans: Spans::start(serve)?,
            is_ending: AtomicBool::new(false),
            answering: TaskTracker::new(),
            given_up: CancellationToken::new(),
            reloading: Mutex::default(),
            is_reload_due: AtomicBool::new(false),
        })
    }

    /// The version that is there now.
    pub(super) fn pool(&self) -> Pool {
        self.version.read().pool.clone()
    }

    /// What is decided where that version does not.
    pub(super) fn on_failure(&self, protocol: Protocol) -> Decision {
        self.version.read().on_failure.decision(protocol)
    }

    /// From now on it takes no further connections.
    pub(super) fn end(&self) {
        self.is_ending.store(true, Relaxed);
    }

    /// What `answer` says. One that is given up never comes: its connection ends instead, with
    /// the program.
    pub(super) async fn answer(
        &self,
        answer: impl Future<Output = Response<Body>>,
    ) -> Response<Body> {
        let answer = self.given_up.run_until_cancelled(answer);
        match self.answering.track_future(answer).await {
            Some(reply) => reply,
            None => pending().await,
        }
    }

    /// Gives up what is being answered. Returns when that is told where it is due.
    pub(super) async fn give_up(&self) {
        self.given_up.cancel();
        self.answering.close();
        let _ = timeout(GIVING_UP_TIME, self.answering.wait()).await;
    }

    pub(super) fn has_given_up(&self) -> bool {
        self.given_up.is_cancelled()
    }

    /// Writes the lines and sends the spans that wait.
    pub(super) fn finish(&self) {
        if let Some(spans) = &self.spans {
            spans.finish(SPANS_TIME);
        }
        let log = self.access_log.as_ref().is_none_or(LineFile::finish);
        let recording = self.recording.as_ref().is_none_or(Recording::finish);
        if !log || !recording {
            stderr::complain("not all lines could be written at the end");
        }
    }

    pub(super) fn is_ending(&self) -> bool {
        self.is_ending.load(Relaxed)
    }

    /// Has `reply`, to a request of HTTP/1, say that its connection ends, if it does.
    pub(super) fn announce_end<B>(&self, version: http::Version, reply: &mut Response<B>) {
        if self.is_ending() && version < http::Version::HTTP_2 {
            let close = HeaderValue::from_static("close");
            reply.headers_mut().insert(CONNECTION, close);
        }
    }

    /// Tells a peer that is not trusted that it is not, if there is time for it.
    pub(super) fn refuse(&self, mut stream: Pin<Box<dyn Stream>>, peer: Peer) {
        if self.metrics.refused_peer() {
            tracing::warn!(%peer, "refused a peer that is not in --trusted-peers; further refusals are only counted");
        }
        let Ok(place) = self.refusals.clone().try_acquire_owned() else {
            return;
        };
        tokio::spawn(async move {
            let told = async {
                stream.write_all(REFUSAL).await?;
                stream.shutdown().await?;
                // What it sends is read, so that the refusal arrives.
                copy(&mut stream, &mut sink()).await
            };
            let _ = timeout(REFUSAL_TIME, told).await;
            drop(place);
        });
    }

    /// Has the plugin decide. What the proxy can't carry out, as `is_fit` says, is no
    /// decision.
    pub(super) async fn decide<T>(
        &self,
        mut request: routing::Request,
        is_fit: impl FnOnce(&Decision) -> Result<T, String>,
    ) -> Result<(Decision, T), DecisionError> {
        let Pool::Router(pool) = self.pool() else {
            unreachable!("the form has not been http from the beginning")
        };
        let protocol = request.protocol;
        let mut underway = Underway::begin(self, || Line::begin(pool.name(), &request));
        let deciding = self.spans.as_ref().map(|it| it.begin(&mut request));
        let decided = match &deciding {
            None => pool.route(request).await,
            Some(deciding) => pool.explain(request, &deciding.questions).await,
        };
        let decided = match decided {
            Ok(decision) => match is_fit(&decision) {
                Ok(fit) => Ok((decision, fit)),
                Err(what) => Err(pool.reject(&what)),
            },
            Err(error) => Err(error),
        };
        let outcome = decided.as_ref().map(|(decision, _)| decision);
        let outcome = outcome.map_err(DecisionError::kind);
        let elapsed = underway.end();
        self.metrics.decided(outcome, elapsed);
        if let Some(deciding) = deciding {
            deciding.end(outcome);
        }
        underway.write(|line| match outcome {
            Ok(decision) => line.end(decision, None, elapsed),
            Err(failed) => {
                let decision = self.on_failure(protocol);
                line.end(&decision, Some(failed), elapsed)
            }
        });
        decided
    }

    pub(super) fn trusts(&self, peer: Peer) -> bool {
        match peer {
            // Who may write to it is a matter of its folder's permissions.
            Peer::Unix => true,
            Peer::Tcp(address) => {
                let address = address.ip().to_canonical();
                self.trusted_peers.iter().any(|it| it.contains(&address))
            }
        }
    }

    /// Has a new version of the plugin take over, if it can. Decisions that are under way
    /// are made by the old one.
    pub(super) async fn reload(self: Arc<Self>, serve: Arc<Serve>) {
        // At once: whoever has renamed them does not wait for a compiler.
        if let Some(log) = &self.access_log {
            log.reopen();
        }
        if let Some(recording) = &self.recording {
            recording.reopen();
        }
        if self.is_reload_due.swap(true, Relaxed) {
            return;
        }
        let _turn = self.reloading.lock().await;
        self.is_reload_due.store(false, Relaxed);
        if let Some(file) = serve.decider.sources.file_read_once() {
            stderr::complain(&format!(
                "the configuration stays as it was: {} is not a regular file, and can't be read again",
                file.display()
            ));
        }
        let new = async {
            let version = Version::start(&serve, &self.metrics, self.recording.as_ref()).await;
            let version = version.map_err(|problem| problem.to_string())?;
            if (version.form == Form::Http) != (self.form == Form::Http) {
                let what =
                    "the new plugin is of another kind than the one that is served; see --form";
                return Err(what.to_owned());
            }
            Ok(version)
        };
        let new = new.await;
        self.metrics.reloaded(new.is_ok());
        match new {
            Ok(version) => {
                // The old one may take its time to go, and nobody waits for that.
                let old = std::mem::replace(&mut *self.version.write(), version);
                drop(old);
                stderr::complain("the new version of the plugin has taken over");
            }
            Err(what) => stderr::complain(&format!(
                "the old version of the plugin stays in service: {what}"
            )),
        }
    }
}
