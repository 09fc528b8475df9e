//! What a call costs without a network: the guest starts it, is handed a reply
//! that is here already, and finishes it. For the benchmarks.

use super::factory::Factory;
use crate::{
    call::{Call, reply::Reply, spec::CallSpec},
    config::Config,
    transport::{Policy, Pools, Rules, Tenant, Transport},
};
use http::{HeaderValue, Response, header};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// Makes `calls` calls one after the other, each answered with `size` bytes, and
/// returns how long they took together.
///
/// # Errors
///
/// The sandbox can't be made, or it fails.
#[doc(hidden)]
pub async fn canned_calls(calls: u32, size: usize) -> wasmtime::Result<Duration> {
    let config = Config::default();
    let transport = Transport::new(&config)?;
    let factory = Factory::new(transport, config.max_transfer_size)?;
    let rules = Rules::new(&config.services, &config.egress)?;
    let policy = Policy::new(Arc::new(rules));
    let tenant = Tenant::new(0, Pools::new(&config).pool(), policy);
    let mut sandbox = factory.make(tenant).await?;
    let spec = CallSpec::new("GET", "http://127.0.0.1:8080/credit?caller=alice");
    let started = Instant::now();
    for _ in 0..calls {
        let timeout = Duration::from_secs(20);
        let call = Arc::new(Call::start(timeout, timeout));
        let (guest_call, launched) = sandbox.start(&call, &spec).await?;
        let launched = launched.ok_or_else(|| wasmtime::format_err!("nothing was launched"))?;
        drop(launched.transfer);
        // The guest holds the other end.
        let _ = launched.outcome.send(Ok(reply(size)));
        let result = sandbox.finish(&call, guest_call).await?;
        if result.map_or(0, |reply| reply.body.len()) != size {
            wasmtime::bail!("another reply than the one that was handed over");
        }
    }
    Ok(started.elapsed())
}

fn reply(size: usize) -> Reply {
    let mut response = Response::new(());
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(size));
    Reply {
        head: response.into_parts().0,
        body: vec![b'x'; size].into(),
        cut: None,
    }
}
