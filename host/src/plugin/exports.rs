//! What a plugin exports, and an instance of it that is asked through that.

use super::{
    PluginCtx,
    pace::Pace,
    runtime::{Plugin, PluginRuntime},
    state::State,
};
use crate::slots::{Slot, Slots};
use std::{future::poll_fn, sync::Arc, task::Poll};
use wasmtime::{Store, component::Accessor};

/// Bytes that a plugin may hand over in one call of the host, or in what it returns.
const AT_ONCE: usize = 16 << 20;

/// The exports of one kind of plugin.
pub(super) trait Exports: Sized + Send + Sync + 'static {
    /// What all instances of a plugin have in common.
    type Pre: Send + Sync + 'static;

    /// # Errors
    ///
    /// `plugin` does not export what it takes.
    fn find(plugin: &Plugin) -> wasmtime::Result<Self::Pre>;

    /// The exports of a new instance.
    ///
    /// # Errors
    ///
    /// It traps.
    fn instantiate(
        pre: &Self::Pre,
        store: &mut Store<State>,
    ) -> impl Future<Output = wasmtime::Result<Self>> + Send;

    /// Whether it can do its work here.
    ///
    /// # Errors
    ///
    /// It traps.
    fn check(
        &self,
        store: &mut Store<State>,
    ) -> impl Future<Output = wasmtime::Result<Result<(), String>>> + Send;
}

/// A plugin that exports what is needed.
pub(super) struct Startable<E: Exports> {
    on_demand: Place<E>,
    /// Where an instance of it decides a few times.
    slots: Option<Slots<Place<E>>>,
}

/// What an instance is made of.
struct Place<E: Exports> {
    plugin: Plugin,
    pre: E::Pre,
}

/// An instance of it.
pub(super) struct Started<E> {
    pub(super) store: Store<State>,
    pub(super) exports: E,
    /// How often it was asked.
    pub(super) asked: u32,
    /// Free again when the store is gone.
    _slot: Option<Slot>,
}

impl<E: Exports> Startable<E> {
    /// Sets up to so many slots aside for its instances, if they can be had.
    ///
    /// # Errors
    ///
    /// `plugin` does not export what it takes.
    pub(super) fn new(plugin: &Plugin, slots: u32) -> wasmtime::Result<Self> {
        let on_demand = Place::of(plugin.clone())?;
        // An instance of WASI 0.3 may need many stacks, of which a slot has one.
        let slots = (slots > 0 && plugin.is_plain()).then(|| on_demand.in_slots(slots));
        if let Some(Err(error)) = &slots {
            tracing::warn!(%error, "no slots can be set aside for a plugin; each instance is made on demand");
        }
        Ok(Self {
            on_demand,
            slots: slots.and_then(Result::ok),
        })
    }

    pub(super) fn runtime(&self) -> &PluginRuntime {
        &self.on_demand.plugin.runtime
    }

    /// Starts one, which goes at `pace`.
    ///
    /// # Errors
    ///
    /// It traps.
    pub(super) async fn start(
        &self,
        context: PluginCtx,
        pace: &Arc<Pace>,
    ) -> wasmtime::Result<Started<E>> {
        let (Place { plugin, pre }, slot) = self.place();
        let mut store = plugin.store(context);
        store.set_hostcall_fuel(AT_ONCE);
        store.data_mut().pace = pace.clone();
        let exports = E::instantiate(pre, &mut store).await?;
        Ok(Started {
            store,
            exports,
            asked: 0,
            _slot: slot,
        })
    }

    fn place(&self) -> (&Place<E>, Option<Slot>) {
        let Self { on_demand, slots } = self;
        match slots.as_ref().and_then(Slots::take) {
            Some((place, slot)) => (place, Some(slot)),
            None => (on_demand, None),
        }
    }
}

impl<E: Exports> Place<E> {
    fn of(plugin: Plugin) -> wasmtime::Result<Self> {
        Ok(Self {
            pre: E::find(&plugin)?,
            plugin,
        })
    }

    fn in_slots(&self, most: u32) -> wasmtime::Result<Slots<Self>> {
        let (plugin, number) = self.plugin.with_slots(most)?;
        Ok(Slots::of(Self::of(plugin)?, number))
    }
}

impl<E: Exports> Started<E> {
    /// What the host keeps for it.
    pub(super) fn context(&mut self) -> &mut PluginCtx {
        &mut self.store.data_mut().rest_client
    }

    /// Whether nothing goes on in it any more. A plugin of WASI 0.3 may have begun things that
    /// it does not wait for.
    ///
    /// # Errors
    ///
    /// It traps.
    pub(super) async fn is_quiet(&mut self) -> wasmtime::Result<bool> {
        if self.store.concurrent_resource_table().is_none() {
            return Ok(true);
        }
        let look = async |accessor: &Accessor<State>| {
            poll_fn(|cx| Poll::Ready(accessor.poll_no_interesting_tasks(cx).is_ready())).await
        };
        // A task may end before the calls that it has begun.
        Ok(self.store.run_concurrent(look).await? && self.context().is_quiet())
    }

    /// Has it go at `pace` from now on.
    pub(super) fn keep_to(&mut self, pace: &Arc<Pace>) {
        self.store.data_mut().pace = pace.clone();
    }

    /// Whether it can do its work here.
    ///
    /// # Errors
    ///
    /// It traps.
    pub(super) async fn check(&mut self) -> wasmtime::Result<Result<(), String>> {
        self.exports.check(&mut self.store).await
    }
}
