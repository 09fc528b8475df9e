//! A request on its connection, and the reply to it, within a time.

use super::{
    connect::{Connector, Link, Way},
    connect_lock::{ConnectLocks, LiveConnection},
    connection::{self, Connection, Http2},
    early_reply::EarlyReply,
    errors,
    head::HeadRules,
    keep_alive,
    policy::{Grant, Peer, Service},
    pool::Turn,
    request_body::Outgoing,
    send::{Again, Unanswered, send},
    tenant::Tenant,
    turn::Place,
    upload::Upload,
};
use crate::{
    call::{
        Call, Phase,
        failure::{Cause, Failure},
        origin::Origin,
        reply::Reply,
    },
    config::{AtCap, Config, ConfigError, HttpVersion},
};
use http::{Method, Response, StatusCode};
use http_body::Body as _;
use hyper::body::Incoming;
use std::time::Duration;
use tokio::{
    task::yield_now,
    time::{Instant, sleep, timeout_at},
};

/// Frames of a body that are read before others have their turn: a server may
/// be faster than this reads, and its body without end.
const FRAMES_AT_A_STRETCH: usize = 16;

/// Attempts to have a request answered where the server has processed none of
/// those before.
const MAX_ATTEMPTS: u32 = 4;

/// What connections without use take to be closed, where there is no room for a
/// new one.
const ROOM_DELAY: Duration = Duration::from_millis(10);

/// What transfers of all instances of a host have in common.
#[derive(Debug)]
pub(crate) struct Transport {
    connector: Connector,
    /// Empty where instances may connect as they like.
    connect_locks: Option<ConnectLocks>,
    version: HttpVersion,
    expect_100: bool,
    head_rules: HeadRules,
    /// Bytes; `u64::MAX` is no limit.
    max_transfer_size: u64,
    at_cap: AtCap,
    /// What calls have that ask for no less.
    connection_timeout: Duration,
    transfer_timeout: Duration,
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
            head_rules: HeadRules::new(config),
            max_transfer_size: match config.max_transfer_size {
                0 => u64::MAX,
                limit => limit,
            },
            at_cap: config.at_cap,
            connection_timeout: config.connection_timeout,
            transfer_timeout: config.transfer_timeout,
        })
    }
}

/// How far a transfer has come, whether or not it is dropped there.
#[derive(Default)]
struct Progress {
    /// What has arrived of the reply.
    gathered: Option<Reply>,
    /// The connection of HTTP/2 on which its head is awaited.
    awaited_on: Option<Http2>,
}

/// A transfer on its way.
#[derive(Clone, Copy)]
pub(super) struct Exchange<'a> {
    pub(super) transport: &'a Transport,
    pub(super) tenant: &'a Tenant,
    pub(super) call: &'a Call,
    /// Of the server.
    pub(super) origin: &'a Origin,
    /// Where it may connect to.
    pub(super) grant: &'a Grant,
    pub(super) connect_timeout: Duration,
    pub(super) deadline: Instant,
}

impl Exchange<'_> {
    /// Sends a request and gathers its reply, until the deadline.
    pub(super) async fn complete(&self, outgoing: &Outgoing) -> Result<Reply, Failure> {
        let mut progress = Progress::default();
        let outcome = timeout_at(self.deadline, self.run(outgoing, &mut progress)).await;
        match (outcome, progress.gathered) {
            (Ok(Ok(())), Some(reply)) => Ok(reply),
            (Ok(Err(failure)), _) => Err(failure),
            (_, gathered) => {
                if let Some(http2) = &progress.awaited_on
                    && http2.may_be_dead()
                {
                    self.tenant.pool.forget(self.origin, http2);
                }
                let failure = self.call.out_of_time();
                match gathered {
                    Some(reply) => Ok(Reply {
                        cut: Some(failure),
                        ..reply
                    }),
                    None => Err(failure),
                }
            }
        }
    }

    /// The time that the operator gives `service`, to be connected with or for all of a
    /// transfer.
    pub(super) fn time_for(&self, cause: Cause, service: Service<'_>) -> Duration {
        let (of_service, of_all) = match cause {
            Cause::ConnectionTimeout => (
                service.connection_timeout(),
                self.transport.connection_timeout,
            ),
            _ => (service.transfer_timeout(), self.transport.transfer_timeout),
        };
        of_service.map_or(of_all, |it| it.min(of_all))
    }

    /// Whether it may go over a connection that another has made.
    fn admits(&self, peer: &Peer) -> bool {
        let is_for_plugin = self.call.is_for_plugin();
        self.tenant.policy().admits(self.grant, peer, is_for_plugin)
    }

    /// Whether it fails at once where a cap is met that is not the instance's own.
    pub(super) fn rejects_at_cap(&self) -> bool {
        self.transport.at_cap == AtCap::Reject
    }

    async fn run(&self, outgoing: &Outgoing, progress: &mut Progress) -> Result<(), Failure> {
        let is_head = outgoing.method == Method::HEAD;
        let (connection, reply, _early) = self.answer(outgoing, progress).await?;
        self.gather(connection, reply, is_head, progress).await
    }

    /// Takes a reply from its connection, which is kept if it can serve again.
    async fn gather(
        &self,
        mut connection: Connection,
        reply: Response<Incoming>,
        is_head: bool,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let (head, mut incoming) = reply.into_parts();
        self.call.reply_begins(&head);
        tracing::debug!(origin = %self.origin, status = %head.status, version = ?head.version, "the service answers");
        self.transport.head_rules.check(is_head, &head)?;

        let limit = self.transport.max_transfer_size;
        // These have no body, whatever length they announce (RFC 9110, section
        // 6.4.1).
        let is_bodiless = is_head || head.status == StatusCode::NOT_MODIFIED;
        let announced = match is_bodiless {
            true => 0,
            false => incoming.size_hint().lower(),
        };
        if announced > limit {
            return Err(too_large(limit));
        }
        let keep = keep_alive::announced(&head.headers);
        let budget = self.call.budget.as_ref();
        let reply = progress
            .gathered
            .insert(Reply::begin(head, announced, budget)?);
        let mut frames = 0;
        while let Some(frame) = connection.frame(&mut incoming).await {
            let frame = frame.map_err(|error| connection.failure(error))?;
            if let Some(data) = frame.data_ref() {
                if (reply.body.len() + data.len()) as u64 > limit {
                    return Err(too_large(limit));
                }
                reply.body.push(data)?;
            }
            frames += 1;
            if frames % FRAMES_AT_A_STRETCH == 0 {
                yield_now().await;
            }
        }
        match connection {
            Connection::Http1(http1) => self.tenant.pool.give_back(self.origin, http1, keep),
            // hyper takes a reset without an error for the end. A body is complete
            // by its own framing alone.
            Connection::Http2(_) if !incoming.is_end_stream() => {
                return Err(Failure::new(
                    Cause::Incomplete,
                    "the server reset the stream before the reply was complete (NO_ERROR)",
                ));
            }
            Connection::Http2(_) => {}
        }
        Ok(())
    }

    async fn answer(
        &self,
        outgoing: &Outgoing,
        progress: &mut Progress,
    ) -> Result<(Connection, Response<Incoming>, Option<EarlyReply>), Failure> {
        let Self {
            transport,
            tenant,
            call,
            origin,
            ..
        } = *self;
        let mut expect = transport.expect_100;
        let not_to_be_lost = !outgoing.may_repeat();
        let admits = |peer: &Peer| self.admits(peer);
        // The timer is not asked before the first poll, and a server may be faster.
        let is_in_time = || Instant::now() < self.deadline;
        let mut kept = match is_in_time() {
            true => tenant.pool.take(origin, not_to_be_lost, admits).await,
            // It is left to whoever has time.
            false => None,
        };
        for attempt in 1.. {
            let (mut connection, is_reused) = match kept.take() {
                Some(connection) => (connection, true),
                None => {
                    // Apart, since it is large and rare.
                    let connected = Box::pin(self.connect(not_to_be_lost)).await?;
                    if !is_in_time() {
                        return Err(call.out_of_time());
                    }
                    connected
                }
            };
            call.enter(Phase::Head);
            tracing::debug!(%origin, method = %outgoing.method, is_reused, "a request is sent");
            progress.awaited_on = match &connection {
                Connection::Http1(_) => None,
                Connection::Http2(http2) => Some(http2.clone()),
            };
            let upload = match &connection {
                Connection::Http1(_) => None,
                Connection::Http2(_) => Upload::of(&outgoing.body),
            };
            let version = transport.version;
            let sent = send(&mut connection, outgoing, upload.as_ref(), version, expect).await;
            let http2 = progress.awaited_on.take();
            let (mut failure, again) = match sent {
                Ok(reply) => {
                    let early = http2.zip(upload).map(|(http2, upload)| EarlyReply {
                        upload,
                        pool: tenant.pool.clone(),
                        origin: origin.clone(),
                        http2,
                    });
                    return Ok((connection, reply, early));
                }
                Err(Unanswered::ExpectationFailed) => {
                    expect = false;
                    continue;
                }
                Err(Unanswered::Failed { failure, again }) => (failure, again),
            };
            if let Connection::Http1(http1) = &connection
                && let Some(since) = http1.kept_since()
                && failure.cause == Cause::Incomplete
            {
                tenant.pool.was_lost(origin, since);
            }
            let may_repeat = match again {
                Again::Never => false,
                Again::IfReused => is_reused,
                Again::Elsewhere | Again::Anywhere => true,
            };
            if again != Again::Anywhere
                && let Some(http2) = &http2
            {
                tenant.pool.forget(origin, http2);
            }
            if !may_repeat || attempt >= MAX_ATTEMPTS {
                if http2.is_some()
                    && !is_reused
                    && transport.version == HttpVersion::Http2PriorKnowledge
                {
                    // A server of HTTP/1 answers with what is no frame, or ends
                    // the connection.
                    failure.sentence += "; does the server speak HTTP/2 without being asked?";
                }
                return Err(failure);
            }
            tracing::debug!(%origin, reason = failure.sentence, "the request is sent again");
        }
        unreachable!("the last attempt returns")
    }

    /// Sends a request over a `link` that was made elsewhere, once, and gathers its
    /// reply.
    #[cfg(feature = "fuzzing")]
    pub(super) async fn over(&self, link: Link, outgoing: &Outgoing) -> Result<Reply, Failure> {
        let transport = self.transport;
        let mut connection = speak(link, None, transport.head_rules).await?;
        let is_head = outgoing.method == Method::HEAD;
        let sent = send(&mut connection, outgoing, None, transport.version, false).await;
        let reply = match sent {
            Ok(reply) => reply,
            Err(Unanswered::Failed { failure, .. }) => return Err(failure),
            Err(Unanswered::ExpectationFailed) => unreachable!("nothing is expected"),
        };
        let mut progress = Progress::default();
        self.gather(connection, reply, is_head, &mut progress)
            .await?;
        Ok(progress.gathered.expect("what was gathered"))
    }

    /// A connection, and whether others use it already.
    async fn connect(&self, not_to_be_lost: bool) -> Result<(Connection, bool), Failure> {
        let timeout = self.connect_timeout;
        let until = self.call.connecting(timeout);
        let connected = match Instant::now() < until {
            true => timeout_at(until, self.connect_in_turn(not_to_be_lost))
                .await
                .ok(),
            false => None,
        };
        // Where its time has passed, that is why the call ended, also for who looks later.
        let connected = connected.ok_or_else(|| self.call.connection_timed_out(timeout))?;
        self.call.connected();
        connected
    }

    /// As [`connect`](Self::connect), without end.
    async fn connect_in_turn(&self, not_to_be_lost: bool) -> Result<(Connection, bool), Failure> {
        let Self {
            transport,
            tenant: Tenant { id, pool, .. },
            call,
            origin,
            ..
        } = *self;
        let locks = &transport.connect_locks;
        let lock = || match locks {
            Some(locks) => locks.acquire(origin, *id),
            None => Ok(None),
        };
        let admits = |peer: &Peer| self.admits(peer);
        // Many transfers to a server of HTTP/2 share one connection.
        let turn = if transport.connector.may_speak_http2(origin) {
            call.enter(Phase::Turn);
            pool.turn(origin, not_to_be_lost, admits, lock).await?
        } else {
            Turn::Connect(None, lock()?)
        };
        match turn {
            Turn::Share(shared) => Ok((shared, true)),
            Turn::Connect(None, _lock) => self.connect_now(None).await,
            // Another's handshake may be done first.
            Turn::Connect(Some(place), _lock) => tokio::select! {
                connected = self.connect_now(Some(&place)) => connected,
                shared = place.shared(|| pool.share(origin, admits)) => Ok((shared, true)),
            },
        }
    }

    /// Connects, and says in `place` what the server speaks.
    async fn connect_now(&self, place: Option<&Place>) -> Result<(Connection, bool), Failure> {
        let Self {
            transport,
            tenant: Tenant { id, pool, .. },
            call,
            origin,
            ..
        } = *self;
        let way = Way {
            origin,
            grant: self.grant,
            policy: self.tenant.policy(),
            sessions: pool.tls_sessions(),
        };
        let link = match transport.connector.connect(&way, call).await {
            Err(failure) if failure.cause == Cause::NoDescriptors && pool.make_room() => {
                // Connections of HTTP/2 are closed by tasks of their own.
                sleep(ROOM_DELAY).await;
                transport.connector.connect(&way, call).await?
            }
            connected => connected?,
        };
        if let Some(place) = place
            && !link.http2
        {
            place.met_http1();
        }
        let live = transport
            .connect_locks
            .as_ref()
            .map(|locks| locks.connected(origin, *id));
        let is_http2 = link.http2;
        let connection = speak(link, live, transport.head_rules).await?;
        pool.meet(origin, &connection);
        if let Some(place) = place
            && is_http2
        {
            place.met_http2();
        }
        Ok((connection, false))
    }
}

/// Speaks over `link` what is to be spoken there.
async fn speak(
    link: Link,
    live: Option<LiveConnection>,
    rules: HeadRules,
) -> Result<Connection, Failure> {
    let spoken = match link.http2 {
        true => connection::http2(link, live, rules)
            .await
            .map(Connection::Http2),
        false => connection::http1(link, live, rules)
            .await
            .map(Connection::Http1),
    };
    spoken.map_err(errors::exchanging)
}

fn too_large(limit: u64) -> Failure {
    Failure::new(
        Cause::TooLarge(limit),
        format!("the body of the reply is larger than max-transfer-size, {limit} bytes"),
    )
}
