//! The clock of the sandbox: advances the epoch of an engine while calls run,
//! so that a guest which never gives way is interrupted.
//!
//! It is a thread of its own, since a guest that spins occupies one of the
//! runtime's, which may be the only one.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};
use wasmtime::Engine;

/// How long a guest runs at a stretch before it gives way.
const TICK: Duration = Duration::from_millis(10);

/// Ticks while at least one [`Running`] lives, and sleeps otherwise.
#[derive(Debug)]
pub(crate) struct Ticker(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    running: usize,
    ended: bool,
}

impl Ticker {
    /// # Errors
    ///
    /// The system starts no further thread.
    pub(crate) fn start(engine: &Engine) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let ticker = Self(shared.clone());
        let engine = engine.weak();
        thread::Builder::new()
            .name("rest-client-ticker".into())
            .spawn(move || {
                let mut state = shared.lock();
                while !state.ended {
                    // A wait with a limit, where nothing runs one without.
                    state = if state.running == 0 {
                        shared
                            .changed
                            .wait(state)
                            .unwrap_or_else(PoisonError::into_inner)
                    } else {
                        let (state, _) = shared
                            .changed
                            .wait_timeout(state, TICK)
                            .unwrap_or_else(PoisonError::into_inner);
                        match engine.upgrade() {
                            Some(engine) => engine.increment_epoch(),
                            None => return,
                        }
                        state
                    };
                }
            })?;
        Ok(ticker)
    }

    /// Marks a call as running until the result is dropped.
    pub(crate) fn running(&self) -> Running {
        let mut state = self.0.lock();
        state.running += 1;
        if state.running == 1 {
            self.0.changed.notify_one();
        }
        Running(self.0.clone())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.changed.notify_one();
    }
}

/// A call that runs.
#[derive(Debug)]
pub(crate) struct Running(Arc<Shared>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.lock().running -= 1;
    }
}
