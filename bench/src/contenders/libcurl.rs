//! libcurl's multi interface, which the original uses for its asynchronous
//! calls.

use super::{contender::Contender, names};
use crate::load::{Load, Over, check_size};
use anyhow::{Context as _, Result};
use curl::{
    easy::{Easy2, Handler, WriteError},
    multi::{Easy2Handle, Multi as Handles},
};
use std::time::{Duration, Instant};

pub(super) struct Multi {
    handles: Handles,
    /// Handles to use again, which is good practice.
    idle: Vec<Easy2<Body>>,
}

#[derive(Default)]
struct Body(Vec<u8>);

impl Handler for Body {
    fn write(&mut self, data: &[u8]) -> Result<usize, WriteError> {
        self.0.extend_from_slice(data);
        Ok(data.len())
    }
}

impl Multi {
    pub(super) fn new() -> Self {
        Self {
            handles: Handles::new(),
            idle: Vec::new(),
        }
    }

    fn start(&mut self, url: &str) -> Result<Easy2Handle<Body>> {
        let mut easy = self
            .idle
            .pop()
            .unwrap_or_else(|| Easy2::new(Body::default()));
        easy.get_mut().0.clear();
        easy.url(url)?;
        Ok(self.handles.add2(easy)?)
    }
}

impl Contender for Multi {
    fn name(&self) -> &'static str {
        names::LIBCURL
    }

    /// It is built without TLS, which would need another C library.
    fn speaks(&self, over: Over) -> bool {
        over == Over::Http
    }

    fn run(&mut self, load: Load<'_>) -> Result<Duration> {
        self.handles.set_max_connects(load.in_flight.max(16))?;
        let started = Instant::now();
        let mut running: Vec<Option<Easy2Handle<Body>>> = Vec::new();
        let mut left = load.calls;
        while left > 0 && running.len() < load.in_flight {
            let mut handle = self.start(load.url)?;
            handle.set_token(running.len())?;
            running.push(Some(handle));
            left -= 1;
        }
        let mut open = running.len();
        while open > 0 {
            self.handles.perform()?;
            let mut ended = Vec::new();
            self.handles.messages(|message| {
                if let (Ok(token), Some(result)) = (message.token(), message.result()) {
                    ended.push((token, result));
                }
            });
            let idle = ended.is_empty();
            for (token, result) in ended {
                result?;
                let slot = running.get_mut(token).context("a transfer of nobody")?;
                let handle = slot.take().context("a transfer that has ended twice")?;
                let easy = self.handles.remove2(handle)?;
                check_size(easy.get_ref().0.len(), load)?;
                self.idle.push(easy);
                if left > 0 {
                    let mut handle = self.start(load.url)?;
                    handle.set_token(token)?;
                    running[token] = Some(handle);
                    left -= 1;
                } else {
                    open -= 1;
                }
            }
            if idle {
                self.handles.wait(&mut [], Duration::from_secs(1))?;
            }
        }
        Ok(started.elapsed())
    }
}
