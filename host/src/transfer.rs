//! One transfer: a request out and a reply in, under the deadlines of its call.

use crate::{
    call::{Call, Phase},
    config::{Config, ConfigError, HttpVersion},
    connect::{Connection, Connector},
    connect_lock::ConnectLocks,
    failure::{Cause, Failure},
    origin::Origin,
    pool::Pool,
    reply_body::ReplyBody,
    send::{Unanswered, send},
};
use http::{Request, Response};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, timeout_at};
use wasmtime_wasi_http::{Error as WasiError, WasiBody};

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
            connect_locks: config.no_concurrent_connects.then(ConnectLocks::default),
            version: config.http_version,
            expect_100: config.enable_expect_100,
            max_transfer_size: match config.max_transfer_size {
                0 => u64::MAX,
                limit => limit,
            },
        })
    }

    /// Sends `request`. The reply's head is here when this returns; its body
    /// comes under the same deadline and counts to the size limit. Dropping
    /// either ends the transfer. `connect_timeout` is the guest's own, from now,
    /// and may only shorten.
    pub(crate) async fn transfer(
        &self,
        pool: &Pool,
        call: Arc<Call>,
        request: Request<WasiBody>,
        connect_timeout: Option<Duration>,
    ) -> Result<Response<WasiBody>, WasiError> {
        let connect_by = match connect_timeout {
            Some(timeout) => call.connection_deadline().min(Instant::now() + timeout),
            None => call.connection_deadline(),
        };
        let origin = match Origin::of(request.uri()) {
            Ok(origin) => origin,
            Err(failure) => return Err(failure.to_wasi()),
        };
        self.exchange(pool, &call, &origin, request, connect_by)
            .await
            .map_err(|failure| fail(&call, &origin, failure))
    }

    async fn exchange(
        &self,
        pool: &Pool,
        call: &Arc<Call>,
        origin: &Origin,
        mut request: Request<WasiBody>,
        connect_by: Instant,
    ) -> Result<Response<WasiBody>, Failure> {
        let mut attempt = Attempt::first();
        let answer = loop {
            let kept = match attempt.reuse {
                true => pool.take(origin),
                false => None,
            };
            let reused = kept.is_some();
            let connection = match kept {
                Some(connection) => connection,
                None => self.connect(origin, call, connect_by).await?,
            };
            call.enter(Phase::Head);
            tracing::debug!(%origin, method = %request.method(), reused, "a request is sent");
            let expect = self.expect_100 && attempt.expect;
            let sent = send(connection, request, self.version, expect);
            match timeout_at(call.transfer_deadline(), sent).await {
                Err(_) => return Err(transfer_timeout(call)),
                Ok(Ok(answer)) => break answer,
                Ok(Err(Unanswered::Refused(again))) => {
                    tracing::debug!(%origin, "the server refuses Expect, the request is sent without");
                    request = *again;
                    attempt.expect = false;
                }
                Ok(Err(Unanswered::Failed {
                    again: Some(again), ..
                })) if reused => {
                    tracing::debug!(%origin, "a kept connection had been closed, the request is sent again");
                    request = *again;
                }
                Ok(Err(Unanswered::Failed { failure, .. })) => return Err(failure),
            }
            attempt.reuse = false;
        };

        call.enter(Phase::Body);
        call.record().version = answer.reply.version();
        tracing::debug!(%origin, status = %answer.reply.status(), version = ?answer.reply.version(), "the service answers");
        ReplyBody::wrap(answer, pool, origin, call, self.max_transfer_size)
    }

    async fn connect(
        &self,
        origin: &Origin,
        call: &Call,
        by: Instant,
    ) -> Result<Connection, Failure> {
        let _lock = match &self.connect_locks {
            Some(locks) => Some(locks.acquire(origin)?),
            None => None,
        };
        let connecting = self.connector.connect(origin, call);
        match timeout_at(by, connecting).await {
            Ok(connected) => connected,
            Err(_) => Err(Failure::new(
                Cause::ConnectionTimeout,
                format!(
                    "connection-timeout, {:?}, passed while {}",
                    by - call.started,
                    call.record().phase.as_str()
                ),
            )),
        }
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

/// Keeps why a call failed for those who will be told.
pub(crate) fn fail(call: &Call, origin: &Origin, failure: Failure) -> WasiError {
    let error = failure.to_wasi();
    tracing::debug!(%origin, cause = ?failure.cause, "transfer failed: {}", failure.sentence);
    call.record().failure = Some((origin.to_string(), failure));
    error
}

pub(crate) fn transfer_timeout(call: &Call) -> Failure {
    Failure::new(
        Cause::TransferTimeout,
        format!(
            "transfer-timeout, {:?}, passed while {}",
            call.transfer_timeout,
            call.record().phase.as_str()
        ),
    )
}

pub(crate) fn too_large(limit: u64) -> Failure {
    Failure::new(
        Cause::TooLarge(limit),
        format!("the body of the reply is larger than max-transfer-size, {limit} bytes"),
    )
}
