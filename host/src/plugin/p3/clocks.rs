//! `wasi:clocks/monotonic-clock` of WASI 0.3, as wasmtime has it. When a timer is over is a
//! thing that comes into a plugin, so that it is taken down where a decision is recorded.

use crate::plugin::{context::PluginCtx, record::give_way};
use std::time::Duration;
use tokio::time::sleep;
use wasmtime::component::{Accessor, HasData};
use wasmtime_wasi::{
    clocks::WasiClocksView as _,
    p3::bindings::clocks::monotonic_clock::{Host, HostWithStore, Mark},
};

/// Those of a [`PluginCtx`].
pub(super) struct Clocks;

impl HasData for Clocks {
    type Data<'a> = &'a mut PluginCtx;
}

impl<T: Send> HostWithStore<T> for Clocks {
    async fn wait_until(accessor: &Accessor<T, Self>, when: Mark) -> wasmtime::Result<()> {
        let now = accessor.with(|mut access| access.get().now())?;
        wait(accessor, when.saturating_sub(now)).await;
        Ok(())
    }

    async fn wait_for(accessor: &Accessor<T, Self>, span: u64) -> wasmtime::Result<()> {
        wait(accessor, span).await;
        Ok(())
    }
}

/// Waits so many nanoseconds.
async fn wait<T: Send>(accessor: &Accessor<T, Clocks>, nanoseconds: u64) {
    let (_going_on, tape) = accessor.with(|mut access| {
        let context = access.get();
        (context.going_on(), context.tape().cloned())
    });
    let timer = tape.map(|tape| (tape.begin_timer(), tape));
    match timer {
        Some((turn, tape)) if tape.plays() => {
            if nanoseconds > 0 {
                give_way().await;
            }
            tape.turn_of(turn).await;
        }
        timer => {
            if nanoseconds > 0 {
                sleep(Duration::from_nanos(nanoseconds)).await;
            }
            if let Some((turn, tape)) = timer {
                tape.take_turn(turn);
            }
        }
    }
}

impl Host for &mut PluginCtx {
    fn now(&mut self) -> wasmtime::Result<Mark> {
        self.clocks().now()
    }

    fn get_resolution(&mut self) -> wasmtime::Result<u64> {
        self.clocks().get_resolution()
    }
}
