//! `serve`: decisions for a proxy, until a signal ends it.

mod api;
mod forward_auth;
mod listener;
mod reply;

use crate::{
    args::{Form, Serve},
    exit::{Exit, Problem},
    plugin, stderr, stdout,
};
use forward_auth::ForwardAuth;
use http::{Request, Response, StatusCode};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use ipnet::IpNet;
use listener::{Listener, Peer};
use parking_lot::RwLock;
use reply::{Body, text};
use rest_client_host::plugin::{OnFailure, PluginPool};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    signal::unix::{Signal, SignalKind, signal},
    sync::{Mutex, Semaphore},
    task::spawn_blocking,
    time::timeout,
};

/// How long a proxy may take for the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of a head.
const LONGEST_HEAD: usize = 64 * 1024;

/// What all connections have in common.
struct Service {
    /// Replaced by another where a new version of the plugin takes over.
    pool: RwLock<PluginPool>,
    on_failure: OnFailure,
    trusted_peers: Vec<IpNet>,
    asked: Asked,
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
    let pool = plugin::pool(&serve.decider)?;
    pool.check().await.map_err(|error| {
        plugin::wrong(
            &serve.decider.plugin,
            format_args!("the plugin can't do its work here: {error}"),
        )
    })?;
    let service = Arc::new(Service::new(&serve, pool)?);
    let listener = Listener::bind(&serve.listen).await?;
    // Whoever starts it waits for this line.
    stdout::print(format!("listening on {}\n", listener.name()).as_bytes())?;

    let places = Arc::new(Semaphore::new(serve.max_connections as usize));
    let connections = GracefulShutdown::new();
    loop {
        tokio::select! {
            accepted = listener.accept(&places) => {
                let (stream, peer, place) = accepted;
                let connection = service.clone().connection(stream, peer);
                let connection = connections.watch(connection);
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
    let open = connections.count();
    stderr::complain(&format!("ending; {open} connections are open"));
    match timeout(serve.drain_timeout, connections.shutdown()).await {
        Ok(()) => Ok(Exit::Success),
        Err(_) => Err(Problem::new(
            Exit::Terminated,
            "decisions that were under way were given up after --drain-timeout",
        )),
    }
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
    fn new(serve: &Serve, pool: PluginPool) -> Result<Self, Problem> {
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
            trusted_peers: trusted_peers.unwrap_or_else(|| this_machine().into()),
            asked,
            reloading: Mutex::default(),
        })
    }

    /// Speaks HTTP/1.1, or HTTP/2 without being asked (h2c).
    fn connection<S>(
        self: Arc<Self>,
        stream: S,
        peer: Peer,
    ) -> impl hyper_util::server::graceful::GracefulConnection<
        Error = Box<dyn std::error::Error + Send + Sync>,
    > + Send
    + 'static
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut server = auto::Builder::new(TokioExecutor::new());
        server
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(LONGEST_HEAD);
        server
            .http2()
            .timer(TokioTimer::new())
            .max_header_list_size(LONGEST_HEAD as u32)
            .keep_alive_interval(HEAD_TIMEOUT);
        let service = service_fn(move |request| {
            let service = self.clone();
            async move { Ok::<_, Infallible>(service.reply(peer, request).await) }
        });
        server
            .serve_connection(TokioIo::new(stream), service)
            .into_owned()
    }

    async fn reply(&self, peer: Peer, request: Request<Incoming>) -> Response<Body> {
        if !self.trusts(peer) {
            tracing::warn!(%peer, "a peer that is not among --trusted-peers asks, and is refused");
            return text(
                StatusCode::FORBIDDEN,
                "who asks is not among the trusted peers\n",
            );
        }
        let pool = self.pool.read().clone();
        match &self.asked {
            Asked::Api { name } => api::reply(&pool, &self.on_failure, name, request).await,
            Asked::ForwardAuth(form) => form.reply(&pool, &self.on_failure, request).await,
        }
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
        let new = async {
            // A compiler takes its time.
            let pool = spawn_blocking(move || plugin::pool(&serve.decider)).await;
            let pool = pool.map_err(|error| error.to_string())?;
            let pool = pool.map_err(|problem| problem.to_string())?;
            pool.check().await.map_err(|error| error.to_string())?;
            Ok::<_, String>(pool)
        };
        match new.await {
            Ok(pool) => {
                *self.pool.write() = pool;
                stderr::complain("the new version of the plugin has taken over");
            }
            Err(what) => stderr::complain(&format!("the plugin stays as it was: {what}")),
        }
    }
}
