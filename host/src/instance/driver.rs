//! The driver of an instance: a task that owns the sandbox, has the guest start
//! calls and finish them, and runs their transfers in between, hundreds at a
//! time.
//!
//! A guest of WASI 0.2 does one thing at a time, but never waits here: it is
//! entered to start a transfer, and again when the transfer is complete. No
//! caller ever holds the sandbox, so that none can poison it by going away in
//! the middle, or stop others by not being polled.
//!
//! # At the cap
//!
//! A transfer that runs in a blocking manner closes the gate. While the gate is
//! closed the guest is not entered: new calls stay in the channel, and transfers
//! that complete are set aside. Transfers themselves go on, under their
//! deadlines, since what they hold (sockets, their slots) is the host's. That
//! the body of a request might be written after the gate has closed can't
//! happen: it is in the host's hands in full before the transfer starts.

use crate::{
    call::Call,
    error::{Error, ErrorKind},
    host::Host,
    instance::admission::{Admission, Admitted, Permit},
    request::Question,
    sandbox::answer::Answer,
    sandbox::outgoing::{Launched, Outcome},
    sandbox::{Guest, Sandbox},
    transport::transfer::Tenant,
};
use futures_util::{FutureExt as _, StreamExt as _, stream::FuturesUnordered};
use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::{
    sync::{mpsc, oneshot},
    task::{unconstrained, yield_now},
    time::{Instant, sleep_until},
};

/// Calls that are started, or ended, at a stretch. Requests that leave one right
/// after the other find their server awake, and waking it costs who sends.
const BATCH: usize = 32;

/// What the callers of an instance tell its driver.
pub(crate) enum Command {
    /// To make a call.
    Ask(Box<Ask>),
    /// To code a text.
    Code(
        Coding,
        String,
        oneshot::Sender<Result<Result<String, String>, Error>>,
    ),
    /// That the cap is another one.
    CapChanged,
}

/// Which way a text is coded.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Coding {
    /// `rest-escape` of the WIT package.
    Escape,
    /// `rest-unescape`.
    Unescape,
}

/// A call, as it comes to the driver.
pub(crate) struct Ask {
    pub(crate) question: Question,
    pub(crate) call: Arc<Call>,
    /// As in the request.
    pub(crate) begun: Option<oneshot::Sender<()>>,
    /// Closed when the caller has gone.
    pub(crate) answer: oneshot::Sender<Answer>,
}

/// Starts the driver of an instance, in the runtime that this is called from. It
/// ends when the last sender to it is dropped.
pub(crate) fn start(
    host: Host,
    tenant: Tenant,
    admission: Arc<Admission>,
) -> mpsc::UnboundedSender<Command> {
    let (sender, commands) = mpsc::unbounded_channel();
    let driver = Driver {
        host,
        tenant,
        admission,
        commands,
        sandbox: None,
        transfers: FuturesUnordered::new(),
        waiting: VecDeque::new(),
        landed: VecDeque::new(),
        set_aside: VecDeque::new(),
        gate_is_closed: false,
    };
    // The runtime's own measure of how long a task may go on is made for one
    // that does one thing. Used up by a few transfers, it would have hundreds of
    // others polled for nothing; `BATCH` is the measure here.
    tokio::spawn(unconstrained(driver.run()));
    sender
}

struct Driver {
    host: Host,
    tenant: Tenant,
    admission: Arc<Admission>,
    commands: mpsc::UnboundedReceiver<Command>,
    /// Empty before the first call, and after it died.
    sandbox: Option<Sandbox>,
    transfers: FuturesUnordered<InFlight>,
    /// Calls that wait for their turn at the cap.
    waiting: VecDeque<Ask>,
    /// Transfers that have ended, and whose guest has not been told yet.
    landed: VecDeque<Landed>,
    /// Transfers that ended while the gate was closed.
    set_aside: VecDeque<Landed>,
    gate_is_closed: bool,
}

/// A call whose guest has started it.
struct Flight {
    ask: Ask,
    guest: Guest,
    permit: Permit,
}

impl Driver {
    async fn run(mut self) {
        loop {
            // Slots are free before calls come that would want them.
            let landed = self.land_those_that_ended().await;
            let obeyed = self.obey_those_who_came().await;
            if obeyed == BATCH || landed == BATCH {
                // There may be more. Callers, timers and sockets come first.
                yield_now().await;
                continue;
            }
            let report = self.admission.next_report();
            tokio::select! {
                biased;
                Some(landed) = self.transfers.next(), if !self.transfers.is_empty() => {
                    self.landed.push_back(landed);
                }
                command = self.commands.recv(), if !self.gate_is_closed => match command {
                    Some(command) => self.obey(command).await,
                    None => return,
                },
                () = sleep_until(report.unwrap_or_else(Instant::now)), if report.is_some() => {
                    self.admission.report(Instant::now());
                }
            }
        }
    }

    /// Does what callers have asked for until now, and says for how many.
    async fn obey_those_who_came(&mut self) -> usize {
        for obeyed in 0..BATCH {
            if self.gate_is_closed {
                return obeyed;
            }
            // That the channel is closed is noticed where it is waited for.
            let Ok(command) = self.commands.try_recv() else {
                return obeyed;
            };
            self.obey(command).await;
        }
        BATCH
    }

    /// Ends the calls whose transfers have ended until now, and says how many.
    /// All sockets are read before the first guest is entered.
    async fn land_those_that_ended(&mut self) -> usize {
        while self.landed.len() < BATCH
            && let Some(Some(landed)) = self.transfers.next().now_or_never()
        {
            self.landed.push_back(landed);
        }
        let ended = self.landed.len();
        while let Some(landed) = self.landed.pop_front() {
            self.land(landed).await;
        }
        ended
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::Ask(ask) => self.admit(*ask).await,
            Command::Code(coding, text, answer) => {
                let coded = self.code(coding, &text).await;
                // Fails only if the caller has gone.
                let _ = answer.send(coded);
            }
            Command::CapChanged => {}
        }
        self.admit_waiting().await;
    }

    async fn code(&mut self, coding: Coding, text: &str) -> Result<Result<String, String>, Error> {
        let coded = match self.sandbox().await {
            Ok(sandbox) => sandbox.code(coding, text).await,
            Err(error) => Err(error),
        };
        coded.map_err(|trap| self.bury(&trap))
    }

    async fn admit(&mut self, mut ask: Ask) {
        if ask.answer.is_closed() {
            self.caller_has_gone(&ask);
            return;
        }
        let admitted = self.admission.admit(self.waiting.is_empty());
        if !matches!(admitted, Admitted::Alone(_))
            && let Some(begun) = ask.begun.take()
        {
            // Fails only if the caller has gone.
            let _ = begun.send(());
        }
        match admitted {
            Admitted::Beside(permit) | Admitted::Alone(permit) => self.start(ask, permit).await,
            Admitted::Later => self.waiting.push_back(ask),
            Admitted::Never => {
                let message = format!(
                    "max-async-transfers, {}, are in flight, and at-cap is reject",
                    self.admission.cap()
                );
                tell(ask, Err(Error::at_cap(message)));
            }
        }
    }

    async fn admit_waiting(&mut self) {
        while let Some(ask) = self.waiting.front() {
            if !ask.answer.is_closed() {
                let Some(permit) = self.admission.admit_waiting() else {
                    return;
                };
                if let Some(ask) = self.waiting.pop_front() {
                    self.start(ask, permit).await;
                }
            } else if let Some(ask) = self.waiting.pop_front() {
                self.caller_has_gone(&ask);
            }
        }
    }

    async fn start(&mut self, ask: Ask, permit: Permit) {
        let started = match self.sandbox().await {
            Ok(sandbox) => sandbox.start(&ask.call, &ask.question).await,
            Err(error) => Err(error),
        };
        match started {
            Ok((guest, launched)) => {
                let flight = Flight { ask, guest, permit };
                self.go_on(flight, launched).await;
            }
            Err(trap) => {
                tell(ask, Err(self.bury(&trap)));
            }
        }
    }

    async fn sandbox(&mut self) -> wasmtime::Result<&mut Sandbox> {
        if self.sandbox.is_none() {
            let Host(host) = &self.host;
            let transport = host.transport.clone();
            let made = host.factory.make(host, transport, self.tenant.clone());
            self.sandbox = Some(made.await?);
        }
        self.sandbox
            .as_mut()
            .ok_or_else(|| wasmtime::format_err!("there is no sandbox"))
    }

    /// Runs what the guest has launched; with nothing launched, the call is over.
    async fn go_on(&mut self, flight: Flight, launched: Option<Launched>) {
        match launched {
            Some(launched) => {
                self.gate_is_closed |= flight.permit.is_alone();
                self.transfers.push(InFlight(Some((flight, launched))));
            }
            None => self.finish(flight).await,
        }
    }

    async fn land(&mut self, landed: Landed) {
        if self.gate_is_closed {
            if !landed.flight.permit.is_alone() {
                self.set_aside(landed);
                return;
            }
            self.gate_is_closed = false;
        }
        self.hand_over(landed).await;
        while !self.gate_is_closed
            && let Some(mut landed) = self.set_aside.pop_front()
        {
            if let Ended::SetAside = landed.ended
                && let Some(outcome) = landed.flight.ask.call.record().set_aside.take()
            {
                landed.ended = Ended::Replied(outcome);
            }
            self.hand_over(landed).await;
        }
        self.admit_waiting().await;
    }

    /// Keeps an outcome until the gate opens. Its caller can reach it: whose
    /// deadline comes first is told what had arrived.
    fn set_aside(&mut self, mut landed: Landed) {
        if let Ended::Replied(outcome) = landed.ended {
            landed.flight.ask.call.record().set_aside = Some(outcome);
            landed.ended = Ended::SetAside;
        }
        self.set_aside.push_back(landed);
    }

    /// Tells the guest what became of a transfer, and goes on with its call.
    async fn hand_over(&mut self, landed: Landed) {
        let Landed {
            flight,
            to_guest,
            ended,
        } = landed;
        match ended {
            Ended::Replied(outcome) if !flight.ask.answer.is_closed() => {
                // Fails only if the guest has dropped its end.
                let _ = to_guest.send(outcome);
            }
            Ended::GuestDropped => drop(to_guest),
            Ended::Replied(_) | Ended::CallerGone | Ended::SetAside => {
                self.caller_has_gone(&flight.ask);
                drop(to_guest);
                let Some(sandbox) = &mut self.sandbox else {
                    return;
                };
                if let Err(trap) = sandbox.discard(flight.guest).await {
                    self.bury(&trap);
                }
                return;
            }
        }
        if flight.ask.question.max_redirects == 0 {
            return self.finish(flight).await;
        }
        let Some(sandbox) = &mut self.sandbox else {
            return;
        };
        match sandbox.proceed(&flight.ask.call, &flight.guest).await {
            Ok(launched) => self.go_on(flight, launched).await,
            Err(trap) => {
                let error = self.bury(&trap);
                tell(flight.ask, Err(error));
            }
        }
    }

    async fn finish(&mut self, flight: Flight) {
        let Some(sandbox) = &mut self.sandbox else {
            return;
        };
        let Flight { ask, guest, permit } = flight;
        let finished = sandbox.finish(&ask.call, guest).await;
        // Before the caller is told: whoever hears of the end finds the slot
        // free.
        drop(permit);
        match finished {
            Ok(answer) => tell(ask, answer),
            Err(trap) => {
                let error = self.bury(&trap);
                tell(ask, Err(error));
            }
        }
        self.retire_if_swollen();
    }

    /// Drops a sandbox whose memory has grown out of proportion, once nothing is
    /// open in it.
    fn retire_if_swollen(&mut self) {
        self.sandbox.take_if(|sandbox| sandbox.is_swollen());
    }

    /// Drops a sandbox that trapped, and ends all that was open in it. A store
    /// that is dead is never entered again; the next call has a new one.
    fn bury(&mut self, trap: &wasmtime::Error) -> Error {
        tracing::error!(error = ?trap, "a sandbox died; the next call has a new one");
        self.admission.replaced();
        self.sandbox = None;
        self.gate_is_closed = false;
        let error = Error::new(
            ErrorKind::Internal,
            format!("the sandbox died: {}", trap.root_cause()),
        );
        let open = std::mem::take(&mut self.transfers);
        let flights = open.into_iter().filter_map(|in_flight| {
            // The connection is closed before the slot is free.
            in_flight.0.map(|(flight, launched)| {
                drop(launched);
                flight
            })
        });
        let ended = self.landed.drain(..).chain(self.set_aside.drain(..));
        for Flight { ask, permit, .. } in flights.chain(ended.map(|landed| landed.flight)) {
            drop(permit);
            tell(ask, Err(error.clone()));
        }
        error
    }

    fn caller_has_gone(&self, ask: &Ask) {
        if !ask.call.record().expired {
            self.admission.cancelled();
        }
    }
}

/// Fails only if the caller has gone, who then wants no answer.
fn tell(ask: Ask, answer: Answer) {
    let _ = ask.answer.send(answer);
}

/// A transfer that runs. Ends, too, when nobody is left who wants its outcome.
struct InFlight(Option<(Flight, Launched)>);

/// A transfer that has ended.
struct Landed {
    flight: Flight,
    to_guest: oneshot::Sender<Outcome>,
    ended: Ended,
}

enum Ended {
    Replied(Outcome),
    /// As before, but the outcome is kept with the call.
    SetAside,
    CallerGone,
    GuestDropped,
}

impl Future for InFlight {
    type Output = Landed;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Landed> {
        let Some((flight, launched)) = &mut self.0 else {
            // Polled after its end, which FuturesUnordered does not do.
            return Poll::Pending;
        };
        let ended = if let Poll::Ready(outcome) = launched.transfer.as_mut().poll(cx) {
            Ended::Replied(outcome)
        } else if flight.ask.answer.poll_closed(cx).is_ready() {
            Ended::CallerGone
        } else if launched.outcome.poll_closed(cx).is_ready() {
            Ended::GuestDropped
        } else {
            return Poll::Pending;
        };
        match self.0.take() {
            Some((flight, launched)) => {
                // Its connection is closed, or kept, before its slot is free.
                drop(launched.transfer);
                Poll::Ready(Landed {
                    flight,
                    to_guest: launched.outcome,
                    ended,
                })
            }
            None => Poll::Pending,
        }
    }
}
