//! One random case: workers with a cap, and the calls they are given.

use proptest::{collection::vec, option, prelude::*};
use rest_client_host::{AtCap, Error, ErrorKind, Host, Response, WorkerPool};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use support::{
    config,
    counting_server::{CountingServer, INSTANCE},
};
use tokio::{sync::Semaphore, task::JoinSet};

/// Of every call.
const TIMEOUT: Duration = Duration::from_millis(300);

/// How late a call may end on a machine that has other things to do.
const SLACK: Duration = Duration::from_secs(3);

/// Calls that are made at a time.
const CALLERS: usize = 64;

/// Workers and their calls.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    cap: u32,
    at_cap: AtCap,
    workers: usize,
    calls: Vec<Call>,
}

#[derive(Debug, Clone, Copy)]
struct Call {
    worker: usize,
    kind: Kind,
    with_body: bool,
    /// Milliseconds after which the caller goes away.
    gives_up: Option<u64>,
}

/// What the service does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Echo,
    Slow(u8),
    Large(u32),
    Reset,
    Cut,
    Stall,
    Half,
}

/// Cases of `calls` calls each.
pub(crate) fn cases(calls: usize) -> impl Strategy<Value = Case> {
    let at_cap = prop_oneof![Just(AtCap::Block), Just(AtCap::Wait), Just(AtCap::Reject)];
    let kind = prop_oneof![
        40 => Just(Kind::Echo),
        30 => (0..20u8).prop_map(Kind::Slow),
        10 => (0..300_000u32).prop_map(Kind::Large),
        6 => Just(Kind::Reset),
        6 => Just(Kind::Cut),
        1 => Just(Kind::Stall),
        1 => Just(Kind::Half),
    ];
    let call = (
        0..3usize,
        kind,
        any::<bool>(),
        option::weighted(0.1, 0..30u64),
    )
        .prop_map(|(worker, kind, with_body, gives_up)| Call {
            worker,
            kind,
            with_body,
            gives_up,
        });
    (0..8u32, at_cap, 1..=3usize, vec(call, calls)).prop_map(|(cap, at_cap, workers, calls)| {
        Case {
            // With a cap of 0, calls would wait for ever, or all be rejected.
            cap: if at_cap == AtCap::Block { cap } else { cap + 1 },
            at_cap,
            workers,
            calls,
        }
    })
}

impl Case {
    /// Makes all calls, and says which invariant did not hold.
    pub(crate) async fn run(&self) -> Result<(), String> {
        let server = Arc::new(CountingServer::start().await);
        let host = Host::new(config!(
            max_async_transfers = self.cap,
            at_cap = self.at_cap,
            connection_timeout = TIMEOUT,
            transfer_timeout = TIMEOUT
        ))
        .map_err(|error| error.to_string())?;
        let pool = Arc::new(WorkerPool::new(&host, self.workers));
        self.make_calls(&server, &pool).await?;

        self.check_peaks(&server)?;
        for (number, call) in self.calls.iter().enumerate() {
            let asked = server.asked(&call.path(number));
            // A call without a body is sent a second time if its kept connection
            // turns out to be closed.
            if asked > if call.with_body { 1 } else { 2 } {
                return Err(format!("call {number}, {call:?}, was made {asked} times"));
            }
        }
        // Calls that were given up last are cleared away by tasks of their own.
        let deadline = Instant::now() + SLACK;
        let is_over = || pool.stats().in_flight == 0 && server.open_now() == 0;
        while !is_over() && Instant::now() < deadline {
            tokio::task::yield_now().await;
        }
        let stats = pool.stats();
        if stats.in_flight != 0 || pool.states().iter().any(|state| state.is_blocked) {
            return Err(format!("slots are held after the load: {stats:?}"));
        }
        if stats.replaced != 0 {
            return Err(format!("a sandbox died: {stats:?}"));
        }
        if server.open_now() != 0 {
            return Err(format!("{} transfers are open still", server.open_now()));
        }
        Ok(())
    }

    async fn make_calls(
        &self,
        server: &Arc<CountingServer>,
        pool: &Arc<WorkerPool>,
    ) -> Result<(), String> {
        let callers = Arc::new(Semaphore::new(CALLERS));
        let mut made = JoinSet::new();
        for (number, call) in self.calls.iter().copied().enumerate() {
            let turn = callers.clone().acquire_owned().await;
            let (server, pool) = (server.clone(), pool.clone());
            made.spawn(async move {
                let _turn = turn;
                call.make(number, &server, &pool).await
            });
        }
        let mut ended = 0;
        while let Some(call) = made.join_next().await {
            call.map_err(|error| error.to_string())??;
            ended += 1;
        }
        if ended != self.calls.len() {
            return Err(format!("{ended} calls ended of {}", self.calls.len()));
        }
        Ok(())
    }

    fn check_peaks(&self, server: &CountingServer) -> Result<(), String> {
        let most = match self.at_cap {
            AtCap::Block => self.cap + 1,
            AtCap::Wait | AtCap::Reject => self.cap,
        };
        for (worker, peak) in server.peaks() {
            if peak > most as usize {
                return Err(format!(
                    "worker {worker} had {peak} transfers open, and may have {most}"
                ));
            }
        }
        Ok(())
    }
}

impl Call {
    fn path(&self, number: usize) -> String {
        match self.kind {
            Kind::Echo => format!("/echo/{number}"),
            Kind::Slow(milliseconds) => format!("/slow/{milliseconds}/{number}"),
            Kind::Large(bytes) => format!("/large/{bytes}/{number}"),
            Kind::Reset => format!("/reset/{number}"),
            Kind::Cut => format!("/cut/{number}"),
            Kind::Stall => format!("/stall/{number}"),
            Kind::Half => format!("/half/{number}"),
        }
    }

    /// Makes the call, and checks what comes of it.
    async fn make(
        self,
        number: usize,
        server: &CountingServer,
        pool: &WorkerPool,
    ) -> Result<(), String> {
        let worker = self.worker % pool.workers().len();
        let path = self.path(number);
        let method = if self.with_body { "POST" } else { "GET" };
        let mut request = pool.workers()[worker]
            .rest_request(method, &server.url(&path))
            .header(INSTANCE, worker.to_string());
        if self.with_body {
            request = request.body(vec![b'x'; number * 7 % 5000]);
        }
        let started = Instant::now();
        let outcome = match self.gives_up {
            None => request.await,
            Some(after) => {
                let after = Duration::from_millis(after);
                match tokio::time::timeout(after, request.into_future()).await {
                    Ok(outcome) => outcome,
                    Err(_) => return Ok(()),
                }
            }
        };
        let elapsed = started.elapsed();
        if elapsed > TIMEOUT + SLACK {
            return Err(format!("call {number}, {self:?}, took {elapsed:?}"));
        }
        if self.allows(&path, &outcome) {
            Ok(())
        } else {
            Err(format!("call {number}, {self:?}, gave {outcome:?}"))
        }
    }

    fn allows(self, path: &str, outcome: &Result<Response, Error>) -> bool {
        let error = match outcome {
            Ok(reply) => {
                return match self.kind {
                    Kind::Echo | Kind::Slow(_) => reply.body() == path.as_bytes(),
                    Kind::Large(bytes) => reply.body().len() == bytes as usize,
                    Kind::Reset | Kind::Cut | Kind::Stall | Kind::Half => false,
                };
            }
            Err(error) => error,
        };
        match error.kind() {
            ErrorKind::ConnectionTimeout | ErrorKind::TransferTimeout | ErrorKind::AtCap => true,
            // Both break off their replies, on new connections and on kept ones.
            ErrorKind::Protocol => matches!(self.kind, Kind::Reset | Kind::Cut),
            _ => false,
        }
    }
}
