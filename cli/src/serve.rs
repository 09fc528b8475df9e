//! `serve`: a plugin's decisions for a proxy, or its own answers, until a signal ends it.

mod access_log;
mod admin;
mod api;
mod asked;
mod connection;
mod forward_auth;
mod handler;
mod listener;
mod metrics;
mod pool;
mod reply;
mod request_body;
mod service;
mod signals;
mod spans;
mod timeouts;
mod watch;

use crate::{
    args::{Listen, Serve},
    exit::{Exit, Problem},
    plugin::recording::Recording,
    stderr, stdout,
};
use asked::Asked;
use connection::{OF_PROXIES, connection};
use hyper_util::server::graceful::GracefulShutdown;
use listener::Listener;
use metrics::Metrics;
use pool::Pool;
use sd_notify::NotifyState;
use service::Service;
use signals::{Signals, Told};
use std::sync::Arc;
use tokio::{
    sync::Semaphore,
    task::{JoinSet, spawn_blocking},
    time::timeout,
};
use watch::Watch;

/// Serves until it is told to end.
pub(crate) async fn run(serve: Serve) -> Result<Exit, Problem> {
    refuse_what_is_for_others(&serve)?;
    let serve = Arc::new(serve);
    let mut signals = Signals::new()?;
    // Before it is read: what is written from now on is another version.
    let mut watch = Watch::begin(&serve.decider.plugin);
    let metrics = Arc::new(Metrics::new(&serve.decider.name()));
    let recording = Recording::open(&serve.decider)?;
    let version = Pool::load(&serve, &metrics, recording.as_ref())?;
    version.pool.check(&serve).await?;
    let asked = Arc::new(Asked::new(&serve, version.form)?);
    let service = Arc::new(Service::new(&serve, version, metrics, recording)?);
    let listener = Listener::bind(&serve.listen, serve.listen_mode).await?;
    let mut admin = JoinSet::new();
    if let Some(at) = &serve.admin {
        let listener = Listener::bind(at, None).await?;
        stdout::print(format!("admin on {}\n", listener.name()).as_bytes())?;
        admin.spawn(admin::run(listener, service.clone()));
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
                let (asked, service) = (asked.clone(), service.clone());
                let connection = connections.watch(connection(stream, OF_PROXIES, move |request| {
                    let (asked, service) = (asked.clone(), service.clone());
                    async move { asked.reply(&service, peer, request).await }
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
    service.end();
    tell_systemd(&[NotifyState::Stopping]);
    let open = connections.count();
    stderr::complain(&format!("ending; {open} connections are open"));
    let given_up = |why| {
        let what = format!("what was under way was given up {why}");
        Err(Problem::new(Exit::Terminated, what))
    };
    let ended = tokio::select! {
        drained = timeout(serve.drain_timeout, connections.shutdown()) => match drained {
            Ok(()) => Ok(Exit::Success),
            Err(_) => given_up("after --drain-timeout"),
        },
        () = signals.end() => given_up("at a second signal"),
    };
    // Its socket goes with it.
    admin.shutdown().await;
    // It may wait for a disk, and for a collector.
    let _ = spawn_blocking(move || service.finish()).await;
    ended
}

/// # Errors
///
/// A flag is given that says nothing to this way to listen.
fn refuse_what_is_for_others(serve: &Serve) -> Result<(), Problem> {
    let is_unix = matches!(serve.listen, Listen::Unix(_));
    let what = if serve.listen_mode.is_some() && !is_unix {
        "--listen-mode is for --listen unix:PATH"
    } else if serve.trusted_peers.is_some() && is_unix {
        "--trusted-peers says nothing to --listen unix:PATH, where the permissions of the socket \
         and of its folder say who may ask (--listen-mode)"
    } else if serve.access_log.is_some() && serve.access_log == serve.decider.record {
        "--access-log and --record are one file; each has its own lines, and wants one of its own"
    } else {
        return Ok(());
    };
    Err(Problem::new(Exit::Usage, what))
}

/// Tells whoever has started it, where he wants to know (sd_notify(3)).
fn tell_systemd(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(false, state) {
        tracing::warn!(%error, "systemd can't be told");
    }
}
