//! Signals, by which a server is told what to do.

use crate::exit::{Exit, Problem};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What it listens to beside its socket.
pub(super) struct Signals {
    reload: Signal,
    terminate: Signal,
    interrupt: Signal,
    /// One came while nothing could be loaded anew.
    is_reload_due: bool,
}

impl Signals {
    pub(super) fn new() -> Result<Self, Problem> {
        let on = |kind| {
            signal(kind).map_err(|error| {
                Problem::new(Exit::Internal, format!("can't wait for signals: {error}"))
            })
        };
        Ok(Self {
            reload: on(SignalKind::hangup())?,
            terminate: on(SignalKind::terminate())?,
            interrupt: on(SignalKind::interrupt())?,
            is_reload_due: false,
        })
    }

    /// The next one that ends the program.
    pub(super) async fn end(&mut self) {
        while let Told::Reload = self.receive().await {
            self.is_reload_due = true;
        }
    }

    /// The next one. That something is to be loaded anew is said late rather than not at all.
    pub(super) async fn next(&mut self) -> Told {
        match std::mem::take(&mut self.is_reload_due) {
            true => Told::Reload,
            false => self.receive().await,
        }
    }

    async fn receive(&mut self) -> Told {
        tokio::select! {
            _ = self.reload.recv() => Told::Reload,
            _ = self.terminate.recv() => Told::End,
            _ = self.interrupt.recv() => Told::End,
        }
    }
}

/// What a signal says.
pub(super) enum Told {
    Reload,
    End,
}
