//! One transfer over `wasi:http` 0.2, step by step: a request out, a reply in,
//! and again where a redirect is followed.

use super::{
    download, error_code, outgoing,
    stop::{Stop, host_refused},
    timer::Timer,
    upload::Upload,
};
use crate::{
    body::{Body, announced_length},
    config::{Deadlines, Enforcer, Settings},
    error::{Partial, RestError},
    redirect::Redirects,
    request::Request,
    response::Response,
};
use wasip2::{
    http::{
        outgoing_handler,
        types::{FutureIncomingResponse, IncomingResponse},
    },
    io::poll::Pollable,
};

/// A transfer that was started. Dropped, it ends.
pub(super) struct Transfer {
    // Dropped in this order: a step holds children of what the host keeps.
    step: Step,
    context: Context,
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
struct Context {
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
        let mut context = Context {
            origin: String::new(),
            method: String::new(),
            deadlines,
            timer: Timer::start(deadlines.transfer),
            enforcer: settings.enforcer,
            limit: settings.max_transfer_size,
            redirects: Redirects::of(&request, max_redirects),
        };
        let sent = context.send(request);
        Self {
            step: sent.unwrap_or_else(|stop| context.fail(stop)),
            context,
        }
    }

    /// A transfer that was over before it began.
    pub(super) fn failed(error: RestError) -> Self {
        Self {
            step: Step::Failed(error),
            context: Context {
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
            let (step, advanced) = match self.context.advance(step) {
                Ok(advanced) => advanced,
                Err(stop) => (self.context.fail(stop), true),
            };
            self.step = step;
            if !advanced {
                if self.context.timer.has_passed() {
                    self.step = self.context.fail(Stop::DeadlinePassed);
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
        let (context, reply) = self.head()?;
        let (status, headers) = (reply.status(), reply.headers().entries());
        let mut body = Body::new(&context.method, status, &headers, context.limit)?;
        let read = download::read_body(&reply, &mut body, &context.timer);
        let body = body.into_bytes();
        match read {
            Ok(()) => Ok(Response {
                status,
                headers,
                body,
            }),
            Err(stop) => {
                let partial = Partial {
                    status,
                    headers,
                    body,
                };
                Err(context.explain(stop, partial))
            }
        }
    }

    /// Waits for the head of the reply.
    pub(super) fn finish_open(self) -> Result<IncomingResponse, RestError> {
        let (context, reply) = self.head()?;
        // What is announced as too large is not even begun. A host that keeps
        // the limit has seen to it before the reply was shown.
        if context.enforcer == Enforcer::Component {
            let headers = reply.headers().entries();
            announced_length(&context.method, reply.status(), &headers, context.limit)?;
        }
        Ok(reply)
    }

    fn head(mut self) -> Result<(Context, IncomingResponse), RestError> {
        while !self.ready() {
            if let Some(pollable) = self.subscribe()
                && let Err(stop) = self.context.timer.wait(&pollable)
            {
                return Err(self.context.explain(stop, Partial::default()));
            }
        }
        match self.step {
            Step::Replied(reply) => Ok((self.context, reply)),
            Step::Failed(error) => Err(error),
            Step::Sending(..) | Step::Waiting(_) => unreachable!("a transfer that is ready"),
        }
    }
}

impl Context {
    fn send(&mut self, request: Request) -> Result<Step, Stop> {
        self.origin = request.target.origin();
        self.method.clone_from(&request.method);
        let (outgoing, body) = outgoing::compose(request)?;
        // Most bodies are complete before the request is handed over, so that a
        // host which holds this instance still during a transfer never waits
        // for bytes that can't come.
        let upload = match body {
            Some(bytes) => Upload::start(&outgoing, bytes)?,
            None => None,
        };
        let pending = outgoing_handler::handle(outgoing, outgoing::options(self.deadlines)?)?;
        Ok(match upload {
            Some(upload) => Step::Sending(upload, pending),
            None => Step::Waiting(pending),
        })
    }

    /// The next step, with whether it is another one.
    fn advance(&mut self, step: Step) -> Result<(Step, bool), Stop> {
        Ok(match step {
            Step::Sending(upload, pending) => match upload.resume() {
                Some(upload) => (Step::Sending(upload, pending), false),
                None => (Step::Waiting(pending), true),
            },
            Step::Waiting(pending) => match pending.get() {
                None => (Step::Waiting(pending), false),
                Some(Ok(reply)) => (self.take_reply(reply?)?, true),
                Some(Err(())) => return Err(host_refused("to hand over a reply")),
            },
            over @ (Step::Replied(_) | Step::Failed(_)) => (over, false),
        })
    }

    fn take_reply(&mut self, reply: IncomingResponse) -> Result<Step, Stop> {
        if let Some(redirects) = &mut self.redirects
            && let Some(next) = redirects.follow(reply.status(), &reply.headers().entries())?
        {
            drop(reply);
            return self.send(next);
        }
        Ok(Step::Replied(reply))
    }

    fn fail(&self, stop: Stop) -> Step {
        Step::Failed(self.explain(stop, Partial::default()))
    }

    fn explain(&self, stop: Stop, partial: Partial) -> RestError {
        match stop {
            Stop::Known(error) => error,
            Stop::HostError(code) => {
                error_code::to_rest_error(code, &self.origin, self.limit, partial)
            }
            Stop::DeadlinePassed => RestError::TransferTimeout(partial),
        }
    }
}
