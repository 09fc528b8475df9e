//! Where plugins of one generation of WASI are compiled, and what they find there.

use super::{
    add_to_handler_linker, add_to_linker,
    http_types::add_refusal_to_linker,
    p3,
    state::{INSTANCES, Limits, State},
};
use crate::slots::{self, Needs};
use wasmtime::{
    Cache, Config, Engine, ResourcesRequired,
    component::{Component, InstancePre, Linker},
    error::Context as _,
};

/// What a plugin exports that decides, and what one that answers HTTP by itself.
const ROUTERS: [&str; 2] = ["routing:contract/router@", "routing:contract-async/router@"];
const HANDLERS: [&str; 2] = ["wasi:http/incoming-handler@0.2.", "wasi:http/handler@0.3."];

/// An engine, and all that a plugin may import there.
pub(super) struct Stage {
    pub(super) engine: Engine,
    linker: Linker<State>,
    /// For plugins that answer HTTP by themselves.
    handler_linker: Linker<State>,
}

impl Stage {
    /// For plugins of WASI 0.2.
    ///
    /// # Errors
    ///
    /// The machine can't run it.
    pub(super) fn plain(cache: Option<Cache>) -> wasmtime::Result<Self> {
        // What is of no use to them would take a part of their time.
        Self::new(&mut config(false, cache))
    }

    /// For instances of one plugin of WASI 0.2, in so many slots that are set aside. What they
    /// take may be as much as `limits`.
    ///
    /// # Errors
    ///
    /// The system has no room for them.
    pub(super) fn with_slots(
        number: u32,
        required: &ResourcesRequired,
        limits: &Limits,
    ) -> wasmtime::Result<Self> {
        let mut config = config(false, None);
        let needs = Needs {
            core_instances: INSTANCES as u32,
            memories: required.num_memories,
            tables: required.num_tables,
            elements: limits.table,
            // All of it would be put back each time, and most plugins write a little here and there.
            resident: 0,
        };
        slots::set_aside(&mut config, number, &needs);
        Self::new(&mut config)
    }

    /// For plugins that use concurrency, as those of WASI 0.3 do. They may use 0.2, too.
    ///
    /// # Errors
    ///
    /// The machine can't run it.
    pub(super) fn concurrent(cache: Option<Cache>) -> wasmtime::Result<Self> {
        let mut stage = Self::new(&mut config(true, cache))?;
        for linker in [&mut stage.linker, &mut stage.handler_linker] {
            p3::add_wasi_to_linker(linker)?;
            p3::add_rest_to_linker(linker)?;
        }
        p3::http::add_to_linker(&mut stage.handler_linker)?;
        Ok(stage)
    }

    fn new(config: &mut Config) -> wasmtime::Result<Self> {
        let engine = Engine::new(config.epoch_interruption(true))?;
        let mut linker = Linker::new(&engine);
        add_to_linker(&mut linker)?;
        add_refusal_to_linker(&mut linker)?;
        let mut handler_linker = Linker::new(&engine);
        add_to_handler_linker(&mut handler_linker)?;
        Ok(Self {
            engine,
            linker,
            handler_linker,
        })
    }

    /// Links `component`, and says whether it answers HTTP by itself.
    ///
    /// # Errors
    ///
    /// It imports what no plugin gets.
    pub(super) fn link(
        &self,
        component: &Component,
    ) -> wasmtime::Result<(InstancePre<State>, bool)> {
        let is_handler = exports(component, &HANDLERS);
        let linker = match is_handler {
            true => &self.handler_linker,
            false => &self.linker,
        };
        let pre = linker.instantiate_pre(component).context(
            "the plugin imports what no plugin gets here; WASI 0.2 and 0.3, rest:client, rest:client-async and the types of wasi:http are there",
        )?;
        Ok((pre, is_handler))
    }
}

fn config(is_concurrent: bool, cache: Option<Cache>) -> Config {
    let mut config = Config::new();
    config.concurrency_support(is_concurrent).cache(cache);
    config
}

/// Whether `component` decides.
pub(super) fn is_router(component: &Component) -> bool {
    exports(component, &ROUTERS)
}

/// Whether `component` exports an interface whose name begins like one of these.
fn exports(component: &Component, interfaces: &[&str]) -> bool {
    let of_component = component.component_type();
    let mut exports = of_component.exports(component.engine());
    exports.any(|(name, _)| interfaces.iter().any(|it| name.starts_with(it)))
}
