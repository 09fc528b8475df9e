//! One transfer over `wasi:http` 0.2, step by step: a request out, a reply in,
//! and again where a redirect is followed.

use super::{
    outcome,
    stop::{Stop, refused},
    timer::{Timer, nanoseconds},
    upload::Upload,
};
use crate::{
    config::{Deadlines, Enforcer, Settings},
    error::{Partial, RestError},
    redirect::Redirects,
    request::{self, Request},
    response::{Body, Response, announced_length},
    url::Scheme,
};
use wasip2::{
    http::{
        outgoing_handler,
        types::{
            self, ErrorCode, Fields, FutureIncomingResponse, HeaderError, IncomingResponse, Method,
            OutgoingRequest, RequestOptions,
        },
    },
    io::{
        poll::Pollable,
        streams::{InputStream, StreamError},
    },
};

/// A transfer that was started. Dropped, it ends.
pub(super) struct Transfer {
    // Dropped in this order: a step holds children of what the host keeps.
    step: Step,
    flight: Flight,
}

/// Where a transfer is.
enum Step {
    /// The body of the request is written.
    Sending(Upload, FutureIncomingResponse),
    /// The head of the reply is awaited.
    Waiting(FutureIncomingResponse),
    /// The head is here, and no redirect.
    Replied(IncomingResponse),
    /// It failed.
    Failed(RestError),
}

/// What stays the same from step to step.
struct Flight {
    /// Scheme and authority that are asked.
    origin: String,
    method: String,
    deadlines: Deadlines,
    timer: Timer,
    enforcer: Enforcer,
    /// Of the reply's body, in bytes; 0 for none.
    limit: u64,
    redirects: Option<Redirects>,
}

impl Transfer {
    /// Sends `request`, as far as that goes without waiting.
    pub(super) fn start(
        request: Request,
        deadlines: Deadlines,
        settings: &Settings,
        max_redirects: u32,
    ) -> Self {
        let mut flight = Flight {
            origin: String::new(),
            method: String::new(),
            deadlines,
            timer: Timer::start(deadlines.transfer),
            enforcer: settings.enforcer,
            limit: settings.max_transfer_size,
            redirects: Redirects::of(&request, max_redirects),
        };
        let sent = flight.send(request);
        Self {
            step: sent.unwrap_or_else(|stop| flight.failed(stop)),
            flight,
        }
    }

    /// A transfer that was over before it began.
    pub(super) fn failed(error: RestError) -> Self {
        Self {
            step: Step::Failed(error),
            flight: Flight {
                origin: String::new(),
                method: String::new(),
                deadlines: Deadlines::NONE,
                timer: Timer::start(None),
                enforcer: Enforcer::Component,
                limit: 0,
                redirects: None,
            },
        }
    }

    /// `ready` of the WIT package.
    pub(super) fn ready(&mut self) -> bool {
        loop {
            let step = match &mut self.step {
                Step::Replied(_) | Step::Failed(_) => return true,
                // Whatever is put here in place of the step is replaced below.
                step => std::mem::replace(step, Step::Failed(RestError::Internal(String::new()))),
            };
            let (step, moved) = match self.flight.advance(step) {
                Ok(advanced) => advanced,
                Err(stop) => (self.flight.failed(stop), true),
            };
            self.step = step;
            if !moved {
                if self.flight.timer.has_passed() {
                    self.step = self.flight.failed(Stop::TimeUp);
                    return true;
                }
                return false;
            }
        }
    }

    /// What the step that it is in waits for; `None` if it is over.
    pub(super) fn subscribe(&self) -> Option<Pollable> {
        match &self.step {
            Step::Sending(upload, _) => Some(upload.subscribe()),
            Step::Waiting(pending) => Some(pending.subscribe()),
            Step::Replied(_) | Step::Failed(_) => None,
        }
    }

    /// Waits for the whole reply.
    pub(super) fn finish(self) -> Result<Response, RestError> {
        let (flight, reply) = self.head()?;
        let mut partial = Partial {
            status: reply.status(),
            headers: reply.headers().entries(),
            body: Vec::new(),
        };
        match flight.read_body(&reply, &mut partial) {
            Ok(()) => Ok(Response {
                status: partial.status,
                headers: partial.headers,
                body: partial.body,
            }),
            Err(stop) => Err(flight.explain(stop, partial)),
        }
    }

    /// Waits for the head of the reply.
    pub(super) fn finish_open(self) -> Result<IncomingResponse, RestError> {
        let (flight, reply) = self.head()?;
        // What is announced as too large is not even begun. A host that keeps
        // the limit has seen to it before the reply was shown.
        if flight.enforcer == Enforcer::Component {
            let headers = reply.headers().entries();
            announced_length(&flight.method, reply.status(), &headers, flight.limit)?;
        }
        Ok(reply)
    }

    fn head(mut self) -> Result<(Flight, IncomingResponse), RestError> {
        while !self.ready() {
            if let Some(pollable) = self.subscribe()
                && let Err(stop) = self.flight.timer.wait(&pollable)
            {
                return Err(self.flight.explain(stop, Partial::default()));
            }
        }
        match self.step {
            Step::Replied(reply) => Ok((self.flight, reply)),
            Step::Failed(error) => Err(error),
            Step::Sending(..) | Step::Waiting(_) => unreachable!("a transfer that is ready"),
        }
    }
}

impl Flight {
    fn send(&mut self, request: Request) -> Result<Step, Stop> {
        self.origin = request.target.origin();
        self.method.clone_from(&request.method);
        let (outgoing, body) = compose(request)?;
        // Most bodies are complete before the request is handed over, so that a
        // host which holds this instance still during a transfer never waits
        // for bytes that can't come.
        let upload = match body {
            Some(bytes) => Upload::start(&outgoing, bytes)?,
            None => None,
        };
        let pending = outgoing_handler::handle(outgoing, options(self.deadlines)?)?;
        Ok(match upload {
            Some(upload) => Step::Sending(upload, pending),
            None => Step::Waiting(pending),
        })
    }

    /// The next step, with whether it is another one.
    fn advance(&mut self, step: Step) -> Result<(Step, bool), Stop> {
        Ok(match step {
            Step::Sending(upload, pending) => match upload.go_on() {
                Some(upload) => (Step::Sending(upload, pending), false),
                None => (Step::Waiting(pending), true),
            },
            Step::Waiting(pending) => match pending.get() {
                None => (Step::Waiting(pending), false),
                Some(Ok(reply)) => (self.answered(reply?)?, true),
                Some(Err(())) => return Err(refused("to hand over a reply")),
            },
            over @ (Step::Replied(_) | Step::Failed(_)) => (over, false),
        })
    }

    fn answered(&mut self, reply: IncomingResponse) -> Result<Step, Stop> {
        if let Some(redirects) = &mut self.redirects
            && let Some(next) = redirects.follow(reply.status(), &reply.headers().entries())?
        {
            drop(reply);
            return self.send(next);
        }
        Ok(Step::Replied(reply))
    }

    fn read_body(&self, reply: &IncomingResponse, partial: &mut Partial) -> Result<(), Stop> {
        let mut body = Body::announced(&self.method, partial.status, &partial.headers, self.limit)?;
        let incoming = reply
            .consume()
            .map_err(|()| refused("the body of a reply"))?;
        let stream = incoming
            .stream()
            .map_err(|()| refused("the stream of a body"))?;
        let ended = self.read_all(&stream, &mut body);
        partial.body = body.into_bytes();
        ended
    }

    fn read_all(&self, stream: &InputStream, body: &mut Body) -> Result<(), Stop> {
        loop {
            match self.timer.read(stream) {
                Ok(chunk) if chunk.is_empty() => self.timer.wait(&stream.subscribe())?,
                Ok(chunk) => body.push(chunk)?,
                Err(StreamError::Closed) => return Ok(()),
                Err(StreamError::LastOperationFailed(error)) => {
                    return Err(Stop::Failed(
                        types::http_error_code(&error).unwrap_or(ErrorCode::HttpResponseIncomplete),
                    ));
                }
            }
        }
    }

    fn failed(&self, stop: Stop) -> Step {
        Step::Failed(self.explain(stop, Partial::default()))
    }

    fn explain(&self, stop: Stop, partial: Partial) -> RestError {
        match stop {
            Stop::Told(error) => error,
            Stop::Failed(code) => outcome::failure(code, &self.origin, self.limit, partial),
            Stop::TimeUp => RestError::TransferTimeout(partial),
        }
    }
}

fn compose(request: Request) -> Result<(OutgoingRequest, Option<request::Body>), Stop> {
    let headers = Fields::from_list(&request.headers).map_err(|error| {
        RestError::InvalidHeader(
            match error {
                HeaderError::Forbidden => "the host forbids one of the header fields",
                HeaderError::InvalidSyntax => "the host can't read one of the header fields",
                HeaderError::Immutable => "the host takes no header fields",
            }
            .into(),
        )
    })?;
    let outgoing = OutgoingRequest::new(headers);
    let scheme = match request.target.scheme {
        Scheme::Http => types::Scheme::Http,
        Scheme::Https => types::Scheme::Https,
    };
    // A new request is a GET already.
    if request.method != "GET" {
        outgoing
            .set_method(&method(&request.method))
            .map_err(|()| refused("the method"))?;
    }
    outgoing
        .set_scheme(Some(&scheme))
        .map_err(|()| refused("the scheme"))?;
    outgoing
        .set_authority(Some(&request.target.authority))
        .map_err(|()| refused("the host of the URL"))?;
    outgoing
        .set_path_with_query(Some(&request.target.path_and_query))
        .map_err(|()| refused("the path of the URL"))?;
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

/// `None` where the host keeps every deadline by itself. The timeout for the
/// first byte wakes those who poll a transfer; while its body is read, the timer
/// does.
fn options(deadlines: Deadlines) -> Result<Option<RequestOptions>, Stop> {
    if deadlines == Deadlines::NONE {
        return Ok(None);
    }
    let options = RequestOptions::new();
    let connection = deadlines.connection.map(nanoseconds);
    let transfer = deadlines.transfer.map(nanoseconds);
    options
        .set_connect_timeout(connection)
        .and_then(|()| options.set_first_byte_timeout(transfer))
        .map_err(|()| refused("a timeout"))?;
    Ok(Some(options))
}
