//! Threads for plugins that compute for long, at a lower priority: what others have to
//! do is done first.

use parking_lot::Mutex;
use std::thread::available_parallelism;
use tokio::{
    runtime::{Builder, Handle, Runtime},
    task::JoinSet,
};

/// `nice` of its threads, of 19 at most.
#[cfg(target_os = "linux")]
const PRIORITY: i32 = 10;

/// The threads, which are started when they are needed for the first time.
#[derive(Default)]
pub(super) struct Background(Mutex<Option<Runtime>>);

impl Background {
    /// Runs `work` there. Dropped, the result ends it.
    ///
    /// # Errors
    ///
    /// The system starts no further thread.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> std::io::Result<T> {
        let mut tasks = JoinSet::new();
        tasks.spawn_on(work, &self.handle()?);
        match tasks.join_next().await {
            Some(Ok(done)) => Ok(done),
            Some(Err(ended)) => match ended.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(ended) => Err(ended.into()),
            },
            None => unreachable!("there is a task"),
        }
    }

    fn handle(&self) -> std::io::Result<Handle> {
        let mut runtime = self.0.lock();
        if let Some(runtime) = &*runtime {
            return Ok(runtime.handle().clone());
        }
        let new = Builder::new_multi_thread()
            .worker_threads(available_parallelism().map_or(1, usize::from))
            .thread_name("rest-client-plugins")
            .on_thread_start(lower_priority)
            .enable_all()
            .build()?;
        Ok(runtime.insert(new).handle().clone())
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.get_mut().take() {
            // Nobody waits for a plugin that computes, least of all a runtime.
            runtime.shutdown_background();
        }
    }
}

fn lower_priority() {
    // On Linux it is that of one thread. Elsewhere it would be the process's.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, PRIORITY) {
        tracing::warn!(%error, "plugins that compute for long have no lower priority");
    }
}
