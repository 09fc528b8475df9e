//! One transfer over `wasi:http` 0.2, and the steps it goes through.
//!
//! | step | what it waits for | next step |
//! |---|---|---|
//! | sending | room for the body of the request | waiting |
//! | waiting | the head of the reply | replied; for a redirect to follow, sending or waiting |
//! | replied | nothing | none |
//! | finished | nothing | none |
//! | failed | nothing | none |
//!
//! A request whose body the host takes at once begins with waiting. An error,
//! or the deadline, leads from sending and waiting to failed.
//!
//! A host may trap where a resource is dropped before its children: the fields of a
//! reply before the reply, a pollable before what it belongs to.

use super::{
    call::Call,
    download,
    gathered::gathered,
    outgoing,
    slot::Slot,
    stop::{Stop, host_refused},
    timer::Timer,
    upload::Upload,
};
use crate::{
    body::Body,
    config::{Deadlines, Settings},
    enforcement::{AtCap, Enforcer},
    error::{Partial, RestError},
    length::Length,
    redirect::Redirects,
    request::Request,
    response::Response,
};
use wasip2::{
    http::{
        outgoing_handler,
        types::{FutureIncomingResponse, IncomingResponse, OutgoingRequest},
    },
    io::poll::{self, Pollable},
};

/// A transfer that was started. Dropping it ends it.
pub(super) struct Transfer {
    step: Step,
    context: Context,
    /// What it takes of max-async-transfers, until it has failed or is finished.
    slot: Option<Slot>,
}

/// The step that a transfer is in.
enum Step {
    /// A part of the request's body is not written yet.
    Sending(Upload, FutureIncomingResponse),
    /// The request is sent, and the head of the reply is not here.
    Waiting(FutureIncomingResponse),
    /// The head is here, and is no redirect to follow.
    Replied(IncomingResponse),
    /// All of the reply is here: the instance has waited for it.
    Finished(Response),
    /// The transfer is over, without a reply.
    Failed(RestError),
}

/// What all steps of a transfer need.
struct Context {
    /// The scheme and authority of the request that was sent last.
    origin: String,
    /// The method of the request that was sent last.
    method: String,
    /// Those of the request that was sent last.
    deadlines: Deadlines,
    timer: Timer,
    enforcer: Enforcer,
    /// The most bytes of the reply's body; 0 is no limit.
    limit: u64,
    redirects: Option<Redirects>,
}

impl Transfer {
    /// Sends as much of it as can be sent without waiting.
    pub(super) fn start(call: Call) -> Self {
        let request = match call.request {
            Ok(request) => request,
            Err(error) => return Self::failed(error),
        };
        let mut context = Context {
            origin: String::new(),
            method: String::new(),
            deadlines: call.deadlines,
            timer: Timer::start(call.deadlines.transfer),
            enforcer: call.settings.enforcer,
            limit: call.settings.max_transfer_size,
            redirects: Redirects::of(&request, call.max_redirects),
        };
        let sent = context.send(request);
        Self {
            step: sent.unwrap_or_else(|stop| context.fail(stop)),
            context,
            slot: None,
        }
    }

    /// What `start` returns, as one of those that `settings` allow at a time. One
    /// more is waited for, or fails.
    pub(super) fn start_asynchronous(settings: &Settings, start: impl FnOnce() -> Self) -> Self {
        if settings.enforcer == Enforcer::Host {
            return start();
        }
        let most = settings.max_async_transfers;
        let slot = Slot::take(most);
        if slot.is_none() && settings.at_cap == AtCap::Reject {
            return Self::failed(RestError::Busy(format!(
                "max-async-transfers, {most}, are in flight"
            )));
        }
        let mut transfer = start();
        if slot.is_none() {
            // Nothing of it is in flight afterwards.
            return Self::over(match transfer.finish() {
                Ok(reply) => Step::Finished(reply),
                Err(error) => Step::Failed(error),
            });
        }
        if !transfer.is_failed() {
            transfer.slot = slot;
        }
        transfer
    }

    /// A transfer that failed before anything was sent.
    pub(super) fn failed(error: RestError) -> Self {
        Self::over(Step::Failed(error))
    }

    fn over(step: Step) -> Self {
        Self {
            step,
            context: Context {
                origin: String::new(),
                method: String::new(),
                deadlines: Deadlines::NONE,
                timer: Timer::start(None),
                enforcer: Enforcer::Component,
                limit: 0,
                redirects: None,
            },
            slot: None,
        }
    }

    fn is_failed(&self) -> bool {
        matches!(self.step, Step::Failed(_))
    }

    /// `ready` of the WIT package.
    pub(super) fn ready(&mut self) -> bool {
        let is_ready = self.advance();
        if self.is_failed() {
            self.slot = None;
        }
        is_ready
    }

    fn advance(&mut self) -> bool {
        loop {
            let step = match &mut self.step {
                Step::Replied(_) | Step::Finished(_) | Step::Failed(_) => return true,
                // This stand-in is replaced below.
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

    /// Ready when [`Self::ready`] has something to do. `None` if it never will.
    pub(super) fn subscribe(&self) -> Option<Pollable> {
        match &self.step {
            Step::Sending(upload, _) => Some(upload.subscribe()),
            Step::Waiting(pending) => Some(pending.subscribe()),
            Step::Replied(_) | Step::Finished(_) | Step::Failed(_) => None,
        }
    }

    /// Waits until one of `transfers` is ready, if there is any. A host need not know
    /// of timeouts: the deadline that comes first is among what is waited for.
    pub(super) fn wait<'a>(transfers: impl Iterator<Item = &'a Self>) {
        let mut pollables = Vec::new();
        let mut first: Option<&Timer> = None;
        for transfer in transfers {
            pollables.extend(transfer.subscribe());
            let timer = &transfer.context.timer;
            first = Some(first.map_or(timer, |first| first.sooner(timer)));
        }
        let deadline = first.and_then(Timer::pollable);
        let all: Vec<&Pollable> = pollables.iter().chain(deadline).collect();
        if !all.is_empty() {
            poll::poll(&all);
        }
    }

    /// Waits for the whole reply.
    pub(super) fn finish(self) -> Result<Response, RestError> {
        if let Step::Finished(reply) = self.step {
            return Ok(reply);
        }
        let (context, reply) = self.head()?;
        let (status, headers) = (reply.status(), reply.headers().entries());
        let mut body = Body::new(&context.method, status, &headers, context.limit)?;
        let read = download::read_body(&reply, &mut body, &context.timer);
        gathered(status, headers, body, read, |stop, partial| {
            context.explain(stop, partial)
        })
    }

    /// Waits for the head of the reply.
    pub(super) fn finish_open(self) -> Result<IncomingResponse, RestError> {
        if let Step::Finished(_) = self.step {
            return Err(RestError::Busy(
                "max-async-transfers were in flight when this one began, so that its reply was read at once and none is open"
                    .into(),
            ));
        }
        let (context, reply) = self.head()?;
        if let Err(stop) = context.timer.check() {
            drop(reply);
            return Err(context.explain(stop, Partial::default()));
        }
        // A body that is announced as too large is not handed out. A host that
        // enforces the limit has checked it before it handed over the reply.
        if context.enforcer == Enforcer::Component {
            let headers = reply.headers().entries();
            Length::of(&context.method, reply.status(), &headers, context.limit)?;
        }
        Ok(reply)
    }

    fn head(mut self) -> Result<(Context, IncomingResponse), RestError> {
        self.wait_for_head();
        match self.step {
            Step::Replied(reply) => Ok((self.context, reply)),
            Step::Failed(error) => Err(error),
            Step::Sending(..) | Step::Waiting(_) | Step::Finished(_) => {
                unreachable!("one that is ready, and was not finished before")
            }
        }
    }

    /// Waits until it is ready.
    fn wait_for_head(&mut self) {
        while !self.ready() {
            // The pollable is gone before what it belongs to.
            let waited = self
                .subscribe()
                .map(|pollable| self.context.timer.wait(&pollable));
            if let Some(Err(stop)) = waited {
                self.step = self.context.fail(stop);
            }
        }
    }
}

impl Context {
    fn send(&mut self, request: Request) -> Result<Step, Stop> {
        self.origin = request.target.origin();
        self.method.clone_from(&request.method);
        let outgoing = OutgoingRequest::new(outgoing::fields(&request)?);
        outgoing::address(&outgoing, &request)?;
        // The body is written before the request is handed over, as far as it
        // goes. A host may suspend this instance during a transfer, and would
        // then wait in vain for bytes that the instance can't write. Most
        // bodies are complete here.
        let upload = match request.body {
            Some(bytes) => Upload::start(&outgoing, bytes)?,
            None => None,
        };
        let pending = outgoing_handler::handle(outgoing, outgoing::options(self.deadlines))?;
        Ok(match upload {
            Some(upload) => Step::Sending(upload, pending),
            None => Step::Waiting(pending),
        })
    }

    /// The step that follows `step`, or `step` and false if it must wait.
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
            over @ (Step::Replied(_) | Step::Finished(_) | Step::Failed(_)) => (over, false),
        })
    }

    /// Follows the reply if it is a redirect to follow.
    fn take_reply(&mut self, reply: IncomingResponse) -> Result<Step, Stop> {
        let Some(redirects) = &mut self.redirects else {
            return Ok(Step::Replied(reply));
        };
        let (status, headers) = (reply.status(), reply.headers().entries());
        match redirects.follow(status, &headers)? {
            Some(next) => {
                drop(reply);
                // The call has less time left.
                self.deadlines = self.deadlines.within(self.timer.left());
                self.send(next)
            }
            None => Ok(Step::Replied(reply)),
        }
    }

    fn fail(&self, stop: Stop) -> Step {
        Step::Failed(self.explain(stop, Partial::default()))
    }

    fn explain(&self, stop: Stop, partial: Partial) -> RestError {
        stop.explain(&self.origin, self.deadlines, self.limit, partial)
    }
}
