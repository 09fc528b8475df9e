//! One transfer: a request out and a reply in, under the deadlines of its call.

use super::{
    connect::Connector,
    connect_lock::{ConnectLocks, InstanceId},
    connection::{self, Connection},
    errors,
    pool::Pool,
    send::{Unanswered, send},
};
use crate::{
    call::{
        Call, Phase,
        failure::{Cause, Failure},
        origin::Origin,
        reply::Reply,
    },
    config::{Config, ConfigError, HttpVersion},
};
use http::{Request, Response};
use http_body::Body as _;
use hyper::body::Incoming;
use std::{sync::Arc, time::Duration};
use tokio::{
    task::yield_now,
    time::{Instant, timeout_at},
};
use wasmtime_wasi_http::WasiBody;

/// Bytes that are allocated at once for a body which announces as many; beyond
/// that the buffer grows as data arrives.
const MAX_PREALLOCATION: usize = 1 << 20;

/// Frames of a body that are read before others have their turn: a server may
/// be faster than this reads, and its body without end.
const FRAMES_AT_A_STRETCH: usize = 16;

/// Whom a transfer is for.
#[derive(Clone)]
pub(crate) struct Tenant {
    id: InstanceId,
    pool: Pool,
}

impl Tenant {
    /// The instance `id`, which keeps its connections in `pool`.
    pub(crate) fn new(id: InstanceId, pool: Pool) -> Self {
        Self { id, pool }
    }
}

/// What transfers of all instances of a host have in common.
#[derive(Debug)]
pub(crate) struct Transport {
    connector: Connector,
    /// Empty where instances may connect as they like.
    connect_locks: Option<ConnectLocks>,
    version: HttpVersion,
    expect_100: bool,
    /// Bytes; `u64::MAX` is no limit.
    max_transfer_size: u64,
}

impl Transport {
    /// # Errors
    ///
    /// What the TLS policy refuses.
    pub(crate) fn new(config: &Config) -> Result<Self, ConfigError> {
        Ok(Self {
            connector: Connector::new(config)?,
            connect_locks: config
                .no_concurrent_connects
                .then(|| ConnectLocks::new(config.conn_lifetime)),
            version: config.http_version,
            expect_100: config.enable_expect_100,
            max_transfer_size: match config.max_transfer_size {
                0 => u64::MAX,
                limit => limit,
            },
        })
    }

    /// Sends `request` and gathers its reply, until the deadline of `call`.
    /// Dropping the future closes the connection. `connect_timeout` is the
    /// guest's own, from now, and may only shorten.
    pub(crate) async fn transfer(
        self: Arc<Self>,
        tenant: Tenant,
        call: Arc<Call>,
        request: Box<Request<WasiBody>>,
        connect_timeout: Option<Duration>,
    ) -> Result<Reply, Failure> {
        let connect_by = match connect_timeout {
            Some(timeout) => call.connection_deadline().min(Instant::now() + timeout),
            None => call.connection_deadline(),
        };
        let origin = Origin::of(request.uri())?;
        let mut gathered = None;
        let exchange = Exchange {
            transport: &self,
            tenant: &tenant,
            call: &call,
            origin: &origin,
            connect_by,
        };
        let outcome = timeout_at(
            call.transfer_deadline(),
            exchange.run(request, &mut gathered),
        )
        .await;
        let failure = match (outcome, gathered) {
            (Ok(Ok(())), Some(reply)) => return Ok(reply),
            (Ok(Err(failure)), _) => failure,
            (_, gathered) => {
                let failure = call.transfer_timed_out();
                call.fail(&origin, &failure);
                if let Some(reply) = gathered {
                    let cut = Some(failure);
                    return Ok(Reply { cut, ..reply });
                }
                failure
            }
        };
        call.fail(&origin, &failure);
        Err(failure)
    }
}

/// A transfer on its way.
struct Exchange<'a> {
    transport: &'a Transport,
    tenant: &'a Tenant,
    call: &'a Call,
    origin: &'a Origin,
    connect_by: Instant,
}

impl Exchange<'_> {
    /// What has arrived is in `gathered`, also if this is dropped.
    async fn run(
        &self,
        request: Box<Request<WasiBody>>,
        gathered: &mut Option<Reply>,
    ) -> Result<(), Failure> {
        let (mut connection, reply) = self.answer(request).await?;
        let (head, mut incoming) = reply.into_parts();
        self.call.enter(Phase::Body);
        self.call.record().version = head.version;
        tracing::debug!(origin = %self.origin, status = %head.status, version = ?head.version, "the service answers");

        let limit = self.transport.max_transfer_size;
        let announced = incoming.size_hint().lower();
        if announced > limit {
            return Err(too_large(limit));
        }
        let capacity = usize::try_from(announced).map_or(MAX_PREALLOCATION, |announced| {
            announced.min(MAX_PREALLOCATION)
        });
        let reply = gathered.insert(Reply {
            head,
            body: Vec::with_capacity(capacity),
            cut: None,
        });
        let mut frames = 0;
        while let Some(frame) = connection.frame(&mut incoming).await {
            let frame = frame.map_err(errors::exchanging)?;
            if let Some(data) = frame.data_ref() {
                if (reply.body.len() + data.len()) as u64 > limit {
                    return Err(too_large(limit));
                }
                reply.body.extend_from_slice(data);
            }
            frames += 1;
            if frames % FRAMES_AT_A_STRETCH == 0 {
                yield_now().await;
            }
        }
        if let Connection::Http1(http1) = connection {
            self.tenant.pool.give_back(self.origin, http1);
        }
        Ok(())
    }

    async fn answer(
        &self,
        mut request: Box<Request<WasiBody>>,
    ) -> Result<(Connection, Response<Incoming>), Failure> {
        let origin = self.origin;
        let mut attempt = Attempt::first();
        loop {
            let kept = match attempt.reuse {
                true => self.tenant.pool.take(origin),
                false => None,
            };
            let reused = kept.is_some();
            let mut connection = match kept {
                Some(connection) => connection,
                // Apart, since it is large and rare.
                None => Box::pin(self.connect()).await?,
            };
            self.call.enter(Phase::Head);
            tracing::debug!(%origin, method = %request.method(), reused, "a request is sent");
            let expect = self.transport.expect_100 && attempt.expect;
            match send(&mut connection, request, self.transport.version, expect).await {
                Ok(reply) => return Ok((connection, reply)),
                Err(Unanswered::Refused(again)) => {
                    tracing::debug!(%origin, "the server refuses Expect, the request is sent without");
                    request = again;
                    attempt.expect = false;
                }
                Err(Unanswered::Failed {
                    again: Some(again), ..
                }) if reused => {
                    tracing::debug!(%origin, "a kept connection had been closed, the request is sent again");
                    request = again;
                }
                Err(Unanswered::Failed { failure, .. }) => return Err(failure),
            }
            attempt.reuse = false;
        }
    }

    async fn connect(&self) -> Result<Connection, Failure> {
        match timeout_at(self.connect_by, self.connect_in_turn()).await {
            Ok(connected) => connected,
            Err(_) => {
                let timeout = self.connect_by - self.call.started;
                Err(self.call.connection_timed_out(timeout))
            }
        }
    }

    async fn connect_in_turn(&self) -> Result<Connection, Failure> {
        let Self {
            transport,
            tenant,
            call,
            origin,
            ..
        } = *self;
        // Many transfers to a server of HTTP/2 share one connection, which the
        // first of them makes while the others wait for it.
        let _turn = if transport.connector.may_speak_http2(origin) {
            call.enter(Phase::Turn);
            let turn = tenant.pool.turn(origin).await;
            if let Some(shared) = tenant.pool.take(origin) {
                return Ok(shared);
            }
            turn
        } else {
            None
        };
        let _lock = match &transport.connect_locks {
            Some(locks) => locks.acquire(origin, tenant.id)?,
            None => None,
        };
        let link = transport.connector.connect(origin, call).await?;
        let live = transport
            .connect_locks
            .as_ref()
            .map(|locks| locks.connected(origin, tenant.id));
        let spoken = if link.http2 {
            connection::http2(link.stream, live)
                .await
                .map(Connection::Http2)
        } else {
            connection::http1(link.stream, link.proxy, live)
                .await
                .map(Connection::Http1)
        };
        let connection = spoken.map_err(errors::exchanging)?;
        tenant.pool.meet(origin, &connection);
        Ok(connection)
    }
}

/// What is left to try.
struct Attempt {
    /// A kept connection; a second try has a new one.
    reuse: bool,
    /// To ask before a large body is sent.
    expect: bool,
}

impl Attempt {
    fn first() -> Self {
        Self {
            reuse: true,
            expect: true,
        }
    }
}

fn too_large(limit: u64) -> Failure {
    Failure::new(
        Cause::TooLarge(limit),
        format!("the body of the reply is larger than max-transfer-size, {limit} bytes"),
    )
}
