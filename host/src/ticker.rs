//! A clock: advances the epoch of its engines while guests run, be they ours or
//! plugins, so that one which never gives way is interrupted.
//!
//! It is a thread of its own, since a guest that spins occupies one of the
//! runtime's, which may be the only one. Entering a guest takes microseconds and
//! happens often, so that the thread goes on for a while after the last one has
//! left, rather than being woken for each.

use parking_lot::Mutex;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread::{self, Thread},
    time::Duration,
};
use wasmtime::{Engine, EngineWeak};

/// How long a guest runs at a stretch before it gives way.
const TICK: Duration = Duration::from_millis(10);

/// Ticks without a guest after which the thread goes to sleep.
const LINGER: u32 = 100;

/// Ticks while at least one [`Running`] lives. The thread ends with the last
/// clone.
#[derive(Clone)]
pub(crate) struct Ticker(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    thread: Thread,
}

#[derive(Default)]
struct Shared {
    engines: Mutex<Vec<EngineWeak>>,
    running: AtomicUsize,
    asleep: AtomicBool,
    ended: AtomicBool,
}

impl Ticker {
    /// # Errors
    ///
    /// The system starts no further thread.
    pub(crate) fn start(engine: &Engine) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            engines: Mutex::new(vec![engine.weak()]),
            ..Shared::default()
        });
        let ticking = shared.clone();
        let thread = thread::Builder::new()
            .name("rest-client-ticker".into())
            .spawn(move || ticking.tick())?
            .thread()
            .clone();
        Ok(Self(Arc::new(Handle { shared, thread })))
    }

    /// Advances the epoch of one more engine, as long as it is there.
    pub(crate) fn advance_too(&self, engine: &Engine) {
        self.0.shared.engines.lock().push(engine.weak());
    }

    /// Marks a guest as running until the result is dropped.
    pub(crate) fn running(&self) -> Running {
        let Handle { shared, thread } = &*self.0;
        shared.running.fetch_add(1, SeqCst);
        // Either this sees that the thread sleeps, or the thread saw the count
        // before it went to sleep.
        if shared.asleep.load(SeqCst) {
            thread.unpark();
        }
        Running(shared.clone())
    }
}

impl Shared {
    fn tick(&self) {
        let mut idle = 0;
        while !self.ended.load(SeqCst) {
            if self.running.load(SeqCst) > 0 {
                idle = 0;
                // It may be the last to have one, which takes a while to go: without the lock.
                let mut engines = Vec::new();
                self.engines.lock().retain(|engine| {
                    let engine = engine.upgrade();
                    let is_there = engine.is_some();
                    engines.extend(engine);
                    is_there
                });
                for engine in &engines {
                    engine.increment_epoch();
                }
            } else {
                idle += 1;
            }
            if idle < LINGER {
                thread::park_timeout(TICK);
                continue;
            }
            self.asleep.store(true, SeqCst);
            if self.running.load(SeqCst) == 0 && !self.ended.load(SeqCst) {
                thread::park();
            }
            self.asleep.store(false, SeqCst);
            idle = 0;
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.ended.store(true, SeqCst);
        self.thread.unpark();
    }
}

/// A guest that runs.
pub(crate) struct Running(Arc<Shared>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, SeqCst);
    }
}
