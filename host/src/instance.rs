//! An instance: a sandbox, a pool of connections, and a cap.

pub(crate) mod admission;
mod cap_log;
pub(crate) mod driver;

use crate::{
    call::{Call, Phase},
    error::{Error, ErrorKind},
    host::Host,
    instance::admission::Admission,
    instance::driver::{Ask, Coding, Command},
    request::{By, Question, Request},
    response::{Response, Timings},
    sandbox::answer::{self, Answer, Finished},
    stats::Stats,
    transport::pool::Pool,
    transport::transfer::Tenant,
};
use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
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

/// Makes calls, many at a time: up to `max_async_transfers` beside each other.
/// What one more does is said by `at_cap`. It is shared between tasks as it is,
/// by reference or in an [`Arc`].
///
/// A sandbox that fails is dropped with all it held, and the next call has a
/// new one.
///
/// An instance does its work in a task of the runtime in which its first call is
/// made.
///
/// ```
/// # async fn ask(url: &str) -> Result<(), Box<dyn std::error::Error>> {
/// use rest_client_host::{Config, Host};
/// use std::time::Duration;
///
/// let instance = Host::new(Config::default())?.instance();
/// let credit = instance
///     .rest_get(url)
///     .header("x-call-id", "843817637684230")
///     .transfer_timeout(Duration::from_millis(500))
///     .await?;
/// assert_eq!(credit.status, 200);
/// # Ok(())
/// # }
/// ```
///
/// Calls run side by side when they are awaited side by side:
///
/// ```
/// # async fn ask(a: &str, b: &str) -> Result<(), Box<dyn std::error::Error>> {
/// # use rest_client_host::{Config, Host};
/// let instance = Host::new(Config::default())?.instance();
/// let (credit, location) = tokio::join!(
///     instance.rest_get(a).into_future(),
///     instance.rest_get(b).into_future(),
/// );
/// println!("{} {}", credit?.status, location?.status);
/// # Ok(())
/// # }
/// ```
pub struct Instance {
    host: Host,
    tenant: Tenant,
    admission: Arc<Admission>,
    /// Calls that have not ended, whether or not the driver has come to them.
    under_way: AtomicUsize,
    /// Empty before the first call.
    driver: Mutex<Option<mpsc::UnboundedSender<Command>>>,
}

impl Instance {
    pub(crate) fn new(host: Host, pool: Pool) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let config = host.config();
        let admission = Admission::new(config.max_async_transfers, config.at_cap);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Self {
            host,
            tenant: Tenant { id, pool },
            admission,
            under_way: AtomicUsize::new(0),
            driver: Mutex::default(),
        }
    }

    /// Asks with GET; `rest-get` of the WIT package.
    pub fn rest_get(&self, url: &str) -> Request<'_> {
        Request::new(By::Instance(self), "GET", url)
    }

    /// Sends `body` with POST, as a form unless another content type is set;
    /// `rest-post` of the WIT package.
    pub fn rest_post(&self, url: &str, body: impl Into<Vec<u8>>) -> Request<'_> {
        Request::new(By::Instance(self), "POST", url).body(body)
    }

    /// Sends `body` with PUT, as a form unless another content type is set;
    /// `rest-put` of the WIT package.
    pub fn rest_put(&self, url: &str, body: impl Into<Vec<u8>>) -> Request<'_> {
        Request::new(By::Instance(self), "PUT", url).body(body)
    }

    /// Sends any method but CONNECT, without a body unless one is set;
    /// `rest-request` of the WIT package.
    pub fn rest_request(&self, method: &str, url: &str) -> Request<'_> {
        Request::new(By::Instance(self), method, url)
    }

    /// What the instance has done so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.admission.stats()
    }

    /// Whether it waits for a transfer that runs in a blocking manner, and
    /// begins and ends no other call meanwhile.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.admission.is_blocked()
    }

    /// Sets another `max_async_transfers` than the configured one, for this
    /// instance and from now on. Transfers in flight stay so.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Denied`] for a cap under which no call could ever run: 0,
    /// where `at_cap` is not [`crate::AtCap::Block`].
    pub fn set_max_async_transfers(&self, cap: u32) -> Result<(), Error> {
        self.admission
            .at_cap()
            .allows(cap)
            .map_err(|refusal| Error::new(ErrorKind::Denied, refusal))?;
        self.admission.set_cap(cap);
        let driver = self.driver.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(driver) = &*driver {
            // A driver that has ended has nobody waiting.
            let _ = driver.send(Command::CapChanged);
        }
        Ok(())
    }

    /// Calls that are under way or wait, also for the driver to come to them.
    pub(crate) fn load(&self) -> usize {
        self.under_way.load(Ordering::Relaxed)
    }

    pub(crate) async fn run(&self, request: Request<'_>) -> Result<Response, Error> {
        let _under_way = UnderWay::count(&self.under_way);
        let config = self.host.config();
        let shorter = |configured: Duration, asked: Option<Duration>| {
            asked.map_or(configured, |asked| asked.min(configured))
        };
        let call = Arc::new(Call::start(
            shorter(config.connection_timeout, request.connection_timeout),
            shorter(config.transfer_timeout, request.transfer_timeout),
        ));
        let answer = self.ask(&call, request.question, request.begun).await;
        let record = call.record();
        let timings = Timings {
            total: call.started.elapsed(),
            ..record.timings
        };
        match answer {
            Ok(finished) => Ok(response(finished, timings, record.version)),
            Err(error) => Err(error.with_timings(timings)),
        }
    }

    /// Has the guest code a text. The inner error says what is wrong with it.
    pub(crate) async fn code(
        &self,
        coding: Coding,
        text: String,
    ) -> Result<Result<String, String>, Error> {
        let (answer, answered) = oneshot::channel();
        self.command(Command::Code(coding, text, answer));
        answered.await.unwrap_or_else(|_| Err(shut_down()))
    }

    async fn ask(
        &self,
        call: &Arc<Call>,
        question: Question,
        begun: Option<oneshot::Sender<()>>,
    ) -> Answer {
        let (answer, mut answered) = oneshot::channel();
        self.command(Command::Ask(Box::new(Ask {
            question,
            call: call.clone(),
            begun,
            answer,
        })));
        let lost = |_| Err(shut_down());
        // The driver keeps the deadlines of what it has begun, and hands over
        // what had arrived. These are for an instance that is blocked, or whose
        // guest is stuck.
        let begin_by = call.connection_deadline();
        if let Ok(answer) = timeout_at(begin_by, &mut answered).await {
            return answer.unwrap_or_else(lost);
        }
        if call.record().phase == Phase::Start {
            call.record().expired = true;
            return Err(answer::not_begun(call));
        }
        let end_by = call.transfer_deadline() + GRACE;
        match timeout_at(end_by, answered).await {
            Ok(answer) => answer.unwrap_or_else(lost),
            Err(_) => {
                call.record().expired = true;
                Err(answer::not_ended(call))
            }
        }
    }

    /// Tells the driver, and starts one if there is none.
    fn command(&self, command: Command) {
        let mut driver = self.driver.lock().unwrap_or_else(PoisonError::into_inner);
        let command = match &*driver {
            Some(driver) => match driver.send(command) {
                Ok(()) => return,
                // Its runtime was shut down.
                Err(mpsc::error::SendError(command)) => command,
            },
            None => command,
        };
        let started = driver::start(
            self.host.clone(),
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

fn response(finished: Finished, timings: Timings, version: http::Version) -> Response {
    Response {
        status: finished.status,
        content_type: finished.content_type,
        headers: finished.headers,
        body: finished.body,
        timings,
        version: match version {
            http::Version::HTTP_10 => "HTTP/1.0",
            http::Version::HTTP_2 => "HTTP/2",
            _ => "HTTP/1.1",
        },
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::{AtCap, Config},
        sandbox::{Factory, misbehaving::Misdeed},
    };
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpListener, TcpStream},
        time::Instant,
    };

    fn host(misdeed: Misdeed) -> Host {
        let config = Config {
            transfer_timeout: Duration::from_millis(300),
            ..Config::default()
        };
        Host::with(config, || Factory::misbehaving(misdeed)).unwrap()
    }

    #[tokio::test]
    async fn a_guest_that_traps_ends_its_call_with_an_error_and_is_replaced() {
        let instance = host(Misdeed::Trap).instance();
        for replaced in 1..=3 {
            let error = instance.rest_get("http://h/").await.unwrap_err();
            assert_eq!((error.kind(), error.code()), (ErrorKind::Internal, -10));
            assert!(error.to_string().contains("unreachable"), "{error}");
            let stats = instance.stats();
            assert_eq!((stats.replaced, stats.in_flight), (replaced, 0));
        }
    }

    #[tokio::test]
    async fn a_guest_that_spins_ends_at_its_deadline_and_lets_others_work() {
        let instance = host(Misdeed::Spin).instance();
        let started = Instant::now();
        let mut beats = 0;
        let call = instance.rest_get("http://h/").into_future();
        let heart = async {
            loop {
                tokio::time::sleep(Duration::from_millis(20)).await;
                beats += 1;
            }
        };
        let error = tokio::select! {
            outcome = call => outcome.unwrap_err(),
            () = heart => unreachable!("it beats for ever"),
        };
        let elapsed = started.elapsed();
        assert!(error.is_timeout(), "{error}");
        assert!(elapsed >= Duration::from_millis(300), "{elapsed:?}");
        assert!(elapsed < Duration::from_millis(1500), "{elapsed:?}");
        assert!(
            beats >= 3,
            "the only thread of the runtime was held: {beats}"
        );
    }

    #[tokio::test]
    async fn a_guest_that_spins_is_replaced() {
        let instance = host(Misdeed::Spin).instance();
        instance.rest_get("http://h/").await.unwrap_err();
        let deadline = Instant::now() + Duration::from_secs(20);
        while instance.stats().replaced == 0 {
            assert!(Instant::now() < deadline, "it spins still");
            tokio::task::yield_now().await;
        }
        assert_eq!(instance.stats().in_flight, 0);
    }

    /// A server that answers one of its connections when it is told to. The
    /// guests ask it for nothing but `/`.
    struct Service {
        url: String,
        waiting: mpsc::UnboundedReceiver<TcpStream>,
    }

    impl Service {
        async fn start() -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}/", listener.local_addr().unwrap());
            let (sender, waiting) = mpsc::unbounded_channel();
            tokio::spawn(async move {
                while let Ok((mut stream, _)) = listener.accept().await {
                    let sender = sender.clone();
                    tokio::spawn(async move {
                        let mut head = [0; 1024];
                        // The head is smaller than a segment.
                        let length = stream.read(&mut head).await.unwrap_or(0);
                        if head[..length].ends_with(b"\r\n\r\n") {
                            let _ = sender.send(stream);
                        }
                    });
                }
            });
            Self { url, waiting }
        }

        async fn asked(&mut self) -> TcpStream {
            let asked = tokio::time::timeout(Duration::from_secs(20), self.waiting.recv());
            asked.await.expect("a request").unwrap()
        }
    }

    /// Waits until the peer has closed the connection.
    async fn closed(mut stream: TcpStream) {
        let mut byte = [0];
        let end = tokio::time::timeout(Duration::from_secs(20), stream.read(&mut byte));
        // A reset is an end, too.
        assert!(matches!(end.await.expect("an end"), Ok(0) | Err(_)));
    }

    #[tokio::test]
    async fn a_guest_that_traps_with_transfers_open_fails_them_all_and_is_replaced() {
        let mut service = Service::start().await;
        let config = Config::default();
        let host = Host::with(config, || {
            Factory::misbehaving(Misdeed::TrapWithTransfersOpen)
        });
        let instance = Arc::new(host.unwrap().instance());
        for replaced in 1..=2 {
            let mut calls = tokio::task::JoinSet::new();
            for _ in 0..5 {
                let (instance, url) = (instance.clone(), service.url.clone());
                calls.spawn(async move { instance.rest_get(&url).await });
            }
            let mut open = Vec::new();
            for _ in 0..5 {
                open.push(service.asked().await);
            }
            assert_eq!(instance.stats().in_flight, 5);
            // The driver may well read both before the guest hears of one.
            for mut answered in open.split_off(3) {
                let reply = b"HTTP/1.1 204 No Content\r\n\r\n";
                answered.write_all(reply).await.unwrap();
            }
            while let Some(call) = calls.join_next().await {
                let error = call.unwrap().unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Internal);
                assert!(error.to_string().contains("unreachable"), "{error}");
            }
            let stats = instance.stats();
            assert_eq!((stats.replaced, stats.in_flight), (replaced, 0));
            for stream in open {
                closed(stream).await;
            }
        }
    }

    #[tokio::test]
    async fn a_guest_that_drops_transfers_ends_them_and_holds_no_slot() {
        let service = Service::start().await;
        let host = Host::with(
            Config {
                max_async_transfers: 1,
                at_cap: AtCap::Reject,
                ..Config::default()
            },
            || Factory::misbehaving(Misdeed::DropTransfers),
        );
        let instance = host.unwrap().instance();
        for started in 1..=10 {
            let error = instance.rest_get(&service.url).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Internal);
            assert!(!error.is_at_cap(), "{error}");
            let stats = instance.stats();
            assert_eq!((stats.started, stats.in_flight), (started, 0));
            assert_eq!(stats.replaced, 0);
        }
    }
}
