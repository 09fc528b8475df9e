//! Where plugins of others run: an engine of their own, in which they give way while they
//! compute, and stores that bound what they take.

use super::{
    PluginCtx,
    background::Background,
    stage::{self, Stage},
    state::{Limits, State},
};
use crate::ticker::{Running, Ticker};
use parking_lot::Mutex;
use std::{
    fmt,
    path::{Path, absolute},
    sync::Arc,
};
use wasmtime::{
    Cache, CacheConfig, Engine, Store, UpdateDeadline,
    component::{Component, InstancePre},
    error::Context as _,
};
use wasmtime_wasi::{I32Exit, p2::bindings::CommandPre, p3};

/// How a core module begins, and how a component does.
const MODULE: &[u8] = b"\0asm\x01\0\0\0";
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// Resources that a plugin may hold at once which can make fields. Any of them may be as
/// large as [`PluginCtx`] allows.
const MAKER_RESOURCES: usize = 512;

/// Memories of all slots of a plugin. Each takes 4 GiB of addresses.
const MEMORIES_IN_SLOTS: u32 = 256;

/// Tasks, calls, streams and futures that a plugin of WASI 0.3 may have at once.
const CONCURRENT: usize = 16 * 1024;

/// An engine for plugins. Clones are the same one.
///
/// ```
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use rest_client_host::plugin::{Limits, PluginRuntime};
///
/// let runtime = PluginRuntime::new(Limits::default())?;
/// let error = runtime.load(b"\0asm\x01\0\0\0").unwrap_err();
/// assert!(error.to_string().contains("core module"));
/// # Ok::<(), wasmtime::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct PluginRuntime(Arc<Inner>);

struct Inner {
    plain: Stage,
    /// There is none until a plugin needs it.
    concurrent: Mutex<Option<Arc<Stage>>>,
    cache: Option<Cache>,
    ticker: Ticker,
    limits: Limits,
    background: Background,
}

/// A plugin that is compiled, and can be run any number of times. Clones are the same
/// one.
///
/// ```
/// use rest_client_host::plugin::{Limits, PluginRuntime};
///
/// let runtime = PluginRuntime::new(Limits::default())?;
/// let empty = runtime.load(b"\0asm\x0d\0\x01\0")?;
/// assert!(empty.command().unwrap_err().to_string().contains("wasi:cli/run"));
/// # Ok::<(), wasmtime::Error>(())
/// ```
#[derive(Clone)]
pub struct Plugin {
    pub(super) runtime: PluginRuntime,
    pub(super) pre: InstancePre<State>,
    is_handler: bool,
}

/// A plugin that is a command. Clones are the same one.
///
/// ```
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use rest_client_host::{
///     Config, Host,
///     plugin::{Limits, PluginCtx, PluginRuntime},
/// };
///
/// // A compiler of any language makes such a component; this one does nothing.
/// let component = wat::parse_str(
///     r#"(component
///         (core module $module (func (export "run") (result i32) i32.const 0))
///         (core instance $code (instantiate $module))
///         (func $run (result (result)) (canon lift (core func $code "run")))
///         (instance $cli (export "run" (func $run)))
///         (export "wasi:cli/run@0.2.0" (instance $cli)))"#,
/// )?;
/// let command = PluginRuntime::new(Limits::default())?.load(&component)?.command()?;
/// let instance = Host::new(Config::default())?.instance();
/// assert_eq!(command.run(PluginCtx::new(instance)).await?, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Command {
    plugin: Plugin,
    pre: Run,
}

/// What a command exports, by the generation of WASI.
#[derive(Clone)]
enum Run {
    P2(CommandPre<State>),
    P3(Arc<p3::bindings::CommandIndices>),
}

impl PluginRuntime {
    /// One in which each plugin has what `limits` says.
    ///
    /// # Errors
    ///
    /// The system starts no further thread.
    pub fn new(limits: Limits) -> wasmtime::Result<Self> {
        Self::start(limits, None)
    }

    /// The same, which keeps compiled plugins in `folder`, so that they are loaded in
    /// milliseconds the next time. The folder is created if it does not exist, and its size
    /// is limited. An entry that is damaged, or of another version, is compiled again.
    /// Anyone who can write to the folder can run code in this process, so the folder has
    /// to belong to the user who runs it.
    ///
    /// # Errors
    ///
    /// The folder can't be made, or the system starts no further thread.
    ///
    /// ```
    /// use rest_client_host::plugin::{Limits, PluginRuntime};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let runtime = PluginRuntime::with_cache(Limits::default(), folder.path())?;
    /// runtime.load(b"\0asm\x0d\0\x01\0")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_cache(limits: Limits, folder: &Path) -> wasmtime::Result<Self> {
        let mut config = CacheConfig::new();
        // It takes no other.
        config.with_directory(absolute(folder)?);
        let cache = Cache::new(config)
            .with_context(|| format!("{} can't be used as a cache", folder.display()))?;
        Self::start(limits, Some(cache))
    }

    fn start(limits: Limits, cache: Option<Cache>) -> wasmtime::Result<Self> {
        let plain = Stage::plain(cache.clone())?;
        Ok(Self(Arc::new(Inner {
            ticker: Ticker::start(&plain.engine)?,
            plain,
            concurrent: Mutex::default(),
            cache,
            limits,
            background: Background::default(),
        })))
    }

    /// Marks a plugin as running until the result is dropped.
    pub(super) fn running(&self) -> Running {
        self.0.ticker.running()
    }

    /// Where plugins run that compute for long.
    pub(super) fn background(&self) -> &Background {
        &self.0.background
    }

    /// Where plugins run that use concurrency.
    fn concurrent(&self) -> wasmtime::Result<Arc<Stage>> {
        let mut concurrent = self.0.concurrent.lock();
        if let Some(stage) = &*concurrent {
            return Ok(stage.clone());
        }
        let stage = Arc::new(Stage::concurrent(self.0.cache.clone())?);
        self.0.ticker.advance_too(&stage.engine);
        Ok(concurrent.insert(stage).clone())
    }

    /// Compiles the plugin in `component`, of WASI 0.2 or 0.3.
    ///
    /// # Errors
    ///
    /// It is no component, or it imports what no plugin gets.
    pub fn load(&self, component: &[u8]) -> wasmtime::Result<Plugin> {
        if component.starts_with(MODULE) {
            wasmtime::bail!(
                "this is a core module and not a component; a language's toolchain makes a component of it, and so does `wasm-tools component new`"
            );
        }
        if !component.starts_with(COMPONENT) {
            wasmtime::bail!("this is no WebAssembly component");
        }
        // One that uses concurrency is no valid one here, which is found before anything is
        // compiled.
        let (pre, is_handler) = match Component::new(&self.0.plain.engine, component) {
            Ok(component) => self.0.plain.link(&component)?,
            Err(_) => {
                let stage = self.concurrent()?;
                let component = Component::new(&stage.engine, component)
                    .context("the component can't be compiled")?;
                stage.link(&component)?
            }
        };
        Ok(Plugin {
            runtime: self.clone(),
            pre,
            is_handler,
        })
    }
}

impl Command {
    /// Runs it. The result is its exit code.
    ///
    /// # Errors
    ///
    /// It traps.
    pub async fn run(&self, context: PluginCtx) -> wasmtime::Result<u8> {
        let _running = self.plugin.runtime.running();
        let mut store = self.plugin.store(context);
        let ended = self.run_in(&mut store).await;
        match ended {
            Ok(Ok(())) => Ok(0),
            Ok(Err(())) => Ok(1),
            Err(error) => match error.downcast_ref::<I32Exit>() {
                // As a shell sees it.
                Some(I32Exit(code)) => Ok(code.to_le_bytes()[0]),
                None => Err(error),
            },
        }
    }

    async fn run_in(&self, store: &mut Store<State>) -> wasmtime::Result<Result<(), ()>> {
        match &self.pre {
            Run::P2(pre) => {
                let command = pre.instantiate_async(&mut *store).await?;
                command.wasi_cli_run().call_run(store).await
            }
            Run::P3(indices) => {
                let instance = self.plugin.pre.instantiate_async(&mut *store).await?;
                let command = indices.load(&mut *store, &instance)?;
                store
                    .run_concurrent(async |accessor| {
                        command.wasi_cli_run().call_run(accessor).await
                    })
                    .await?
            }
        }
    }
}

impl Plugin {
    /// Whether it decides, for a [`PluginPool`](super::PluginPool): it exports `router` of
    /// the routing contract, in any version, for WASI 0.2 or 0.3.
    #[must_use]
    pub fn is_router(&self) -> bool {
        stage::is_router(self.pre.component())
    }

    /// Whether it answers HTTP by itself, for a [`HandlerPool`](super::HandlerPool): it
    /// exports `wasi:http/incoming-handler` of WASI 0.2, or `wasi:http/handler` of 0.3.
    #[must_use]
    pub fn is_handler(&self) -> bool {
        self.is_handler
    }

    /// The plugin as a command: it exports `wasi:cli/run`.
    ///
    /// # Errors
    ///
    /// It does not.
    pub fn command(&self) -> wasmtime::Result<Command> {
        let pre = match p3::bindings::CommandIndices::new(&self.pre) {
            Ok(indices) => Run::P3(Arc::new(indices)),
            Err(_) => Run::P2(CommandPre::new(self.pre.clone()).context(
                "the plugin is no command: it does not export wasi:cli/run of WASI 0.2 or 0.3",
            )?),
        };
        Ok(Command {
            plugin: self.clone(),
            pre,
        })
    }

    /// The same in an engine with slots, of which each takes one instance, and how many slots
    /// there are: `most`, or fewer if it has many memories.
    ///
    /// # Errors
    ///
    /// The system has no room for them, or it is no plugin for slots.
    pub(super) fn with_slots(&self, most: u32) -> wasmtime::Result<(Self, u32)> {
        let Inner { limits, ticker, .. } = &*self.runtime.0;
        // In a slot a memory has no more.
        wasmtime::ensure!(limits.memory <= 4 << 30, "plugins may have more than 4 GiB");
        let component = self.pre.component();
        let required = component
            .resources_required()
            .context("the plugin imports modules or instances")?;
        let number = most.min(MEMORIES_IN_SLOTS / required.num_memories.max(1));
        let stage = Stage::with_slots(number, &required, limits)?;
        let compiled = component.serialize()?;
        #[expect(unsafe_code, reason = "see below")]
        // SAFETY: the bytes were written by `serialize` of the same version of wasmtime just now,
        // and nobody else has had them.
        let component = unsafe { Component::deserialize(&stage.engine, compiled) }?;
        let (pre, is_handler) = stage.link(&component)?;
        ticker.advance_too(&stage.engine);
        let plugin = Self {
            runtime: self.runtime.clone(),
            pre,
            is_handler,
        };
        Ok((plugin, number))
    }

    /// Whether it is one of WASI 0.2.
    pub(super) fn is_plain(&self) -> bool {
        Engine::same(self.pre.engine(), &self.runtime.0.plain.engine)
    }

    /// An empty store, in which a plugin gives way while it computes.
    pub(super) fn store(&self, mut rest_client: PluginCtx) -> Store<State> {
        // Whatever else it exports, and is used for.
        if self.is_handler {
            rest_client.table().set_max_capacity(MAKER_RESOURCES);
        }
        let state = State::new(rest_client, self.runtime.0.limits);
        let mut store = Store::new(self.pre.engine(), state);
        store.limiter(State::limiter);
        if let Some(table) = store.concurrent_resource_table() {
            table.set_max_capacity(CONCURRENT);
        }
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|store| {
            if !store.data().pace.gives_way() {
                return Ok(UpdateDeadline::Continue(1));
            }
            // The runtime's own way to yield lets it look at its timers, too.
            let others = Box::pin(tokio::task::yield_now());
            Ok(UpdateDeadline::YieldCustom(1, others))
        });
        store
    }
}

impl fmt::Debug for PluginRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginRuntime")
            .field("limits", &self.0.limits)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command").finish_non_exhaustive()
    }
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Host};

    #[tokio::test]
    async fn a_plugin_runs_in_slots_as_many_as_its_memories_allow() {
        for (memories, expected) in [(1, 100), (50, 5)] {
            let memories = "(memory 1)".repeat(memories);
            let command = wat::parse_str(format!(
                r#"(component
                    (core module $module
                        {memories}
                        (func (export "run") (result i32)
                            (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
                            (i32.eq (i32.const 2) (i32.load (i32.const 0)))))
                    (core instance $code (instantiate $module))
                    (func $run (result (result)) (canon lift (core func $code "run")))
                    (instance $cli (export "run" (func $run)))
                    (export "wasi:cli/run@0.2.0" (instance $cli)))"#,
            ));
            let runtime = PluginRuntime::new(Limits::default()).unwrap();
            let plugin = runtime.load(&command.unwrap()).unwrap();
            let (in_slots, number) = plugin.with_slots(100).unwrap();
            assert_eq!(number, expected);
            assert!(!Engine::same(in_slots.pre.engine(), plugin.pre.engine()));
            let command = in_slots.command().unwrap();
            let instance = Host::new(Config::default()).unwrap().instance();
            // None finds what another has counted.
            for _ in 0..2 * number {
                let context = PluginCtx::new(instance.clone());
                assert_eq!(command.run(context).await.unwrap(), 0);
            }
        }
    }
}
