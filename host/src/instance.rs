//! An instance: one sandbox at a time, and a pool of connections.

use crate::{
    call::Call,
    error::{Error, ErrorKind, Partial},
    failure::Failure,
    host::Host,
    pool::Pool,
    request::Request,
    response::{Response, Timings},
    sandbox::{
        Sandbox,
        bindings::exports::rest::client::{rest, types as wit},
    },
};
use std::{fmt, sync::Arc, time::Duration};
use tokio::{sync::Mutex, time::timeout_at};

/// How long a guest may take, once its transfer has ended at the deadline, to
/// hand over the partial result. After that it is taken to be stuck.
const GRACE: Duration = Duration::from_millis(50);

/// Makes calls, one at a time: a second one waits, within its own deadline,
/// until the first has ended.
///
/// A sandbox that failed is dropped with all it held, and the next call has a
/// new one.
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
pub struct Instance {
    host: Host,
    pool: Pool,
    /// Empty before the first call, while a call has it, and after it died.
    sandbox: Mutex<Option<Sandbox>>,
}

impl Instance {
    pub(crate) fn new(host: Host, pool: Pool) -> Self {
        Self {
            host,
            pool,
            sandbox: Mutex::default(),
        }
    }

    /// Asks with GET; `rest-get` of the WIT package.
    pub fn rest_get(&self, url: &str) -> Request<'_> {
        Request::new(self, "GET", url)
    }

    /// Sends `body` with POST, as a form unless another content type is set;
    /// `rest-post` of the WIT package.
    pub fn rest_post(&self, url: &str, body: impl Into<Vec<u8>>) -> Request<'_> {
        Request::new(self, "POST", url).body(body)
    }

    /// Sends `body` with PUT, as a form unless another content type is set;
    /// `rest-put` of the WIT package.
    pub fn rest_put(&self, url: &str, body: impl Into<Vec<u8>>) -> Request<'_> {
        Request::new(self, "PUT", url).body(body)
    }

    /// Sends any method but CONNECT, without a body unless one is set;
    /// `rest-request` of the WIT package.
    pub fn rest_request(&self, method: &str, url: &str) -> Request<'_> {
        Request::new(self, method, url)
    }

    pub(crate) async fn run(&self, request: Request<'_>) -> Result<Response, Error> {
        let config = self.host.config();
        let shorter = |configured: Duration, asked: Option<Duration>| {
            asked.map_or(configured, |asked| asked.min(configured))
        };
        let call = Arc::new(Call::start(
            shorter(config.connection_timeout, request.connection_timeout),
            shorter(config.transfer_timeout, request.transfer_timeout),
        ));
        let _running = self.host.0.ticker.running();
        // The transport ends the call at its deadline, and what had arrived is
        // handed over. This is for a guest that does not come back.
        let outcome = timeout_at(call.transfer_deadline() + GRACE, self.ask(&call, request)).await;
        let timings = Timings {
            total: call.started.elapsed(),
            ..call.record().timings
        };
        match outcome {
            Ok(Ok(Ok(reply))) => Ok(response(reply, timings, call.record().version)),
            Ok(Ok(Err(error))) => Err(explained(error, &call).with_timings(timings)),
            Ok(Err(trap)) => {
                tracing::error!(error = ?trap, "a sandbox died; the next call has a new one");
                let message = format!("the sandbox died: {}", trap.root_cause());
                Err(Error::new(ErrorKind::Internal, message).with_timings(timings))
            }
            Err(_) => {
                let message = format!(
                    "transfer-timeout, {:?}, passed while {}",
                    call.transfer_timeout,
                    call.record().phase.as_str()
                );
                Err(Error::new(ErrorKind::TransferTimeout, message).with_timings(timings))
            }
        }
    }

    /// Runs one call in the sandbox. The sandbox is out of its place meanwhile:
    /// if this future is dropped, or the guest traps, it is dropped with it,
    /// and every transfer it had open ends.
    async fn ask(
        &self,
        call: &Arc<Call>,
        request: Request<'_>,
    ) -> wasmtime::Result<Result<wit::Response, wit::RestError>> {
        let mut place = self.sandbox.lock().await;
        let mut sandbox = match place.take() {
            Some(sandbox) => sandbox,
            None => {
                let Host(host) = &self.host;
                host.factory
                    .make(&host.config, host.transport.clone(), self.pool.clone())
                    .await?
            }
        };
        let upload = request.body.as_ref().map_or(0, Vec::len);
        sandbox.admit(call.clone(), upload, self.host.config().max_transfer_size);
        let outcome = invoke(&mut sandbox, &request).await?;
        if sandbox.is_worth_keeping() {
            *place = Some(sandbox);
        }
        Ok(outcome)
    }
}

async fn invoke(
    sandbox: &mut Sandbox,
    request: &Request<'_>,
) -> wasmtime::Result<Result<wit::Response, wit::RestError>> {
    // The timeouts are not among them: the host keeps them for this call.
    let options = (!request.headers.is_empty()).then(|| rest::RequestOptions {
        headers: request.headers.clone(),
        connection_timeout: None,
        transfer_timeout: None,
    });
    let (store, guest) = sandbox.parts();
    guest
        .call_rest_request(
            store,
            &request.method,
            &request.url,
            request.body.as_deref(),
            request.content_type.as_deref(),
            options.as_ref(),
        )
        .await
}

fn response(reply: wit::Response, timings: Timings, version: http::Version) -> Response {
    Response {
        status: reply.status,
        content_type: reply.content_type,
        headers: reply.headers,
        body: reply.body,
        timings,
        version: match version {
            http::Version::HTTP_10 => "HTTP/1.0",
            http::Version::HTTP_2 => "HTTP/2",
            _ => "HTTP/1.1",
        },
    }
}

/// The guest's error, in the words of the transport if it was the transport
/// that failed: it knows more than a code can say.
fn explained(error: wit::RestError, call: &Call) -> Error {
    let told = told(error);
    let record = call.record();
    match &record.failure {
        Some((origin, Failure { cause, sentence })) => {
            told.explained(format!("{origin}: {sentence}"), *cause)
        }
        None => told,
    }
}

fn told(error: wit::RestError) -> Error {
    use wit::RestError as E;
    let (kind, message) = match error {
        E::TransferTimeout(partial) => {
            let partial = (partial.status != 0).then_some(Partial {
                status: partial.status,
                content_type: partial.content_type,
                headers: partial.headers,
                body: partial.body,
            });
            return Error::new(ErrorKind::TransferTimeout, "transfer-timeout passed")
                .with_partial(partial);
        }
        E::ConnectionRefused(message) => (ErrorKind::ConnectionRefused, message),
        E::ConnectionTimeout(message) => (ErrorKind::ConnectionTimeout, message),
        E::AlreadyConnecting(message) => (ErrorKind::AlreadyConnecting, message),
        E::TooLarge(message) => (ErrorKind::TooLarge, message),
        E::Dns(message) => (ErrorKind::Dns, message),
        E::Tls(message) => (ErrorKind::Tls, message),
        E::Denied(message) => (ErrorKind::Denied, message),
        E::InvalidUrl(message) => (ErrorKind::InvalidUrl, message),
        E::InvalidHeader(message) => (ErrorKind::InvalidHeader, message),
        E::Protocol(message) => (ErrorKind::Protocol, message),
        E::Internal(message) => (ErrorKind::Internal, message),
    };
    Error::new(kind, message)
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
        config::Config,
        sandbox::{Factory, misbehaving::Misdeed},
    };
    use tokio::time::Instant;

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
        for _ in 0..3 {
            let error = instance.rest_get("http://h/").await.unwrap_err();
            assert_eq!((error.kind(), error.code()), (ErrorKind::Internal, -10));
            assert!(error.to_string().contains("unreachable"), "{error}");
            // A store that died is dropped, never entered again.
            assert!(instance.sandbox.lock().await.is_none());
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
        assert_eq!(error.kind(), ErrorKind::TransferTimeout, "{error}");
        assert!(elapsed >= Duration::from_millis(300), "{elapsed:?}");
        assert!(elapsed < Duration::from_millis(1500), "{elapsed:?}");
        assert!(
            beats >= 3,
            "the only thread of the runtime was held: {beats}"
        );
        assert!(instance.sandbox.lock().await.is_none());
    }
}
