//! `wasi:io/poll`, as wasmtime has it. Which of several were ready first is a thing that
//! comes into a plugin, so that it is taken down where a decision is recorded.

use super::{context::PluginCtx, record::Tape};
use wasmtime::component::Resource;
use wasmtime_wasi::p2::{
    DynPollable,
    bindings::io::poll::{Host, HostPollable},
};

impl PluginCtx {
    /// The tape of a recording that is played to the plugin.
    pub(super) fn tape_that_plays(&self) -> Option<Tape> {
        self.tape().filter(|it| it.plays()).cloned()
    }

    async fn ask(&mut self, pollable: &Resource<DynPollable>) -> wasmtime::Result<bool> {
        let same = Resource::new_borrow(pollable.rep());
        self.table().ready(same).await
    }

    /// Takes down which of those that the plugin looked at were ready.
    pub(super) fn take_down_readiness(&self, ready: &[u32]) {
        if let Some(tape) = self.tape() {
            tape.were_ready(ready);
        }
    }
}

impl Host for PluginCtx {
    async fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> wasmtime::Result<Vec<u32>> {
        if let Some(tape) = self.tape_that_plays()
            && !pollables.is_empty()
        {
            // All that was waited for is there by now. A pollable finds that out when it is
            // asked.
            for pollable in &pollables {
                self.ask(pollable).await?;
            }
            return Ok(tape.are_ready(pollables.len(), false));
        }
        let ready = self.table().poll(pollables).await?;
        self.take_down_readiness(&ready);
        Ok(ready)
    }
}

impl HostPollable for PluginCtx {
    async fn ready(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<bool> {
        if let Some(tape) = self.tape_that_plays() {
            self.ask(&pollable).await?;
            return Ok(!tape.are_ready(1, true).is_empty());
        }
        let is_ready = self.table().ready(pollable).await?;
        self.take_down_readiness(if is_ready { &[0] } else { &[] });
        Ok(is_ready)
    }

    async fn block(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        if self.tape_that_plays().is_some() {
            self.ask(&pollable).await?;
            return Ok(());
        }
        self.table().block(pollable).await
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        HostPollable::drop(self.table(), pollable)
    }
}
