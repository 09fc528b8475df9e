//! Plugins, each a component made from a text, in a store of its own.

use rest_client_host::{
    Wasi,
    plugin::{self, PluginCtx, PluginView},
};
use std::{sync::LazyLock, time::Duration};
use wasmtime::{
    Config, Engine, Store, StoreLimits, StoreLimitsBuilder,
    component::{
        Component, ComponentNamedList, ComponentType, Instance, InstancePre, Lift, Linker, Lower,
    },
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// How often one that computes has to give way.
const TICK: Duration = Duration::from_millis(2);

/// Bytes of the memory of a plugin, at most.
pub const MEMORY: usize = 192 << 20;

/// Places of the tables of a plugin, at most.
pub const TABLE: usize = 10_000;

/// Misdeeds that a crowd of plugins does at the same time, by the names of their texts.
#[must_use]
pub fn of_a_crowd(wasi: Wasi) -> &'static [&'static str] {
    match wasi {
        Wasi::P2 => &[
            "ask-whether-it-is-ready",
            "block",
            "drop-the-parent-first",
            "grow-a-table",
            "hoard-transfers",
            "leave-transfers",
            "loop-in-a-call",
            "loop-in-realloc",
            "poll-one-a-thousand-times",
            "trap-with-transfers",
        ],
        Wasi::P3 => &[
            "cancel-twice",
            "cancel-without-end",
            "drop-in-flight",
            "hoard-transfers",
            "leave-transfers",
            "loop-in-a-call",
            "loop-in-realloc",
            "return-nothing",
            "trap-with-transfers",
            "wait-for-nothing",
            "yield-without-end",
        ],
    }
}

/// The state of a plugin's store.
pub struct State {
    rest_client: PluginCtx,
    limits: StoreLimits,
}

impl PluginView for State {
    fn rest_client(&mut self) -> &mut PluginCtx {
        &mut self.rest_client
    }
}

/// A plugin that is compiled, and can be started any number of times.
pub struct Program {
    plugin: InstancePre<State>,
}

impl Program {
    /// An ordinary one: `plugin/asker.wit` has its functions.
    ///
    /// # Panics
    ///
    /// It can't be compiled.
    #[must_use]
    pub fn asker(wasi: Wasi) -> Self {
        let (wit, module) = (
            include_str!("plugin/asker.wit"),
            include_str!("plugin/asker.wat"),
        );
        Self::of_either(wasi, "asker", wit, module)
    }

    /// One that wants more than its share: `plugin/hostile.wit` has its functions, of which
    /// some have no meaning in WASI 0.3.
    ///
    /// # Panics
    ///
    /// It can't be compiled.
    #[must_use]
    pub fn hostile(wasi: Wasi) -> Self {
        let (wit, module) = (
            include_str!("plugin/hostile.wit"),
            include_str!("plugin/hostile.wat"),
        );
        Self::of_either(wasi, "hostile", wit, module)
    }

    /// For WASI 0.2 from a text. For 0.3 there is one plugin that has the functions of both.
    fn of_either(wasi: Wasi, world: &str, wit: &str, module: &str) -> Self {
        let component = match wasi {
            Wasi::P2 => component(wasi, world, wit, module),
            Wasi::P3 => built("asker"),
        };
        Self::compile(&component).expect("a plugin")
    }

    /// One that does what its text in `plugin/misdeeds` says, or in `plugin/misdeeds-async`
    /// for WASI 0.3, by the name of the file.
    ///
    /// # Panics
    ///
    /// There is none.
    #[must_use]
    pub fn misdeed(wasi: Wasi, name: &str) -> Self {
        let component = match wasi {
            Wasi::P2 => component(
                wasi,
                "misdeed",
                include_str!("plugin/misdeed.wit"),
                &text("misdeeds", name),
            ),
            Wasi::P3 => component(
                wasi,
                "misdeed-async",
                include_str!("plugin/misdeed-async.wit"),
                &text("misdeeds-async", name),
            ),
        };
        Self::compile(&component).expect("a plugin")
    }

    /// The plugin in `component`.
    ///
    /// # Errors
    ///
    /// It imports what no plugin gets.
    pub fn compile(component: &[u8]) -> wasmtime::Result<Self> {
        let engine = engine();
        let mut linker = Linker::new(engine);
        plugin::add_to_linker(&mut linker)?;
        plugin::add_async_rest_to_linker(&mut linker)?;
        let component = Component::new(engine, component)?;
        let plugin = linker.instantiate_pre(&component)?;
        Ok(Self { plugin })
    }

    /// Starts it, as an embedder does who trusts no plugin: it gives way while it
    /// computes, and its memory and its tables are bounded.
    ///
    /// # Panics
    ///
    /// There is no memory for it.
    pub async fn start(&self, rest_client: PluginCtx) -> Plugin {
        let limits = StoreLimitsBuilder::new()
            .memory_size(MEMORY)
            .table_elements(TABLE)
            .build();
        let state = State {
            rest_client,
            limits,
        };
        let mut store = Store::new(engine(), state);
        store.limiter(|state| &mut state.limits);
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        let instance = self
            .plugin
            .instantiate_async(&mut store)
            .await
            .expect("a plugin that starts");
        Plugin { store, instance }
    }
}

/// `request-options` of the WIT package.
#[derive(Debug, Clone, Default, ComponentType, Lower)]
#[component(record)]
#[expect(missing_docs, reason = "documented once, in wit/types.wit")]
pub struct Options {
    pub headers: Vec<(String, Vec<u8>)>,
    #[component(name = "connection-timeout")]
    pub connection_timeout: Option<u64>,
    #[component(name = "transfer-timeout")]
    pub transfer_timeout: Option<u64>,
    #[component(name = "max-redirects")]
    pub max_redirects: Option<u32>,
}

/// The arguments of `rest-request`.
pub type Arguments = (
    String,
    String,
    Option<Vec<u8>>,
    Option<String>,
    Option<Options>,
);

/// All plugins have one, with the thread that has those give way which compute.
fn engine() -> &'static Engine {
    static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
        let mut config = Config::new();
        config.epoch_interruption(true);
        let engine = Engine::new(&config).expect("an engine");
        let ticking = engine.clone();
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(TICK);
                ticking.increment_epoch();
            }
        });
        engine
    });
    &ENGINE
}

/// A plugin that runs.
pub struct Plugin {
    store: Store<State>,
    instance: Instance,
}

impl Plugin {
    /// Calls a function.
    ///
    /// # Errors
    ///
    /// It traps.
    ///
    /// # Panics
    ///
    /// There is no such function.
    pub async fn try_call<P, R>(&mut self, name: &str, parameters: P) -> wasmtime::Result<R>
    where
        P: ComponentNamedList + Lower + Send + Sync + 'static,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let function = self
            .instance
            .get_typed_func::<P, R>(&mut self.store, name)
            .expect("a function");
        function.call_async(&mut self.store, parameters).await
    }

    /// Calls a function with one result.
    ///
    /// # Panics
    ///
    /// It traps.
    pub async fn call<P, R>(&mut self, name: &str, parameters: P) -> R
    where
        P: ComponentNamedList + Lower + Send + Sync + 'static,
        (R,): ComponentNamedList + Lift + Send + Sync + 'static,
        R: 'static,
    {
        let called = self.try_call::<P, (R,)>(name, parameters).await;
        called.unwrap_or_else(|trap| panic!("{name}: {trap:#}")).0
    }

    /// Calls a function of a transfer, without a result.
    ///
    /// # Panics
    ///
    /// It traps.
    pub async fn run(&mut self, name: &str, transfer: u32) {
        let run = self.try_call::<_, ()>(name, (transfer,)).await;
        run.unwrap_or_else(|trap| panic!("{name}: {trap:#}"));
    }

    /// Starts a transfer.
    pub async fn start_get(&mut self, url: &str) -> u32 {
        self.call("start-get", (url.to_owned(),)).await
    }

    /// Ends a transfer, and says what came of it: a status, or an error below 0.
    pub async fn finish(&mut self, transfer: u32) -> i32 {
        self.call("finish", (transfer,)).await
    }

    /// What the host keeps for it.
    pub fn context(&mut self) -> &mut PluginCtx {
        &mut self.store.data_mut().rest_client
    }
}

/// A plugin that is a command and does what its text in `plugin/commands` says, by the
/// name of the file.
///
/// # Panics
///
/// There is none.
#[must_use]
pub fn command(name: &str) -> Vec<u8> {
    let wit = include_str!("plugin/command.wit");
    component(Wasi::P2, "command", wit, &text("commands", name))
}

/// The component of a plugin that is written in Rust, by the name of its file.
///
/// # Panics
///
/// It was not built.
#[must_use]
pub fn built(name: &str) -> Vec<u8> {
    let folder = std::env::var_os("REST_CLIENT_PLUGINS").map(std::path::PathBuf::from);
    let folder = folder.unwrap_or_else(|| xtask::plugins::folder().expect("a folder"));
    let file = folder.join(name).with_extension("wasm");
    std::fs::read(&file).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; `cargo xtask plugins` makes it",
            file.display()
        )
    })
}

fn text(folder: &str, name: &str) -> String {
    let file = xtask::workspace_root()
        .join("tests/support/plugin")
        .join(folder)
        .join(name)
        .with_extension("wat");
    std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The component of a module, in the world `world` of `wit`.
fn component(wasi: Wasi, world: &str, wit: &str, module: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let package = match wasi {
        Wasi::P2 => "wit",
        Wasi::P3 => "wit/async",
    };
    resolve
        .push_dir(xtask::workspace_root().join(package))
        .expect("the WIT package");
    let package = resolve.push_str("plugin.wit", wit).expect("WIT");
    let world = resolve
        .select_world(&[package], Some(world))
        .expect("a world");
    let mut module = wat::parse_str(module).expect("a module");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)
        .expect("metadata");
    ComponentEncoder::default()
        .module(&module)
        .and_then(|encoder| encoder.validate(true).encode())
        .expect("a component")
}
