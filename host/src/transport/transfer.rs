//! One transfer: a request out and a reply in, by the way that the policy has for it,
//! under the deadlines of its call.

use super::{
    exchange::{Exchange, Transport},
    policy::{Grant, Route},
    request_body::Outgoing,
    service_transfer,
    tenant::Tenant,
};
use crate::call::{
    Call,
    failure::{Cause, Failure},
    origin::Origin,
    reply::Reply,
};
use http::Request;
use std::{sync::Arc, time::Duration};
use tokio::time::timeout_at;
use wasmtime_wasi_http::WasiBody;

impl Transport {
    /// Sends `request` and gathers its reply, until the deadline of `call`.
    /// Dropping the future closes the connection. `connect_timeout` is the
    /// guest's own, and may only shorten.
    pub(crate) async fn transfer(
        self: Arc<Self>,
        tenant: Tenant,
        call: Arc<Call>,
        request: Box<Request<WasiBody>>,
        connect_timeout: Option<Duration>,
    ) -> Result<Reply, Failure> {
        call.no_reply_yet();
        let asked = Origin::of(request.uri())?;
        let exchange = Exchange {
            transport: &self,
            tenant: &tenant,
            call: &call,
            origin: &asked,
            grant: &Grant::Everything,
            connect_timeout: connect_timeout.map_or(call.connection_timeout, |it| {
                it.min(call.connection_timeout)
            }),
            deadline: call.transfer_deadline(),
        };
        let replied = by_its_way(exchange, request).await;
        let failure = match &replied {
            Ok(reply) => reply.cut.as_ref(),
            Err(failure) => Some(failure),
        };
        if let Some(failure) = failure {
            if failure.cause == Cause::Denied {
                tenant.policy().refused(&asked, failure);
            }
            call.fail(&asked, failure);
        }
        replied
    }
}

/// Makes `exchange` with the server that the policy has for its origin.
async fn by_its_way(
    exchange: Exchange<'_>,
    request: Box<Request<WasiBody>>,
) -> Result<Reply, Failure> {
    let Exchange {
        tenant,
        call,
        origin,
        ..
    } = exchange;
    let route = tenant
        .policy()
        .route(origin, request.method(), call.is_for_plugin())?;
    let service = match &route {
        Route::Server(_) => None,
        Route::Service(service) => Some(service.number()),
    };
    // It would carry what opens the service, and who asks has not named it.
    if !call.leads_to(service) {
        return Err(Failure::new(
            Cause::Denied,
            "a redirect from another server leads to this service; such redirects are refused",
        ));
    }
    // A guest of ours has written all of it before.
    let outgoing = timeout_at(exchange.deadline, Outgoing::collect(request))
        .await
        .map_err(|_| call.out_of_time())??;
    match route {
        Route::Server(grant) => {
            let grant = &grant;
            Exchange { grant, ..exchange }.complete(&outgoing).await
        }
        // Apart, since it is large.
        Route::Service(service) => {
            Box::pin(service_transfer::ask(service, exchange, outgoing)).await
        }
    }
}
