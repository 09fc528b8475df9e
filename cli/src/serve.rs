//! `serve`: a plugin's decisions for a proxy, or its own answers, until a signal ends it.

mod access_log;
mod admin;
mod api;
mod asked;
mod connection;
mod door;
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
mod underway;
mod watch;

use crate::{
    args::{Listen, Serve},
    exit::{Exit, Problem},
    plugin::recording::Recording,
    stderr, stdout,
};
use asked::Asked;
use door::Door;
use listener::Listener;
use metrics::Metrics;
use pool::Version;
use sd_notify::NotifyState;
use service::Service;
use signals::{Signals, Told};
use std::{
    path::{Path, PathBuf, absolute},
    sync::Arc,
    time::Duration,
};
use tokio::{
    task::{JoinSet, spawn_blocking},
    time::timeout,
};
use watch::Watch;

const TRUSTED_PEERS_OF_UNIX: &str = "--trusted-peers has no effect with --listen unix:PATH, where \
    the permissions of the socket and of its directory say who may connect (--listen-mode)";

/// What connections without use take to be closed, however short --drain-timeout is.
const MOMENT: Duration = Duration::from_millis(100);

/// Serves until it is told to end.
pub(crate) async fn run(serve: Serve) -> Result<Exit, Problem> {
    refuse_what_is_for_others(&serve)?;
    let serve = Arc::new(serve);
    let mut signals = Signals::new()?;
    // Before it is read: what is written from now on is another version.
    let mut watch = Watch::begin(&serve.decider.plugin);
    let metrics = Arc::new(Metrics::new(&serve.decider.name()));
    let lost = {
        let metrics = metrics.clone();
        move || metrics.lost_recording()
    };
    let recording = Recording::open(&serve.decider, lost)?;
    let version = tokio::select! {
        version = Version::start(&serve, &metrics, recording.as_ref()) => version?,
        () = signals.end() => {
            let what = "stopped by a signal before the plugin was loaded";
            return Err(Problem::new(Exit::Terminated, what));
        }
    };
    let asked = Asked::new(&serve, version.form)?;
    let service = Arc::new(Service::new(&serve, version, metrics, recording)?);
    let listener = Listener::open(&serve.listen, serve.listen_mode).await?;
    if serve.trusted_peers.is_some() && listener.is_unix() {
        return Err(Problem::new(Exit::Usage, TRUSTED_PEERS_OF_UNIX));
    }
    let mut admin = JoinSet::new();
    if let Some(at) = &serve.admin {
        let listener = Listener::open(at, None).await?;
        stdout::print(format!("admin on {}\n", listener.name()).as_bytes())?;
        admin.spawn(admin::run(listener, service.clone()));
    }
    // Whoever starts it waits for this.
    stdout::print(format!("listening on {}\n", listener.name()).as_bytes())?;
    tell_systemd(&[NotifyState::Ready]);

    let door = Door::new(
        listener,
        serve.max_connections as usize,
        asked,
        service.clone(),
    );
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
            () = door.admit_one() => {}
            signal = signals.next() => match signal {
                Told::Reload => {
                    tokio::spawn(service.clone().reload(serve.clone()));
                }
                Told::End => break,
            }
        }
    }
    service.end();
    tell_systemd(&[NotifyState::Stopping]);
    let open = door.open();
    stderr::complain(&format!("ending; {open} connections are open"));
    let given_up = |why| {
        let what = format!("what was under way was given up {why}");
        Err(Problem::new(Exit::Terminated, what))
    };
    let ended = tokio::select! {
        drained = timeout(serve.drain_timeout + MOMENT, door.close(serve.drain_timeout)) => match drained {
            Ok(()) => Ok(Exit::Success),
            Err(_) => given_up("after --drain-timeout"),
        },
        () = signals.end() => given_up("at a second signal"),
    };
    service.give_up().await;
    // Its socket goes with it.
    admin.shutdown().await;
    // It may wait for a disk, and for a collector.
    let _ = spawn_blocking(move || service.finish()).await;
    ended
}

/// # Errors
///
/// A flag is given that has no effect with this way to listen.
fn refuse_what_is_for_others(serve: &Serve) -> Result<(), Problem> {
    let is_unix = matches!(serve.listen, Listen::Unix(_));
    let what = if serve.listen_mode.is_some() && !is_unix {
        "--listen-mode is for --listen unix:PATH"
    } else if serve.trusted_peers.is_some() && is_unix {
        TRUSTED_PEERS_OF_UNIX
    } else if serve.listen == Listen::Systemd && serve.admin == Some(Listen::Systemd) {
        "--listen and --admin can't both be a socket of systemd; the admin address can be \
         ADDR:PORT, or unix:PATH"
    } else if let (Some(log), Some(record)) = (&serve.access_log, &serve.decider.record)
        && place(log) == place(record)
    {
        "--access-log and --record name the same file; each needs a file of its own"
    } else {
        return Ok(());
    };
    Err(Problem::new(Exit::Usage, what))
}

/// A file, however it was written.
fn place(file: &Path) -> PathBuf {
    let place = file.canonicalize().or_else(|_| absolute(file));
    place.unwrap_or_else(|_| file.to_owned())
}

/// Tells whoever has started it, where he wants to know (sd_notify(3)).
fn tell_systemd(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(false, state) {
        tracing::warn!(%error, "systemd can't be told");
    }
}
