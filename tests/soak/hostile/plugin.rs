//! The attacks of plugins, each in a plugin of its own.

use rest_client_host::{Instance, Wasi, plugin::PluginCtx};
use std::time::Duration;
use support::plugin::{Program, of_a_crowd};
use tokio::time::timeout;

const INVALID_URL: i32 = -10;

const MIB: usize = 1 << 20;

/// What the host may keep for the greedy one.
const BUDGET: usize = 8 * MIB;

/// A share of its instance's cap.
const SHARE: u32 = 8;

/// How long each of them goes on.
const SOME_TIME: Duration = Duration::from_millis(50);

pub(super) struct Plugins {
    hostile: Program,
    /// For either generation of WASI.
    misdeeds: Vec<Program>,
}

impl Plugins {
    pub(super) fn new() -> Self {
        Self {
            hostile: Program::hostile(Wasi::P2),
            misdeeds: [Wasi::P2, Wasi::P3]
                .iter()
                .flat_map(|&wasi| of_a_crowd(wasi).iter().map(move |it| (wasi, it)))
                .map(|(wasi, name)| Program::misdeed(wasi, name))
                .collect(),
        }
    }

    /// How many misdeeds there are.
    pub(super) fn misdeeds(&self) -> usize {
        self.misdeeds.len()
    }

    /// Has each attack done once, by calls of `instance`. `url` is of a server that
    /// never answers. An error says what came through.
    pub(super) async fn attack(&self, instance: &Instance, url: &str) -> Result<(), String> {
        let start = |context: PluginCtx| self.hostile.start(context.max_async_transfers(SHARE));
        let context = || PluginCtx::new(instance.clone());
        let long = ("http://127.0.0.1:1/".to_owned(), 20_000_000_u32);
        let outcome: i32 = start(context()).await.call("get-long", long).await;
        if outcome != INVALID_URL {
            return Err(format!("a URL of 20 MB gave {outcome}"));
        }
        let escaped = start(context())
            .await
            .try_call::<_, (u32,)>("escape-zeroes", (40_000_000_u32,))
            .await;
        let written = start(context())
            .await
            .try_call::<_, ()>("write-zeroes", (1_u64 << 32,))
            .await;
        if escaped.is_ok() || written.is_ok() {
            return Err("a plugin was given more memory of the host than it may have".into());
        }

        // What it keeps is bounded, however much it starts.
        let mut greedy = start(context().memory_budget(BUDGET)).await;
        for _ in 0..12 {
            let post = (url.to_owned(), MIB as u32);
            let _: u32 = greedy.call("start-post", post).await;
        }
        let taken = greedy.context().memory_taken();
        if taken > BUDGET {
            return Err(format!("{taken} bytes are kept for a plugin"));
        }
        // And it goes, with all that it has started.
        drop(greedy);
        Ok(())
    }

    /// Has one of the crowd do what it does. What it leaves behind goes with it.
    pub(super) async fn misbehave(&self, number: usize, instance: &Instance, url: &str) {
        let program = &self.misdeeds[number % self.misdeeds.len()];
        let context = PluginCtx::new(instance.clone()).max_async_transfers(SHARE);
        let misdeed = async {
            let mut plugin = program.start(context).await;
            let run = plugin.try_call::<_, (u32,)>("run", (url.to_owned(),));
            // It traps, or not.
            let _ = run.await;
        };
        let _ = timeout(SOME_TIME, misdeed).await;
    }
}
