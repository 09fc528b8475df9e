//! Signals that ask the program to end: it ends at once, whatever it waits for,
//! and what it has begun is undone.
//!
//! A thread of its own waits for them. Nothing else can: reading standard input,
//! or opening a pipe that nobody writes to, stops the thread that does it.

use crate::exit::{Exit, Problem};
use futures_util::future::select_all;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::{
    runtime::Builder,
    signal::unix::{SignalKind, signal},
};

/// What is undone before the program ends early, each with its number.
static BEGUN: Mutex<Begun> = Mutex::new(Begun {
    undo: Vec::new(),
    last: 0,
});

struct Begun {
    undo: Vec<(u64, Action)>,
    last: u64,
}

type Action = Box<dyn FnOnce() + Send>;

/// Something begun. It is done with when this is dropped.
#[must_use]
pub(crate) struct Undo(u64);

impl Drop for Undo {
    fn drop(&mut self) {
        begun().undo.retain(|(number, _)| *number != self.0);
    }
}

/// Begins something that a signal is to undo. A signal comes before it, or
/// after it.
pub(crate) fn undoable<T, E>(
    begin: impl FnOnce() -> Result<T, E>,
    undo: impl FnOnce(&T) -> Action,
) -> Result<(T, Undo), E> {
    let mut begun = begun();
    let value = begin()?;
    begun.last += 1;
    let number = begun.last;
    begun.undo.push((number, undo(&value)));
    Ok((value, Undo(number)))
}

/// Does something that takes no time and is not to be done by half.
pub(crate) fn uninterrupted<T>(act: impl FnOnce() -> T) -> T {
    let _begun = begun();
    act()
}

fn begun() -> MutexGuard<'static, Begun> {
    BEGUN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From here on signals end the program, but for those that whoever started it
/// has it ignore, as `nohup` does.
pub(crate) fn watch() -> Result<(), Problem> {
    let failed = |error| Problem::new(Exit::Internal, format!("can't wait for signals: {error}"));
    let runtime = Builder::new_current_thread()
        .enable_io()
        .build()
        .map_err(failed)?;
    let ignored = ignored();
    let mut signals = Vec::new();
    let context = runtime.enter();
    for (kind, exit) in [
        (SignalKind::hangup(), Exit::HungUp),
        (SignalKind::interrupt(), Exit::Interrupted),
        (SignalKind::terminate(), Exit::Terminated),
    ] {
        if ignored >> (kind.as_raw_value() - 1) & 1 == 0 {
            signals.push((signal(kind).map_err(failed)?, exit));
        }
    }
    drop(context);
    if signals.is_empty() {
        return Ok(());
    }
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            let waiting = signals.iter_mut().map(|(signal, exit)| {
                Box::pin(async {
                    signal.recv().await;
                    *exit
                })
            });
            let (exit, ..) = runtime.block_on(select_all(waiting));
            // Nothing more is begun until the end.
            let mut begun = begun();
            for (_, undo) in begun.undo.drain(..) {
                undo();
            }
            std::process::exit(exit as i32);
        })
        .map(drop)
        .map_err(failed)
}

/// The signals that are ignored, a bit for each, the first being that of signal
/// 1. Where the system does not say it (proc(5)), none is.
fn ignored() -> u64 {
    std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| {
            let mask = status
                .lines()
                .find_map(|line| line.strip_prefix("SigIgn:"))?;
            u64::from_str_radix(mask.trim(), 16).ok()
        })
        .unwrap_or(0)
}
