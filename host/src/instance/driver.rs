//! The driver of an instance: a task that owns the sandbox, has the guest start
//! calls and finish them, and runs their transfers in between, hundreds at a
//! time.
//!
//! A guest of WASI 0.2 does one thing at a time, but never waits here: it is
//! entered to start a transfer, and again when the transfer is complete. No
//! caller ever holds the sandbox, so that none can poison it by going away in
//! the middle, or stop others by not being polled.
//!
//! # The states of a call
//!
//! | state | what may happen | next |
//! |---|---|---|
//! | in the channel | the driver takes it, and there is a permit | in flight |
//! | | the cap is met: block, wait or reject | in flight alone, queued, over |
//! | queued | a permit is free, and it is the first | in flight |
//! | in flight | the transfer ends, and the gate is open | ended |
//! | | the transfer ends, and the gate is closed | set aside |
//! | set aside | the gate opens | ended |
//! | | its deadline passes: the caller is told what had arrived | cancelled |
//! | ended | the guest follows a redirect | in flight |
//! | | the guest finishes it: the caller is told | over |
//! | cancelled | the gate is open: the guest drops it | over |
//! | any but over | the caller goes away | cancelled |
//! | any but over | the guest traps: the caller is told | over |
//!
//! A permit is held from *in flight* to *over*. The deadlines of a call that is in
//! the channel or queued are kept by its caller, those of a transfer by the
//! transfer. A call that waits for a place in its plugin's share is not here yet:
//! that, too, is its caller's.
//!
//! # The gate
//!
//! A transfer that runs in a blocking manner closes the gate. While the gate is
//! closed the guest is not entered: new calls stay in the channel, and transfers
//! that complete are set aside. Transfers themselves go on, under their
//! deadlines, since what they hold (sockets, their slots) is the host's. That
//! the body of a request might be written after the gate has closed can't
//! happen: it is in the host's hands in full before the transfer starts.

use super::{
    admission::{Admission, Admitted, Permit},
    in_flight::{End, EndedTransfer, InFlight, StartedCall},
    pending_call::PendingCall,
};
use crate::{
    error::{Error, ErrorKind},
    sandbox::{Factory, Launched, Sandbox, shown},
    transport::Tenant,
};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use std::{collections::VecDeque, future::poll_fn, sync::Arc, task::Poll};
use tokio::{
    sync::mpsc,
    task::{unconstrained, yield_now},
    time::{Instant, sleep_until},
};

/// Calls that are started, or ended, at a stretch. Requests that leave one right
/// after the other find their server awake, and waking it costs who sends.
const BATCH: usize = 32;

/// What the callers of an instance tell its driver.
pub(super) enum Command {
    /// To make a call.
    Call(PendingCall),
    /// That the cap is another one.
    CapChanged,
}

/// Starts the driver of an instance, in the runtime that this is called from. It
/// ends when the last sender to it is dropped.
pub(super) fn start(
    factory: Arc<Factory>,
    tenant: Tenant,
    admission: Arc<Admission>,
) -> mpsc::UnboundedSender<Command> {
    let (sender, commands) = mpsc::unbounded_channel();
    let driver = Driver {
        factory,
        tenant,
        admission,
        commands,
        sandbox: None,
        transfers: FuturesUnordered::new(),
        queued: VecDeque::new(),
        ended: VecDeque::new(),
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
    factory: Arc<Factory>,
    tenant: Tenant,
    admission: Arc<Admission>,
    commands: mpsc::UnboundedReceiver<Command>,
    /// Empty before the first call, and after it died.
    sandbox: Option<Sandbox>,
    transfers: FuturesUnordered<InFlight>,
    /// Calls that wait for their turn at the cap.
    queued: VecDeque<PendingCall>,
    /// Transfers that have ended, and whose guest has not been told yet.
    ended: VecDeque<EndedTransfer>,
    /// Those that ended while the gate was closed.
    set_aside: VecDeque<EndedTransfer>,
    gate_is_closed: bool,
}

impl Driver {
    async fn run(mut self) {
        loop {
            let report = self.admission.next_report();
            let deadline = self.next_deadline();
            tokio::select! {
                biased;
                () = gather(&mut self.transfers, &mut self.ended) => {}
                command = self.commands.recv(), if !self.gate_is_closed => match command {
                    Some(command) => self.handle(command).await,
                    None => return,
                },
                () = at(deadline) => self.expire(Instant::now()),
                () = at(report) => self.admission.report(Instant::now()),
            }
            // Slots are free before calls come that would want them.
            let ended = self.finish_ended().await;
            let handled = self.handle_commands().await;
            if handled == BATCH || ended == BATCH {
                // There may be more. Callers, timers and sockets come first.
                yield_now().await;
            }
        }
    }

    /// Does what callers have asked for until now, and says for how many.
    async fn handle_commands(&mut self) -> usize {
        for handled in 0..BATCH {
            if self.gate_is_closed {
                return handled;
            }
            // That the channel is closed is noticed where it is waited for.
            let Ok(command) = self.commands.try_recv() else {
                return handled;
            };
            self.handle(command).await;
        }
        BATCH
    }

    /// Ends the calls whose transfers have ended, and says how many.
    async fn finish_ended(&mut self) -> usize {
        let count = self.ended.len();
        while let Some(ended) = self.ended.pop_front() {
            self.end(ended).await;
        }
        count
    }

    async fn handle(&mut self, command: Command) {
        match command {
            Command::Call(pending) => self.admit(pending).await,
            Command::CapChanged => {}
        }
        self.admit_queued().await;
    }

    async fn admit(&mut self, mut pending: PendingCall) {
        if !pending.is_awaited() {
            self.count_cancelled(&pending);
            return;
        }
        let admitted = self.admission.admit(self.queued.is_empty());
        if !matches!(admitted, Admitted::Exclusive(_)) {
            pending.tell_begun();
        }
        match admitted {
            Admitted::Concurrent(permit) | Admitted::Exclusive(permit) => {
                self.start(pending, permit).await;
            }
            Admitted::Queued => self.queued.push_back(pending),
            Admitted::Rejected => {
                let message = format!(
                    "max-async-transfers, {}, are in flight, and at-cap is reject",
                    self.admission.cap()
                );
                pending.tell(Err(Error::new(ErrorKind::AtCap, message)));
            }
        }
    }

    async fn admit_queued(&mut self) {
        while let Some(pending) = self.queued.front() {
            if pending.is_awaited() {
                let Some(permit) = self.admission.admit_queued() else {
                    return;
                };
                if let Some(pending) = self.queued.pop_front() {
                    self.start(pending, permit).await;
                }
            } else if let Some(pending) = self.queued.pop_front() {
                self.count_cancelled(&pending);
            }
        }
    }

    async fn start(&mut self, mut pending: PendingCall, permit: Permit) {
        let Some(spec) = pending.begin() else {
            self.count_cancelled(&pending);
            return;
        };
        let started = match self.sandbox().await {
            Ok(sandbox) => sandbox.start(&pending.call, &spec).await,
            Err(error) => Err(error),
        };
        // The guest has it by now.
        drop(spec);
        match started {
            Ok((guest_call, launched)) => {
                let started = StartedCall {
                    pending,
                    guest_call,
                    permit,
                };
                self.proceed(started, launched).await;
            }
            Err(trap) => {
                let error = self.fail_all(&trap);
                // Before the caller is told: whoever hears of the end finds the slot free.
                drop(permit);
                pending.tell(Err(error));
            }
        }
    }

    async fn sandbox(&mut self) -> wasmtime::Result<&mut Sandbox> {
        if self.sandbox.is_none() {
            self.sandbox = Some(self.factory.make(self.tenant.clone()).await?);
        }
        self.sandbox
            .as_mut()
            .ok_or_else(|| wasmtime::format_err!("there is no sandbox"))
    }

    /// Runs what the guest has launched; with nothing launched, the call is over.
    async fn proceed(&mut self, started: StartedCall, launched: Option<Launched>) {
        match launched {
            Some(launched) => {
                self.gate_is_closed |= started.permit.is_exclusive();
                self.transfers.push(InFlight::new(started, launched));
            }
            None => self.finish(started).await,
        }
    }

    /// Goes on with a call whose transfer has ended, or sets it aside.
    async fn end(&mut self, ended: EndedTransfer) {
        if self.gate_is_closed {
            if !ended.started.permit.is_exclusive() {
                self.set_aside.push_back(ended);
                return;
            }
            self.gate_is_closed = false;
        }
        self.hand_over(ended).await;
        while !self.gate_is_closed
            && let Some(ended) = self.set_aside.pop_front()
        {
            self.hand_over(ended).await;
        }
        self.admit_queued().await;
    }

    /// The first deadline of a caller whose transfer was set aside.
    fn next_deadline(&self) -> Option<Instant> {
        let awaited = self.set_aside.iter().map(|ended| &ended.started.pending);
        awaited
            .filter(|pending| pending.is_awaited())
            .map(|pending| pending.call.transfer_deadline())
            .min()
    }

    /// Tells callers whose deadline has passed what had arrived by then. The
    /// guest drops their calls when the gate opens.
    fn expire(&mut self, now: Instant) {
        for EndedTransfer { started, end, .. } in &mut self.set_aside {
            let pending = &mut started.pending;
            if pending.call.transfer_deadline() > now || !pending.is_awaited() {
                continue;
            }
            let partial = match std::mem::replace(end, End::CallerGone) {
                End::Outcome(outcome) => shown(*outcome),
                End::CallerGone | End::GuestDropped => None,
            };
            let error = Error::timed_out(&pending.call.out_of_time()).with_partial(partial);
            pending.tell(Err(error));
        }
    }

    /// Tells the guest what became of a transfer, and goes on with its call.
    async fn hand_over(&mut self, ended: EndedTransfer) {
        let EndedTransfer {
            started,
            to_guest,
            end,
        } = ended;
        match end {
            End::Outcome(outcome) if started.pending.is_awaited() => {
                // Fails only if the guest has dropped its end.
                let _ = to_guest.send(*outcome);
            }
            End::GuestDropped => drop(to_guest),
            End::Outcome(_) | End::CallerGone => {
                drop(to_guest);
                return self.cancel(started).await;
            }
        }
        if started.pending.max_redirects == 0 {
            return self.finish(started).await;
        }
        let Some(sandbox) = &mut self.sandbox else {
            return;
        };
        let resumed = sandbox.resume(&started.pending.call, &started.guest_call);
        match resumed.await {
            Ok(launched) => self.proceed(started, launched).await,
            Err(trap) => {
                let error = self.fail_all(&trap);
                let StartedCall {
                    mut pending,
                    permit,
                    ..
                } = started;
                drop(permit);
                pending.tell(Err(error));
            }
        }
    }

    async fn finish(&mut self, started: StartedCall) {
        let Some(sandbox) = &mut self.sandbox else {
            return;
        };
        let StartedCall {
            mut pending,
            guest_call,
            permit,
        } = started;
        let finished = sandbox.finish(&pending.call, guest_call).await;
        // Before the caller is told: whoever hears of the end finds the slot
        // free.
        drop(permit);
        match finished {
            Ok(result) => pending.tell(result),
            Err(trap) => {
                let error = self.fail_all(&trap);
                pending.tell(Err(error));
            }
        }
        self.retire_if_oversized();
    }

    /// Has the guest drop a call that nobody waits for.
    async fn cancel(&mut self, started: StartedCall) {
        self.count_cancelled(&started.pending);
        let Some(sandbox) = &mut self.sandbox else {
            return;
        };
        if let Err(trap) = sandbox.cancel(started.guest_call).await {
            self.fail_all(&trap);
        }
        self.retire_if_oversized();
    }

    /// Drops a sandbox whose memory has grown out of proportion, once nothing is
    /// open in it.
    fn retire_if_oversized(&mut self) {
        self.sandbox.take_if(|sandbox| sandbox.is_oversized());
    }

    /// Drops a sandbox that trapped, and ends all that was open in it. A store
    /// that is dead is never entered again; the next call has a new one.
    fn fail_all(&mut self, trap: &wasmtime::Error) -> Error {
        tracing::error!(error = ?trap, "a sandbox died; the next call has a new one");
        self.admission.count_replaced();
        self.sandbox = None;
        self.gate_is_closed = false;
        let error = Error::new(
            ErrorKind::Internal,
            format!("the sandbox died: {}", trap.root_cause()),
        );
        let open = std::mem::take(&mut self.transfers);
        // A connection is closed before its slot is free.
        let open = open.into_iter().filter_map(InFlight::abort);
        let ended = self.ended.drain(..).chain(self.set_aside.drain(..));
        for started in open.chain(ended.map(|ended| ended.started)) {
            let StartedCall {
                mut pending,
                permit,
                ..
            } = started;
            drop(permit);
            pending.tell(Err(error.clone()));
        }
        error
    }

    fn count_cancelled(&self, pending: &PendingCall) {
        if pending.was_cancelled() {
            self.admission.count_cancelled();
        }
    }
}

/// Moves transfers that have ended, a batch at most, and waits for one if none has.
/// All sockets are read before the first guest is entered.
///
/// This is the only place where transfers are polled: those that never run out of
/// bytes are read once in a poll of the driver, which others wait for.
async fn gather(transfers: &mut FuturesUnordered<InFlight>, ended: &mut VecDeque<EndedTransfer>) {
    poll_fn(|cx| {
        while ended.len() < BATCH
            && let Poll::Ready(Some(one)) = transfers.poll_next_unpin(cx)
        {
            ended.push_back(one);
        }
        match ended.is_empty() {
            true => Poll::Pending,
            false => Poll::Ready(()),
        }
    })
    .await;
}

/// Sleeps until `time`, or for ever.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
