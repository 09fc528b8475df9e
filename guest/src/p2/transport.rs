//! One exchange over `wasi:http` 0.2: a request out, a whole reply in.

use super::outcome;
use crate::{
    config::Deadlines,
    error::RestError,
    request::Request,
    response::{Body, Partial, Response},
    url::Scheme,
};
use std::time::Duration;
use wasip2::{
    clocks::monotonic_clock,
    http::{
        outgoing_handler,
        types::{
            self, ErrorCode, Fields, HeaderError, Method, OutgoingBody, OutgoingRequest,
            RequestOptions,
        },
    },
    io::{
        poll::{self, Pollable},
        streams::{InputStream, OutputStream, StreamError},
    },
};

/// Bytes asked for in one read. A host hands over what it has, up to this.
const READ_SIZE: u64 = 1024 * 1024;

/// Sends `request` and gathers the whole reply.
///
/// # Errors
///
/// Every case but those of a call that was refused before it was sent.
pub(super) fn exchange(
    request: Request,
    deadlines: Deadlines,
    limit: u64,
) -> Result<Response, RestError> {
    let timer = Timer::start(deadlines.transfer);
    let origin = request.target.origin();
    let mut partial = Partial::default();
    let result = converse(request, deadlines, &timer, limit, &mut partial);
    result.map_err(|stop| match stop {
        Stop::Told(error) => error,
        Stop::Failed(code) => outcome::failure(code, &origin, limit, partial),
        Stop::TimeUp => RestError::TransferTimeout(partial),
    })
}

/// Why an exchange ended early.
enum Stop {
    /// The host failed it.
    Failed(ErrorCode),
    /// This component's own timer ended it.
    TimeUp,
    /// It is known already what the caller is told.
    Told(RestError),
}

impl From<ErrorCode> for Stop {
    fn from(code: ErrorCode) -> Self {
        Self::Failed(code)
    }
}

fn internal(what: &str) -> Stop {
    Stop::Told(RestError::Internal(format!("the host refused {what}")))
}

fn converse(
    request: Request,
    deadlines: Deadlines,
    timer: &Timer,
    limit: u64,
    partial: &mut Partial,
) -> Result<Response, Stop> {
    let method = request.method.clone();
    let (outgoing, body) = compose(request)?;
    let mut upload = match body {
        Some(bytes) => Some(Upload::start(&outgoing, bytes)?),
        None => None,
    };
    // Most bodies fit into what a host buffers. They are complete before the
    // request is handed over, so that a host which holds this instance still
    // during a transfer never waits for bytes that can't come.
    if let Some(started) = &mut upload {
        started.write_what_fits();
    }
    let upload = upload.and_then(Upload::finish_if_complete);
    let pending = outgoing_handler::handle(outgoing, options(deadlines)?)?;
    if let Some(upload) = upload {
        upload.write_the_rest(timer)?;
    }
    let reply = loop {
        match pending.get() {
            Some(Ok(reply)) => break reply?,
            Some(Err(())) => return Err(internal("to hand over a reply twice")),
            None => timer.wait(&pending.subscribe())?,
        }
    };

    partial.status = reply.status();
    partial.headers = reply.headers().entries();
    let mut body =
        Body::announced(&method, partial.status, &partial.headers, limit).map_err(Stop::Told)?;
    let incoming = reply
        .consume()
        .map_err(|()| internal("the body of a reply"))?;
    let stream = incoming
        .stream()
        .map_err(|()| internal("the stream of a body"))?;
    let ended = read_all(&stream, timer, &mut body);
    partial.body = body.into_bytes();
    ended?;
    let Partial {
        status,
        headers,
        body,
    } = std::mem::take(partial);
    Ok(Response {
        status,
        headers,
        body,
    })
}

fn compose(request: Request) -> Result<(OutgoingRequest, Option<Vec<u8>>), Stop> {
    let headers = Fields::from_list(&request.headers).map_err(|error| {
        Stop::Told(RestError::InvalidHeader(
            match error {
                HeaderError::Forbidden => "the host forbids one of the header fields",
                HeaderError::InvalidSyntax => "the host can't read one of the header fields",
                HeaderError::Immutable => "the host takes no header fields",
            }
            .into(),
        ))
    })?;
    let outgoing = OutgoingRequest::new(headers);
    let scheme = match request.target.scheme {
        Scheme::Http => types::Scheme::Http,
        Scheme::Https => types::Scheme::Https,
    };
    outgoing
        .set_method(&method(&request.method))
        .map_err(|()| internal("the method"))?;
    outgoing
        .set_scheme(Some(&scheme))
        .map_err(|()| internal("the scheme"))?;
    outgoing
        .set_authority(Some(&request.target.authority))
        .map_err(|()| internal("the host of the URL"))?;
    outgoing
        .set_path_with_query(Some(&request.target.path_and_query))
        .map_err(|()| internal("the path of the URL"))?;
    Ok((outgoing, request.body))
}

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "OPTIONS" => Method::Options,
        "TRACE" => Method::Trace,
        "PATCH" => Method::Patch,
        other => Method::Other(other.to_owned()),
    }
}

/// `None` where the host keeps every deadline by itself.
fn options(deadlines: Deadlines) -> Result<Option<RequestOptions>, Stop> {
    let Some(connection) = deadlines.connection else {
        return Ok(None);
    };
    let options = RequestOptions::new();
    options
        .set_connect_timeout(Some(nanoseconds(connection)))
        .map_err(|()| internal("a timeout for connecting"))?;
    Ok(Some(options))
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The body of a request, on its way out.
struct Upload {
    // Dropped in this order: a host refuses to lose a parent before its child.
    stream: OutputStream,
    outgoing: OutgoingBody,
    bytes: Vec<u8>,
    written: usize,
}

impl Upload {
    fn start(request: &OutgoingRequest, bytes: Vec<u8>) -> Result<Self, Stop> {
        let outgoing = request
            .body()
            .map_err(|()| internal("a body for the request"))?;
        let stream = outgoing
            .write()
            .map_err(|()| internal("a stream for the body of the request"))?;
        Ok(Self {
            stream,
            outgoing,
            bytes,
            written: 0,
        })
    }

    /// Writes as much as the host takes without waiting. An error is left for
    /// the reply to explain: a server may answer before it has read everything.
    fn write_what_fits(&mut self) {
        while self.written < self.bytes.len() {
            let room = match self.stream.check_write() {
                Ok(0) | Err(_) => return,
                Ok(room) => usize::try_from(room).unwrap_or(usize::MAX),
            };
            let rest = &self.bytes[self.written..];
            let chunk = &rest[..rest.len().min(room)];
            if self.stream.write(chunk).is_err() {
                return;
            }
            self.written += chunk.len();
        }
    }

    /// Ends the body if all of it is written, else gives the upload back.
    fn finish_if_complete(self) -> Option<Self> {
        if self.written < self.bytes.len() {
            return Some(self);
        }
        let Self {
            stream, outgoing, ..
        } = self;
        drop(stream);
        // What can be wrong here, a length other than announced, would be this
        // component's fault and comes back as the transfer's error.
        let _ = OutgoingBody::finish(outgoing, None);
        None
    }

    /// Writes until the end, until the transfer no longer takes bytes, or until
    /// time is up. Whether the transfer succeeded is known from its reply.
    fn write_the_rest(mut self, timer: &Timer) -> Result<(), Stop> {
        loop {
            self.write_what_fits();
            if self.written == self.bytes.len() || self.stream.check_write().is_err() {
                self.finish_if_complete();
                return Ok(());
            }
            timer.wait(&self.stream.subscribe())?;
        }
    }
}

fn read_all(stream: &InputStream, timer: &Timer, body: &mut Body) -> Result<(), Stop> {
    loop {
        match timer.read(stream) {
            Ok(chunk) if chunk.is_empty() => timer.wait(&stream.subscribe())?,
            Ok(chunk) => body.push(chunk).map_err(Stop::Told)?,
            Err(StreamError::Closed) => return Ok(()),
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(Stop::Failed(
                    types::http_error_code(&error).unwrap_or(ErrorCode::HttpResponseIncomplete),
                ));
            }
        }
    }
}

/// The deadline of the transfer, where it is this component that keeps it.
struct Timer(Option<Pollable>);

impl Timer {
    fn start(after: Option<Duration>) -> Self {
        Self(after.map(|after| monotonic_clock::subscribe_duration(nanoseconds(after))))
    }

    /// Suspends the instance until `pollable` is ready.
    fn wait(&self, pollable: &Pollable) -> Result<(), Stop> {
        let Some(deadline) = &self.0 else {
            pollable.block();
            return Ok(());
        };
        if poll::poll(&[pollable, deadline]).contains(&0) {
            Ok(())
        } else {
            Err(Stop::TimeUp)
        }
    }

    /// Reads what is there: without a deadline of its own it may as well wait
    /// inside the host, which saves a crossing.
    fn read(&self, stream: &InputStream) -> Result<Vec<u8>, StreamError> {
        match self.0 {
            None => stream.blocking_read(READ_SIZE),
            Some(_) => stream.read(READ_SIZE),
        }
    }
}
