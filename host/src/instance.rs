//! An instance: a sandbox, a pool of connections, and a cap.

mod admission;
mod cap_log;
mod driver;
mod in_flight;
mod pending_call;
mod texts;

pub(crate) use texts::has_too_many_fields;

use crate::{
    call::{
        Call, Phase,
        payer::{Held, Payer},
        share::{Place, Share},
        spec::CallSpec,
    },
    config::{AtCap, Config},
    error::{Error, ErrorKind},
    request::{Caller, PendingResponse, Request},
    response::Response,
    sandbox::{CallResult, Factory},
    stats::Stats,
    timings::Timings,
    transport::{Policy, Pool, Tenant},
};
use admission::Admission;
use driver::Command;
use parking_lot::Mutex;
use pending_call::PendingCall;
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout_at,
};

/// How long an instance may take, once a transfer has ended at its deadline, to
/// hand over the partial result. After that its caller goes without.
const GRACE: Duration = Duration::from_millis(50);

/// Makes calls, up to `max_async_transfers` at the same time; `at_cap` says what one more
/// call does. Cheap to clone; clones are the same instance.
///
/// A sandbox that fails is dropped with its state, and the next call gets a new one.
///
/// An instance does its work in a task of the runtime in which its first call is
/// made.
///
/// ```
/// # let url: String = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/service/serve.rs"));
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use rest_client_host::{Config, Host};
/// use std::time::Duration;
///
/// let instance = Host::new(Config::default())?.instance();
/// let credit = instance
///     .rest_get(&format!("{url}/credit?caller=alice"))
///     .header("x-call-id", "843817637684230")
///     .transfer_timeout(Duration::from_millis(500))
///     .await?;
/// assert_eq!(credit.text(), "12.50 EUR");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Calls run side by side when they are awaited side by side:
///
/// ```
/// # let url: String = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/service/serve.rs"));
/// # let (a, b) = (format!("{url}/credit?caller=alice"), format!("{url}/credit?caller=bob"));
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # let instance = rest_client_host::Host::new(Default::default())?.instance();
/// let (alice, bob) = tokio::try_join!(instance.rest_get(&a), instance.rest_get(&b))?;
/// assert!(alice.status().is_success() && bob.status().is_success());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Instance(Arc<Inner>);

struct Inner {
    factory: Arc<Factory>,
    tenant: Tenant,
    connection_timeout: Duration,
    transfer_timeout: Duration,
    admission: Arc<Admission>,
    /// Calls that have not ended, whether or not the driver has come to them.
    under_way: AtomicUsize,
    /// Empty before the first call.
    driver: Mutex<Option<mpsc::UnboundedSender<Command>>>,
}

impl Instance {
    /// An instance whose sandboxes `factory` makes, whose connections are kept in
    /// `pool`, and which is held to `policy`.
    pub(crate) fn new(factory: Arc<Factory>, pool: Pool, policy: Policy, config: &Config) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(Arc::new(Inner {
            factory,
            tenant: Tenant::new(id, pool, policy),
            connection_timeout: config.connection_timeout,
            transfer_timeout: config.transfer_timeout,
            admission: Admission::new(config.max_async_transfers, config.at_cap),
            under_way: AtomicUsize::new(0),
            driver: Mutex::default(),
        }))
    }

    /// Asks with GET; `rest-get` of the WIT package.
    pub fn rest_get(&self, url: &str) -> Request {
        self.rest_request("GET", url)
    }

    /// Sends `body` with POST, as a form unless another content type is set;
    /// `rest-post` of the WIT package.
    pub fn rest_post(&self, url: &str, body: impl Into<Vec<u8>>) -> Request {
        self.rest_request("POST", url).body(body)
    }

    /// Sends `body` with PUT, as a form unless another content type is set;
    /// `rest-put` of the WIT package.
    pub fn rest_put(&self, url: &str, body: impl Into<Vec<u8>>) -> Request {
        self.rest_request("PUT", url).body(body)
    }

    /// Sends any method but CONNECT, without a body unless one is set;
    /// `rest-request` of the WIT package.
    pub fn rest_request(&self, method: &str, url: &str) -> Request {
        Request::new(self.0.clone(), method, url)
    }

    /// What the instance has done so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            denied: self.0.tenant.policy().refusals(),
            ..self.0.admission.stats()
        }
    }

    /// Whether it waits for a transfer that runs in a blocking manner, and
    /// begins and ends no other call meanwhile.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.0.admission.is_blocked()
    }

    /// Replaces the configured `max_async_transfers` for this instance, from now on.
    /// Transfers in flight continue.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`] for a cap under which no call could ever
    /// run: 0, where `at_cap` is not [`crate::AtCap::Block`].
    pub fn set_max_async_transfers(&self, cap: u32) -> Result<(), Error> {
        let admission = &self.0.admission;
        admission
            .at_cap()
            .allows(cap)
            .map_err(|refusal| Error::new(ErrorKind::InvalidArgument, refusal))?;
        admission.set_cap(cap);
        if let Some(driver) = &*self.0.driver.lock() {
            // A driver that has ended has nobody waiting.
            let _ = driver.send(Command::CapChanged);
        }
        Ok(())
    }

    /// Calls that are under way or wait, also for the driver to come to them.
    pub(crate) fn load(&self) -> usize {
        self.0.under_way.load(Ordering::Relaxed)
    }

    /// A request of which all is known.
    pub(crate) fn request(&self, spec: CallSpec) -> Request {
        Request::of(self.0.clone(), spec)
    }

    /// Has the driver work in the runtime that this is called from, unless it works
    /// already.
    pub(crate) fn start_driver(&self) {
        self.0.start_driver();
    }

    /// Makes a call.
    pub(crate) fn call(
        &self,
        spec: Box<CallSpec>,
        begun: Option<oneshot::Sender<()>>,
    ) -> PendingResponse {
        self.0.clone().call(spec, begun)
    }
}

impl Caller for Inner {
    fn call(
        self: Arc<Self>,
        spec: Box<CallSpec>,
        begun: Option<oneshot::Sender<()>>,
    ) -> PendingResponse {
        Box::pin(async move { self.run(spec, begun).await })
    }
}

impl Inner {
    async fn run(
        &self,
        mut spec: Box<CallSpec>,
        begun: Option<oneshot::Sender<()>>,
    ) -> Result<Response, Error> {
        let _under_way = UnderWay::count(&self.under_way);
        let shorter = |configured: Duration, asked: Option<Duration>| {
            asked.map_or(configured, |asked| asked.min(configured))
        };
        let payer = spec.payer.take();
        let call = Call::start(
            shorter(self.connection_timeout, spec.connection_timeout),
            shorter(self.transfer_timeout, spec.transfer_timeout),
        );
        let call = Arc::new(call.charged_to(payer.as_ref().map(|payer| payer.budget.clone())));
        let result = self.result(spec, payer, &call, begun).await;
        let record = call.record();
        let timings = Timings {
            total: call.started.elapsed(),
            ..record.timings
        };
        match result {
            Ok(reply) => Ok(Response::new(reply, record.version, timings)),
            Err(error) => Err(error.with_timings(timings)),
        }
    }

    async fn result(
        &self,
        spec: Box<CallSpec>,
        payer: Option<Payer>,
        call: &Arc<Call>,
        mut begun: Option<oneshot::Sender<()>>,
    ) -> CallResult {
        texts::check(&spec)?;
        let held = match payer {
            Some(Payer { charge, share, .. }) => Some(Held {
                _charge: charge,
                _place: match share {
                    Some(share) => Some(self.place(&share, call, &mut begun).await?),
                    None => None,
                },
            }),
            None => None,
        };
        let (pending, mut caller) = PendingCall::new(spec, call.clone(), held, begun);
        self.command(Command::Call(pending));
        let lost = |_| Err(shut_down());
        // The driver keeps the deadlines of what it has begun, and hands over
        // what had arrived. These are for an instance that is blocked, or whose
        // guest is stuck.
        if let Ok(result) = timeout_at(call.connection_deadline(), &mut caller.result).await {
            return result.unwrap_or_else(lost);
        }
        if call.record().phase == Phase::Start {
            call.record().expired = true;
            let failure = call.connection_timed_out(call.connection_timeout);
            return Err(Error::timed_out(&failure));
        }
        match timeout_at(call.transfer_deadline() + GRACE, &mut caller.result).await {
            Ok(result) => result.unwrap_or_else(lost),
            Err(_) => {
                call.record().expired = true;
                Err(Error::timed_out(&call.out_of_time()))
            }
        }
    }

    /// A place in a share, for which a call waits unless at-cap is reject. It
    /// never blocks the instance: that would be to stop others on account of one.
    async fn place(
        &self,
        share: &Share,
        call: &Call,
        begun: &mut Option<oneshot::Sender<()>>,
    ) -> Result<Place, Error> {
        if let Some(place) = share.try_take() {
            return Ok(place);
        }
        if share.most() == 0 || self.admission.at_cap() == AtCap::Reject {
            let message = format!(
                "max-async-transfers of this plugin, {}, are in flight",
                share.most()
            );
            return Err(Error::new(ErrorKind::AtCap, message));
        }
        if let Some(begun) = begun.take() {
            // Fails only if the caller has gone.
            let _ = begun.send(());
        }
        call.enter(Phase::Share);
        match timeout_at(call.connection_deadline(), share.take()).await {
            Ok(place) => {
                call.enter(Phase::Start);
                Ok(place)
            }
            Err(_) => {
                let failure = call.connection_timed_out(call.connection_timeout);
                Err(Error::timed_out(&failure))
            }
        }
    }

    fn start_driver(&self) {
        let is_working = self
            .driver
            .lock()
            .as_ref()
            .is_some_and(|it| !it.is_closed());
        if !is_working {
            // It has nothing to say.
            self.command(Command::CapChanged);
        }
    }

    /// Tells the driver, and starts one if there is none.
    fn command(&self, command: Command) {
        let mut driver = self.driver.lock();
        let command = match &*driver {
            Some(driver) => match driver.send(command) {
                Ok(()) => return,
                // Its runtime was shut down.
                Err(mpsc::error::SendError(command)) => command,
            },
            None => command,
        };
        let started = driver::start(
            self.factory.clone(),
            self.tenant.clone(),
            self.admission.clone(),
        );
        // It is there: it was started a line ago.
        let _ = started.send(command);
        *driver = Some(started);
    }
}

/// Counted until it is dropped.
struct UnderWay<'a>(&'a AtomicUsize);

impl<'a> UnderWay<'a> {
    fn count(calls: &'a AtomicUsize) -> Self {
        calls.fetch_add(1, Ordering::Relaxed);
        Self(calls)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn shut_down() -> Error {
    let message = "the runtime in which the instance works has been shut down";
    Error::new(ErrorKind::Internal, message)
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance")
            .field("is_blocked", &self.is_blocked())
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
