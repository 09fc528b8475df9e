//! What a call costs without a network: the guest starts it, is handed a reply
//! that is here already, and finishes it. For the benchmarks.

use crate::{
    call::Call, call::reply::Reply, config::Config, host::Host, request::Question,
    transport::pool::Pool, transport::transfer::Tenant,
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
    let host = Host::new(Config::default()).map_err(wasmtime::Error::new)?;
    let tenant = Tenant {
        id: 0,
        pool: Pool::new(Duration::ZERO),
    };
    let transport = host.0.transport.clone();
    let mut sandbox = host.0.factory.make(&host.0, transport, tenant).await?;
    let question = Question {
        method: "GET".into(),
        url: "http://127.0.0.1:8080/credit?caller=alice".into(),
        body: None,
        content_type: None,
        headers: Vec::new(),
        max_redirects: 0,
    };
    let started = Instant::now();
    for _ in 0..calls {
        let timeout = Duration::from_secs(20);
        let call = Arc::new(Call::start(timeout, timeout));
        let (guest, launched) = sandbox.start(&call, &question).await?;
        let launched = launched.ok_or_else(|| wasmtime::format_err!("nothing was launched"))?;
        drop(launched.transfer);
        // The guest holds the other end.
        let _ = launched.outcome.send(Ok(reply(size)));
        let answer = sandbox.finish(&call, guest).await?;
        if answer.map_or(0, |finished| finished.body.len()) != size {
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
        body: vec![b'x'; size],
        cut: None,
    }
}
