//! A transfer to a service: what the operator has set for it, around the exchange
//! with its server.

use super::{
    exchange::Exchange,
    policy::{Pass, Service},
    request_body::Outgoing,
};
use crate::call::{
    Phase,
    failure::{Cause, Failure},
    reply::Reply,
    share::Place,
};
use http::Method;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout_at};

/// Between a failure and the retry: a server that was just replaced is there by then.
const PAUSE: Duration = Duration::from_millis(20);

/// In so much time a service that is there can be connected with: whoever sets less than
/// the operator's limit, but as much as this, has seen enough.
const ENOUGH_TO_CONNECT: Duration = Duration::from_secs(1);

/// Sends a request to `service` that was made by its name, as `exchange` has it.
pub(super) async fn ask(
    service: Service<'_>,
    exchange: Exchange<'_>,
    mut outgoing: Outgoing,
) -> Result<Reply, Failure> {
    let Exchange { call, origin, .. } = exchange;
    if service.is_shown_by(&outgoing.method) {
        return Err(Failure::new(
            Cause::Denied,
            "TRACE makes a server echo the request, and with it the credentials of the service",
        ));
    }
    let shorter = service.connection_timeout();
    let exchange = Exchange {
        origin: service.origin(),
        connect_timeout: shorter.map_or(exchange.connect_timeout, |timeout| {
            timeout.min(exchange.connect_timeout)
        }),
        deadline: call.asking_service(service.transfer_timeout()),
        ..exchange
    };
    let replied = match place(service, exchange).await {
        Ok(_place) => {
            service.address(&mut outgoing.uri, &mut outgoing.headers);
            with_retries(service, exchange, &outgoing).await
        }
        Err(failure) => Err(failure),
    };
    match replied {
        Ok(mut reply) => {
            service.rename(origin, &mut reply.head.headers);
            Ok(reply)
        }
        Err(failure) => Err(told(service, exchange, failure)),
    }
}

/// A place among the requests that the service has in flight.
async fn place(service: Service<'_>, exchange: Exchange<'_>) -> Result<Option<Place>, Failure> {
    let Some(share) = service.share() else {
        return Ok(None);
    };
    if let Some(place) = share.try_take() {
        return Ok(Some(place));
    }
    if exchange.rejects_at_cap() {
        return Err(Failure::new(
            Cause::AtCap,
            format!(
                "max-async-transfers of the service, {}, are in flight",
                share.most()
            ),
        ));
    }
    exchange.call.enter(Phase::Service);
    timeout_at(exchange.deadline, share.take())
        .await
        .map(Some)
        .map_err(|_| exchange.call.out_of_time())
}

async fn with_retries(
    service: Service<'_>,
    exchange: Exchange<'_>,
    outgoing: &Outgoing,
) -> Result<Reply, Failure> {
    let budget = service.retry_budget();
    let mut left = service.retries();
    let mut pass = service.pass()?;
    budget.add_request();
    loop {
        let began = Instant::now();
        let replied = exchange.complete(outgoing).await;
        let is_for_plugin = exchange.call.is_for_plugin();
        judge(pass, &replied, is_for_plugin, |cause| {
            let half = exchange.time_for(cause, service) / 2;
            let enough = match cause {
                Cause::ConnectionTimeout => half.min(ENOUGH_TO_CONNECT),
                _ => half,
            };
            began.elapsed() >= enough
        });
        let failure = match replied {
            Ok(reply) => return Ok(reply),
            Err(failure) => failure,
        };
        let then = Instant::now() + PAUSE;
        if left == 0
            || !may_retry(&failure, outgoing)
            || then >= exchange.deadline
            || !budget.take()
        {
            return Err(failure);
        }
        left -= 1;
        tracing::debug!(
            service = service.name(),
            reason = failure.sentence,
            "a request is sent once more"
        );
        sleep_until(then).await;
        pass = match service.pass() {
            Ok(pass) => pass,
            // Others have failed meanwhile.
            Err(_) => return Err(failure),
        };
    }
}

/// Whether it was never on a connection, or may be repeated (RFC 9110, section 9.2.1).
fn may_retry(failure: &Failure, outgoing: &Outgoing) -> bool {
    let is_safe = matches!(
        outgoing.method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE
    );
    match failure.cause {
        Cause::Refused | Cause::ConnectionTimeout | Cause::Dns => true,
        Cause::Incomplete => is_safe,
        _ => false,
    }
}

/// Says what a request has shown of its service. One that ran out of time has shown
/// nothing unless it `had_time`: a caller may set as little as it likes. Nor has a server
/// that breaks off where a plugin asks: what the plugin has sent may be the reason, and
/// the service is not to be closed to others for it.
fn judge(
    pass: Option<Pass<'_>>,
    replied: &Result<Reply, Failure>,
    is_for_plugin: bool,
    had_time: impl Fn(Cause) -> bool,
) {
    let Some(pass) = pass else {
        return;
    };
    let failed = |pass: Pass<'_>| pass.failed(Instant::now().into_std());
    let cause = match replied {
        Ok(Reply { cut: None, .. }) => return pass.answered(),
        Ok(Reply { cut: Some(cut), .. }) => cut.cause,
        Err(failure) => failure.cause,
    };
    match cause {
        Cause::TooLarge(_) => pass.answered(),
        Cause::ConnectionTimeout | Cause::TransferTimeout if had_time(cause) => failed(pass),
        Cause::Refused | Cause::Dns | Cause::Tls | Cause::Certificate => failed(pass),
        Cause::Incomplete | Cause::Protocol if !is_for_plugin => failed(pass),
        // What we lack says nothing of the service either.
        _ => {}
    }
}

/// What whoever asks is told of a failure. A plugin is not to know where the service
/// is, nor what it shows of itself.
fn told(service: Service<'_>, exchange: Exchange<'_>, failure: Failure) -> Failure {
    let Failure {
        cause, sentence, ..
    } = &failure;
    tracing::debug!(
        service = service.name(),
        origin = %service.origin(),
        ?cause,
        "a request to a service failed: {sentence}"
    );
    if !exchange.call.is_for_plugin() {
        return failure;
    }
    let what = match cause {
        Cause::Refused => {
            "the service can't be reached, or is not tried for a while after it failed repeatedly"
        }
        Cause::Dns => "the host of the service has no address",
        Cause::Tls | Cause::Certificate => "TLS with the service failed",
        Cause::Incomplete => "the connection ended before the reply was complete",
        Cause::Protocol => "the reply breaks HTTP",
        Cause::NoDescriptors => "the host can open no further connection",
        // These say nothing but what the parameters are.
        _ => return failure,
    };
    Failure::new(*cause, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn what_a_service_may_have_seen_is_sent_once_more_if_it_is_safe() {
        let outgoing = |method| Outgoing {
            method,
            uri: "http://h/".parse().unwrap(),
            headers: http::HeaderMap::new(),
            body: Bytes::new(),
        };
        for (cause, get, post) in [
            (Cause::Refused, true, true),
            (Cause::ConnectionTimeout, true, true),
            (Cause::Incomplete, true, false),
            (Cause::TransferTimeout, false, false),
            (Cause::Protocol, false, false),
            (Cause::Denied, false, false),
        ] {
            let failure = Failure::new(cause, "");
            assert_eq!(
                may_retry(&failure, &outgoing(Method::GET)),
                get,
                "{cause:?}"
            );
            assert_eq!(
                may_retry(&failure, &outgoing(Method::POST)),
                post,
                "{cause:?}"
            );
        }
    }
}
