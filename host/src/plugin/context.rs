//! What the host keeps for one plugin, and the calls that the plugin makes.

use super::{
    bindings::rest::client::types as wit,
    call::PluginCall,
    convert,
    hooks::Hooks,
    outcome::Outcome,
    questions::{Asking, Questions},
    record::{Noting, Tape},
    trace::Trace,
    transfer::Transfer,
};
use crate::{
    call::{
        budget::{Budget, Charge, OverBudget},
        share::Share,
        spec::CallSpec,
    },
    error::{Error, ErrorKind},
    instance::Instance,
};
use futures_util::future::Either;
use std::{collections::BTreeMap, fmt, sync::Arc};
use tokio::sync::oneshot;
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, p2::Pollable as _};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// Resources that a plugin may hold at once; a transfer is one, and so is what
/// waits for it.
const RESOURCES: usize = 16 * 1024;

/// Bytes of the budget of a plugin, unless another is set.
const BUDGET: usize = 64 * 1024 * 1024;

/// Random bytes that a plugin gets in one call, at most.
const MOST_RANDOM: u64 = 1 << 20;

/// Bytes of fields that a plugin makes, as they are in memory.
const FIELDS: usize = 64 * 1024;

/// Bytes that a transfer takes beside its outcome.
const TRANSFER: usize = 1024;

/// What the host keeps for one plugin; see the example of the
/// [module](crate::plugin).
pub struct PluginCtx {
    instance: Instance,
    budget: Budget,
    share: Option<Share>,
    table: ResourceTable,
    http: WasiHttpCtx,
    wasi: WasiCtx,
    hooks: Hooks,
    settings: BTreeMap<String, String>,
    /// Where its questions are kept, if somebody wants to see them.
    questions: Option<Questions>,
    /// Carried by its questions.
    trace: Trace,
    /// Where all that comes into it is taken down, or played from.
    tape: Option<Tape>,
    /// What goes on while the plugin does other things, each with a clone.
    going_on: GoingOn,
}

/// One of the things that go on for a plugin until it is dropped.
pub(super) type GoingOn = Arc<()>;

/// A store's state that has a [`PluginCtx`]; see the example of the
/// [module](crate::plugin).
pub trait PluginView: Send + 'static {
    /// Where it is.
    fn rest_client(&mut self) -> &mut PluginCtx;
}

impl PluginCtx {
    /// For a plugin whose calls are those of `instance`.
    #[must_use]
    pub fn new(instance: Instance) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(FIELDS);
        Self {
            instance,
            budget: Budget::new(BUDGET),
            share: None,
            table,
            http,
            wasi: Self::wasi_builder().build(),
            hooks: Hooks,
            settings: BTreeMap::new(),
            questions: None,
            trace: Trace::default(),
            tape: None,
            going_on: GoingOn::default(),
        }
    }

    /// Sets how many bytes the host may hold for the plugin: texts and bodies of its
    /// requests, and header fields and bodies of its replies, whether arriving, complete
    /// or cut short, until the plugin has read or dropped them. 64 MiB by default.
    ///
    /// A call ends with `busy` if it, or its reply, would exceed the budget. Wasmtime
    /// copies the arguments of a call before they can be counted;
    /// [`Store::set_hostcall_fuel`](wasmtime::Store::set_hostcall_fuel) limits that, to
    /// 128 MiB by default.
    #[must_use]
    pub fn memory_budget(self, bytes: usize) -> Self {
        Self {
            budget: Budget::new(bytes),
            ..self
        }
    }

    /// Sets the plugin's share of the instance's max-async-transfers: how many of
    /// its calls may be in flight, or wait for their turn at the instance, at a
    /// time. By default only the instance's cap applies. With 0, the plugin can't
    /// make a call.
    ///
    /// A call beyond it waits for its turn, inside its deadlines, where at-cap is
    /// `block` or `wait`; where it is `reject`, it ends with `busy` at once. It
    /// never blocks the instance: only the instance's cap does that.
    #[must_use]
    pub fn max_async_transfers(self, transfers: u32) -> Self {
        Self {
            share: Some(Share::new(transfers)),
            ..self
        }
    }

    /// A builder with the default WASI access of a plugin, to extend: clocks and random
    /// numbers, but no arguments, environment, files or sockets. Output is discarded, and
    /// the input is empty.
    #[must_use]
    pub fn wasi_builder() -> WasiCtxBuilder {
        let mut wasi = WasiCtx::builder();
        wasi.allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .max_random_size(MOST_RANDOM);
        wasi
    }

    /// Grants what `wasi` has, as [`wasi_builder`](Self::wasi_builder) makes it:
    /// arguments, variables of the environment, streams, files.
    #[must_use]
    pub fn with_wasi(self, wasi: WasiCtx) -> Self {
        Self { wasi, ..self }
    }

    /// Sets what the plugin finds in `wasi:config/store`. Nothing by default.
    #[must_use]
    pub fn with_settings(self, settings: BTreeMap<String, String>) -> Self {
        Self { settings, ..self }
    }

    pub(super) fn settings(&self) -> &BTreeMap<String, String> {
        &self.settings
    }

    /// Has the questions that are asked from now on kept, or no longer.
    pub(super) fn keep_questions(&mut self, questions: Option<Questions>) {
        self.questions = questions;
    }

    /// Has all that comes into it taken down, or played. Its clocks and random numbers are
    /// those of the [`WasiCtx`].
    pub(super) fn with_tape(self, tape: Tape) -> Self {
        Self {
            tape: Some(tape),
            ..self
        }
    }

    pub(super) fn tape(&self) -> Option<&Tape> {
        self.tape.as_ref()
    }

    /// Has the questions that are asked from now on belong to `trace`.
    pub(super) fn keep_trace(&mut self, trace: Trace) {
        self.trace = trace;
    }

    fn asking(&self, spec: &CallSpec) -> Option<Asking> {
        let questions = self.questions.as_ref()?;
        Some(questions.begin(&spec.method, &spec.url))
    }

    /// Bytes of the budget that are taken now.
    #[must_use]
    pub fn memory_taken(&self) -> usize {
        self.budget.taken()
    }

    /// Whose calls the plugin's are.
    #[must_use]
    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// Where an embedder may keep resources of its own for the plugin.
    pub fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }
}

impl WasiHttpView for PluginCtx {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: &mut self.hooks,
        }
    }
}

impl PluginCtx {
    pub(super) fn wasi(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }

    /// So many bytes of the budget, until the result is dropped.
    pub(super) fn charge(&self, bytes: usize) -> Result<Charge, OverBudget> {
        self.budget.charge(bytes)
    }

    /// What the plugin is told of `call`.
    ///
    /// # Errors
    ///
    /// A recording is played to it, and has no answer to that.
    pub(super) async fn call(
        &mut self,
        call: PluginCall,
    ) -> wasmtime::Result<Result<wit::Response, wit::RestError>> {
        let outcome = match self.played(&call)? {
            Some(outcome) => outcome,
            None => {
                let noting = self.note(&call);
                let outcome = self.asked(call).await;
                if let Some(noting) = noting {
                    noting.end(&outcome);
                }
                outcome
            }
        };
        Ok(convert::result(outcome))
    }

    /// Marks something as going on until the result is dropped.
    pub(super) fn going_on(&self) -> GoingOn {
        self.going_on.clone()
    }

    /// Whether nothing goes on.
    pub(super) fn is_quiet(&self) -> bool {
        Arc::strong_count(&self.going_on) == 1
    }

    /// Begins `call`, while which the plugin goes on with other things. Dropped, the result
    /// ends it.
    ///
    /// # Errors
    ///
    /// A recording is played to the plugin, and has no such question, or no answer.
    pub(super) fn begin(
        &mut self,
        call: PluginCall,
    ) -> wasmtime::Result<impl Future<Output = wasmtime::Result<Outcome>> + Send + use<>> {
        let going_on = self.going_on();
        if let Some(tape) = self.tape.as_ref().filter(|it| it.plays()) {
            let answer = tape.play_in_turn(&call.question())?;
            return Ok(Either::Left(async move {
                let _going_on = going_on;
                answer.await
            }));
        }
        let noting = self.note(&call);
        let asked = self.asked(call);
        Ok(Either::Right(async move {
            let _going_on = going_on;
            let outcome = asked.await;
            if let Some(noting) = noting {
                noting.end_in_turn(&outcome);
            }
            Ok(outcome)
        }))
    }

    /// Returns when the call runs beside others, or waits for its turn. One that
    /// runs in a blocking manner is over by then, so that at its cap an instance
    /// blocks its plugins, too.
    ///
    /// # Errors
    ///
    /// A recording is played to the plugin, and has no such question.
    pub(super) async fn start(&mut self, call: PluginCall) -> wasmtime::Result<Resource<Transfer>> {
        if let Some(tape) = self.tape.as_ref().filter(|it| it.plays()) {
            let transfer = match tape.play(&call.question())? {
                Some(outcome) => Transfer::over(outcome),
                None => Transfer::unanswered(),
            };
            return Ok(self.table.push(transfer)?);
        }
        let noting = self.note(&call);
        let charged = self
            .charge(TRANSFER)
            .and_then(|charge| Ok((charge, self.charged(call)?)));
        let (charge, spec) = match charged {
            Ok(charged) => charged,
            Err(over) => {
                let transfer = Transfer::over(Err(refusal(&over))).noted_by(noting);
                return Ok(self.table.push(transfer)?);
            }
        };
        let (begun, has_begun) = oneshot::channel();
        let asking = self.asking(&spec);
        let request = self.instance.request(spec).tell_begun(begun).into_future();
        let transfer = match asking {
            None => Transfer::run(request, charge),
            Some(asking) => {
                let asked = async {
                    let outcome = request.await;
                    asking.end(&outcome);
                    outcome
                };
                Transfer::run(asked, charge)
            }
        };
        let mut transfer = transfer.noted_by(noting);
        tokio::select! {
            // Also where it is dropped, which is at the end of the call.
            _ = has_begun => {}
            // An instance that is blocked by others may not even look at it.
            () = transfer.ready() => {}
        }
        Ok(self.table.push(transfer)?)
    }

    /// What comes of the call, on the account of the plugin. It is asked from now on.
    fn asked(&self, call: PluginCall) -> impl Future<Output = Outcome> + Send + use<> {
        let charged = self.charged(call).map(|spec| {
            let asking = self.asking(&spec);
            (self.instance.request(spec).into_future(), asking)
        });
        async move {
            let (request, asking) = charged.map_err(|over| refusal(&over))?;
            let outcome = request.await;
            if let Some(asking) = asking {
                asking.end(&outcome);
            }
            outcome
        }
    }

    /// The call as a part of what is traced, on the account of the plugin.
    fn charged(&self, call: PluginCall) -> Result<CallSpec, OverBudget> {
        call.traced(&self.trace)
            .charged_to(&self.budget, self.share.as_ref())
    }

    /// What a plugin is told that a recording is played to.
    fn played(&self, call: &PluginCall) -> wasmtime::Result<Option<Outcome>> {
        let Some(tape) = self.tape.as_ref().filter(|it| it.plays()) else {
            return Ok(None);
        };
        match tape.play(&call.question())? {
            Some(outcome) => Ok(Some(outcome)),
            None => Err(Tape::unanswered()),
        }
    }

    /// Takes down that the plugin asks, if that is done.
    fn note(&self, call: &PluginCall) -> Option<Noting> {
        let tape = self.tape.clone()?;
        Some(Noting::begin(tape, call.question()))
    }
}

fn refusal(over: &OverBudget) -> Error {
    Error::new(ErrorKind::PluginLimit, over.to_string())
}

impl fmt::Debug for PluginCtx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginCtx")
            .field("instance", &self.instance)
            .field("memory_budget", &self.budget.limit())
            .field("memory_taken", &self.memory_taken())
            .finish_non_exhaustive()
    }
}
