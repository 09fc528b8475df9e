//! `serve`: decisions for a proxy, until a signal ends it.

mod access_log;
mod admin;
mod api;
mod connection;
mod forward_auth;
mod listener;
mod metrics;
mod reply;
mod watch;

use crate::{
    args::{Form, Serve},
    exit::{Exit, Problem},
    plugin, stderr, stdout,
};
use access_log::{AccessLog, Line};
use connection::connection;
use forward_auth::ForwardAuth;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::server::graceful::GracefulShutdown;
use ipnet::IpNet;
use listener::{Listener, Peer, Stream};
use metrics::Metrics;
use parking_lot::RwLock;
use reply::Body;
use rest_client_host::{
    plugin::{DecisionError, Observer, OnFailure, PluginPool, Question},
    routing,
};
use sd_notify::NotifyState;
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncWriteExt as _, copy, sink},
    signal::unix::{Signal, SignalKind, signal},
    sync::{Mutex, Semaphore},
    task::spawn_blocking,
    time::timeout,
};
use watch::Watch;

/// What a peer gets that is not trusted, whatever it asks.
const REFUSAL: &[u8] = b"HTTP/1.1 403 Forbidden\r\ncontent-type: text/plain\r\n\
content-length: 40\r\nconnection: close\r\n\r\nwho asks is not among the trusted peers\n";

/// How long it may take to take that.
const REFUSAL_TIME: Duration = Duration::from_secs(1);

/// Such peers at the same time. Others are told nothing.
const REFUSALS: usize = 64;

/// What all connections have in common.
struct Service {
    /// Replaced by another where a new version of the plugin takes over.
    pool: RwLock<PluginPool>,
    on_failure: OnFailure,
    trusted_peers: Vec<IpNet>,
    /// Peers that are told that they are not trusted.
    refusals: Arc<Semaphore>,
    asked: Asked,
    metrics: Arc<Metrics>,
    access_log: Option<AccessLog>,
    /// It takes no further connections.
    is_ending: AtomicBool,
    /// One version after the other takes over.
    reloading: Mutex<()>,
}

/// How the proxy asks: one form, which is never guessed.
enum Asked {
    Api { name: String },
    ForwardAuth(Box<ForwardAuth>),
}

/// Serves until it is told to end.
pub(crate) async fn run(serve: Serve) -> Result<Exit, Problem> {
    let serve = Arc::new(serve);
    let mut signals = Signals::new()?;
    // Before it is read: what is written from now on is another version.
    let mut watch = Watch::begin(&serve.decider.plugin);
    let metrics = Arc::new(Metrics::new(&serve.decider.name()));
    let pool = pool(&serve, &metrics)?;
    pool.check().await.map_err(|error| {
        plugin::wrong(
            &serve.decider.plugin,
            format_args!("the plugin can't do its work here: {error}"),
        )
    })?;
    let service = Arc::new(Service::new(&serve, pool, metrics)?);
    let listener = Listener::bind(&serve.listen).await?;
    if let Some(admin) = &serve.admin {
        let admin = Listener::bind(admin).await?;
        stdout::print(format!("admin on {}\n", admin.name()).as_bytes())?;
        tokio::spawn(admin::run(admin, service.clone()));
    }
    // Whoever starts it waits for this.
    stdout::print(format!("listening on {}\n", listener.name()).as_bytes())?;
    tell_systemd(&[NotifyState::Ready]);

    let places = Arc::new(Semaphore::new(serve.max_connections as usize));
    let connections = GracefulShutdown::new();
    if serve.watch {
        // Of its own: connections must not keep it from looking.
        let (service, serve) = (service.clone(), serve.clone());
        tokio::spawn(async move {
            loop {
                watch.change().await;
                service.clone().reload(serve.clone()).await;
            }
        });
    }
    loop {
        tokio::select! {
            accepted = listener.accept(&places) => {
                let (stream, peer, place) = accepted;
                if !service.trusts(peer) {
                    // It takes no place of those who are trusted.
                    drop(place);
                    service.refuse(stream, peer);
                    continue;
                }
                let service = service.clone();
                let connection = connections.watch(connection(stream, move |request| {
                    let service = service.clone();
                    async move { service.reply(request).await }
                }));
                tokio::spawn(async move {
                    if let Err(error) = connection.await {
                        tracing::debug!(%error, "a connection of a proxy ended");
                    }
                    drop(place);
                });
            }
            signal = signals.next() => match signal {
                Told::Reload => {
                    tokio::spawn(service.clone().reload(serve.clone()));
                }
                Told::End => break,
            }
        }
    }
    drop(listener);
    service.is_ending.store(true, Relaxed);
    tell_systemd(&[NotifyState::Stopping]);
    let open = connections.count();
    stderr::complain(&format!("ending; {open} connections are open"));
    let given_up = |why| {
        let what = format!("decisions that were under way were given up {why}");
        Err(Problem::new(Exit::Terminated, what))
    };
    let ended = tokio::select! {
        drained = timeout(serve.drain_timeout, connections.shutdown()) => match drained {
            Ok(()) => Ok(Exit::Success),
            Err(_) => given_up("after --drain-timeout"),
        },
        () = signals.end() => given_up("at a second signal"),
    };
    if let Some(log) = &service.access_log {
        log.finish();
    }
    ended
}

/// Tells whoever has started it, where he wants to know (sd_notify(3)).
fn tell_systemd(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(false, state) {
        tracing::warn!(%error, "systemd can't be told");
    }
}

/// The plugin and its services as they are now, with its questions counted.
fn pool(serve: &Serve, metrics: &Arc<Metrics>) -> Result<PluginPool, Problem> {
    plugin::pool(&serve.decider, |services| {
        let metrics = metrics.clone();
        let tell = move |question: &Question| metrics.asked(&services, question);
        Some(Observer::new(tell))
    })
}

/// What it listens to beside its socket.
struct Signals {
    reload: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self, Problem> {
        let on = |kind| {
            signal(kind).map_err(|error| {
                Problem::new(Exit::Internal, format!("can't wait for signals: {error}"))
            })
        };
        Ok(Self {
            reload: on(SignalKind::hangup())?,
            terminate: on(SignalKind::terminate())?,
            interrupt: on(SignalKind::interrupt())?,
        })
    }

    /// The next one that ends the program.
    async fn end(&mut self) {
        while let Told::Reload = self.next().await {}
    }

    async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.reload.recv() => Told::Reload,
            _ = self.terminate.recv() => Told::End,
            _ = self.interrupt.recv() => Told::End,
        }
    }
}

enum Told {
    Reload,
    End,
}

impl Service {
    fn new(serve: &Serve, pool: PluginPool, metrics: Arc<Metrics>) -> Result<Self, Problem> {
        let this_machine = || ["127.0.0.0/8", "::1/128"].map(|it| it.parse().expect("a network"));
        let trusted_peers = serve.trusted_peers.clone();
        let asked = match serve.form {
            Form::Json => {
                for (flag, is_set) in [
                    ("--carry", !serve.carry.is_empty()),
                    ("--path-prefix", !serve.path_prefix.is_empty()),
                    ("--trusted-proxies", !serve.trusted_proxies.is_empty()),
                ] {
                    if is_set {
                        let what = format!("{flag} says nothing to --form json");
                        return Err(Problem::new(Exit::Usage, what));
                    }
                }
                Asked::Api {
                    name: pool.name().to_owned(),
                }
            }
            _ => Asked::ForwardAuth(Box::new(
                ForwardAuth::new(serve).map_err(|what| Problem::new(Exit::Usage, what))?,
            )),
        };
        Ok(Self {
            pool: RwLock::new(pool),
            on_failure: serve.decider.on_failure.clone(),
            refusals: Arc::new(Semaphore::new(REFUSALS)),
            trusted_peers: trusted_peers.unwrap_or_else(|| this_machine().into()),
            asked,
            metrics,
            access_log: serve
                .access_log
                .as_deref()
                .map(AccessLog::open)
                .transpose()?,
            is_ending: AtomicBool::new(false),
            reloading: Mutex::default(),
        })
    }

    async fn reply(&self, request: Request<Incoming>) -> Response<Body> {
        match &self.asked {
            Asked::Api { name } => api::reply(self, name, request).await,
            Asked::ForwardAuth(form) => form.reply(self, request).await,
        }
    }

    /// Tells a peer that is not trusted that it is not, if there is time for it.
    fn refuse(&self, mut stream: Pin<Box<dyn Stream>>, peer: Peer) {
        if self.metrics.refused_peer() {
            tracing::warn!(%peer, "a peer that is not among --trusted-peers asks, and is refused; from now on it is counted");
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
    async fn decide<T>(
        &self,
        request: routing::Request,
        is_fit: impl FnOnce(&routing::Decision) -> Result<T, String>,
    ) -> Result<(routing::Decision, T), DecisionError> {
        let pool = self.pool.read().clone();
        let began = Instant::now();
        let protocol = request.protocol;
        let line = self.access_log.as_ref();
        let line = line.map(|log| (log, Line::begin(pool.name(), &request)));
        let decided = match pool.route(request).await {
            Ok(decision) => match is_fit(&decision) {
                Ok(fit) => Ok((decision, fit)),
                Err(what) => Err(pool.reject(&what)),
            },
            Err(error) => Err(error),
        };
        let outcome = decided.as_ref().map(|(decision, _)| decision);
        let outcome = outcome.map_err(DecisionError::kind);
        let elapsed = began.elapsed();
        self.metrics.decided(outcome, elapsed);
        if let Some((log, line)) = line {
            let line = match outcome {
                Ok(decision) => line.end(decision, None, elapsed),
                Err(failed) => {
                    let decision = self.on_failure.decision(protocol);
                    line.end(&decision, Some(failed), elapsed)
                }
            };
            if !log.write(line) {
                self.metrics.lost_line();
            }
        }
        decided
    }

    fn trusts(&self, peer: Peer) -> bool {
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
    async fn reload(self: Arc<Self>, serve: Arc<Serve>) {
        let _turn = self.reloading.lock().await;
        if let Some(log) = &self.access_log {
            log.reopen();
        }
        let metrics = self.metrics.clone();
        let new = async {
            // A compiler takes its time.
            let pool = spawn_blocking(move || pool(&serve, &metrics)).await;
            let pool = pool.map_err(|error| error.to_string())?;
            let pool = pool.map_err(|problem| problem.to_string())?;
            pool.check().await.map_err(|error| error.to_string())?;
            Ok::<_, String>(pool)
        };
        let new = new.await;
        self.metrics.reloaded(new.is_ok());
        match new {
            Ok(pool) => {
                // The old one may take its time to go, and nobody waits for that.
                let old = std::mem::replace(&mut *self.pool.write(), pool);
                drop(old);
                stderr::complain("the new version of the plugin has taken over");
            }
            Err(what) => stderr::complain(&format!("the plugin stays as it was: {what}")),
        }
    }
}
