//! What comes into a plugin while it decides, taken down or played.

use super::{
    Inputs, Record,
    clocks::{MonotonicTape, WallTape},
    question::{Answer, Question},
};
use crate::{error::ErrorKind, plugin::outcome::Outcome, routing::Request};
use chacha20::{
    ChaCha20Rng,
    rand_core::{Rng as _, SeedableRng as _},
};
use parking_lot::Mutex;
use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::{sync::Notify, task::yield_now, time::sleep};
use wasmtime_wasi::WasiCtxBuilder;

/// Bytes of one recording. A plugin may read a clock without end.
const MOST: usize = 16 << 20;

/// How long nothing has come to a plugin when a timer is over that was not over then, or when
/// it is told that an answer never came.
const STANDSTILL: Duration = Duration::from_millis(50);

/// How often a plugin may give way before it waits for what comes to it.
const TIMES_TO_GIVE_WAY: usize = 16;

/// How far the monotonic clock goes with each reading that was not recorded, in
/// nanoseconds: a plugin that waits for it must come to an end.
const STEP: u64 = 1_000_000;

/// That of one decision. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Tape {
    state: Arc<Mutex<State>>,
    /// There was a turn.
    turned: Arc<Notify>,
}

struct State {
    inputs: Inputs,
    mode: Mode,
    /// That were begun.
    timers: u32,
}

enum Mode {
    TakesDown {
        began: Instant,
        size: usize,
        request: Option<Box<Request>>,
    },
    Plays(Played),
}

/// How far a recording was played.
#[derive(Default, Clone)]
pub(super) struct Played {
    /// Questions.
    pub(super) asked: usize,
    wall_clock: usize,
    monotonic_clock: usize,
    readiness: usize,
    turns: usize,
    /// When it was recorded, the time was over then.
    ran_out_of_time: bool,
    /// The first question that is another one.
    pub(super) difference: Option<String>,
}

impl Tape {
    /// One that takes down what comes.
    pub(crate) fn taking_down() -> Self {
        let inputs = Inputs {
            seed: rand::random(),
            ..Inputs::default()
        };
        let mode = Mode::TakesDown {
            began: Instant::now(),
            size: 0,
            request: None,
        };
        Self::new(inputs, mode)
    }

    /// One that plays `record`.
    pub(crate) fn playing(record: &Record) -> Self {
        let mode = Mode::Plays(Played {
            ran_out_of_time: record.ran_out_of_time(),
            ..Played::default()
        });
        Self::new(record.inputs.clone(), mode)
    }

    fn new(inputs: Inputs, mode: Mode) -> Self {
        let state = State {
            inputs,
            mode,
            timers: 0,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            turned: Arc::default(),
        }
    }

    pub(crate) fn plays(&self) -> bool {
        matches!(self.state.lock().mode, Mode::Plays(_))
    }

    /// What the plugin is asked about.
    pub(crate) fn about(&self, asked: &Request) {
        if let Mode::TakesDown { request, .. } = &mut self.state.lock().mode {
            *request = Some(Box::new(asked.clone()));
        }
    }

    /// Has a plugin see clocks and random numbers as they are on the tape.
    pub(crate) fn set_inputs_of(&self, wasi: &mut WasiCtxBuilder) {
        let mut seeds = ChaCha20Rng::from_seed(self.state.lock().inputs.seed);
        wasi.wall_clock(WallTape(self.clone()))
            .monotonic_clock(MonotonicTape(self.clone()))
            .insecure_random_seed(seeds.next_u64().into())
            .insecure_random(ChaCha20Rng::from_rng(&mut seeds))
            .secure_random(ChaCha20Rng::from_rng(&mut seeds));
    }

    /// What was taken down, if anything was begun.
    pub(super) fn taken_down(&self) -> Option<(Request, Inputs)> {
        let mut state = self.state.lock();
        let State { inputs, mode, .. } = &mut *state;
        let Mode::TakesDown { request, .. } = mode else {
            return None;
        };
        Some((*request.take()?, std::mem::take(inputs)))
    }

    /// How far it was played.
    pub(super) fn played(&self) -> Played {
        match &self.state.lock().mode {
            Mode::Plays(played) => played.clone(),
            Mode::TakesDown { .. } => Played::default(),
        }
    }

    /// The wall clock, in nanoseconds since 1970.
    pub(super) fn wall_clock(&self) -> u64 {
        let mut state = self.state.lock();
        let State { inputs, mode, .. } = &mut *state;
        match mode {
            Mode::TakesDown { size, .. } => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH);
                let now = nanoseconds(since.unwrap_or_default());
                if takes(size, &mut inputs.is_incomplete, 8) {
                    inputs.wall_clock.push(now);
                }
                now
            }
            Mode::Plays(played) => {
                let readings = &inputs.wall_clock;
                let reading = readings.get(played.wall_clock).or(readings.last());
                played.wall_clock += 1;
                reading.copied().unwrap_or_default()
            }
        }
    }

    /// The monotonic clock, in nanoseconds.
    pub(super) fn monotonic_clock(&self) -> u64 {
        let mut state = self.state.lock();
        let State { inputs, mode, .. } = &mut *state;
        match mode {
            Mode::TakesDown { began, size, .. } => {
                let now = nanoseconds(began.elapsed());
                if takes(size, &mut inputs.is_incomplete, 8) {
                    inputs.monotonic_clock.push(now);
                }
                now
            }
            Mode::Plays(played) => {
                let readings = &inputs.monotonic_clock;
                let at = played.monotonic_clock;
                played.monotonic_clock += 1;
                readings.get(at).copied().unwrap_or_else(|| {
                    let further = (at - readings.len() + 1) as u64;
                    let last = readings.last().copied().unwrap_or_default();
                    last.saturating_add(further.saturating_mul(STEP))
                })
            }
        }
    }

    /// Takes down which of those that the plugin looked at were ready.
    pub(crate) fn were_ready(&self, ready: &[u32]) {
        let mut state = self.state.lock();
        let State { inputs, mode, .. } = &mut *state;
        if let Mode::TakesDown { size, .. } = mode
            && takes(size, &mut inputs.is_incomplete, 8 + 4 * ready.len())
        {
            inputs.readiness.push(ready.to_vec());
        }
    }

    /// Plays which of so `many` that the plugin looks at are ready. None of them may be,
    /// if `or_none`.
    pub(crate) fn are_ready(&self, many: usize, or_none: bool) -> Vec<u32> {
        let many = u32::try_from(many).unwrap_or(u32::MAX);
        let mut state = self.state.lock();
        let State { inputs, mode, .. } = &mut *state;
        let Mode::Plays(played) = mode else {
            return Vec::new();
        };
        let recorded = inputs.readiness.get(played.readiness);
        played.readiness += 1;
        match recorded {
            Some(ready) if (or_none || !ready.is_empty()) && ready.iter().all(|it| *it < many) => {
                ready.clone()
            }
            // It looks at something else than then: all answers are there.
            _ => (0..many).collect(),
        }
    }

    /// Takes down that the plugin asks. The result is for the [`answer`](Self::answer).
    fn ask(&self, question: Question) -> usize {
        let mut state = self.state.lock();
        let State { inputs, mode, .. } = &mut *state;
        let place = inputs.questions.len();
        if let Mode::TakesDown { size, .. } = mode
            && takes(size, &mut inputs.is_incomplete, question.size())
        {
            inputs.questions.push(question);
        }
        place
    }

    /// Takes down what the plugin is told, after so long.
    fn answer(&self, place: usize, outcome: &Outcome, elapsed: Duration) {
        let answer = Answer::of(outcome);
        let mut state = self.state.lock();
        let State { inputs, mode, .. } = &mut *state;
        let Mode::TakesDown { size, .. } = mode else {
            return;
        };
        if let Some(question) = inputs.questions.get_mut(place) {
            question.answer = Some(answer);
            question.elapsed = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
            if !takes(size, &mut inputs.is_incomplete, question.size()) {
                question.answer = None;
            }
        }
    }

    /// Plays what the plugin is told.
    ///
    /// # Errors
    ///
    /// It asks something else than then, which ends it.
    pub(crate) fn play(&self, question: &Question) -> wasmtime::Result<Option<Outcome>> {
        let mut state = self.state.lock();
        let State { inputs, mode, .. } = &mut *state;
        let Mode::Plays(played) = mode else {
            wasmtime::bail!("this tape is taking down");
        };
        let number = played.asked + 1;
        let difference = match inputs.questions.get(played.asked) {
            None if played.ran_out_of_time => return Ok(None),
            None => format!("it asks once more: question {number} is {question}"),
            Some(recorded) => match recorded.difference(question) {
                None => {
                    played.asked += 1;
                    return Ok(recorded.answer.as_ref().map(Answer::outcome));
                }
                Some(part) => format!(
                    "question {number} differs in {part}: it was {recorded} and is {question}"
                ),
            },
        };
        played.difference.get_or_insert(difference.clone());
        wasmtime::bail!(difference)
    }

    /// Plays what the plugin is told, when it is its turn: while one waits for several things,
    /// they come in the order in which they came then.
    ///
    /// # Errors
    ///
    /// It asks something else than then, which ends it.
    pub(crate) fn play_in_turn(
        &self,
        question: &Question,
    ) -> wasmtime::Result<impl Future<Output = wasmtime::Result<Outcome>> + Send + use<>> {
        let answer = self.play(question)?;
        let asked = self.played().asked;
        let tape = self.clone();
        Ok(async move {
            let Some(outcome) = answer else {
                tape.turn_of(Turn::NEVER).await;
                return Err(Self::unanswered());
            };
            // What was refused at once is refused at once. Anything else comes when the plugin
            // waits for it, and has begun all that it waits for.
            let is_refused = matches!(&outcome, Err(it) if it.kind() == ErrorKind::PluginLimit);
            if !is_refused {
                give_way().await;
            }
            tape.turn_of(Turn::answer(asked - 1)).await;
            Ok(outcome)
        })
    }

    /// Takes down that it is the turn of `turn`.
    pub(crate) fn take_turn(&self, turn: Turn) {
        let mut state = self.state.lock();
        let State { inputs, mode, .. } = &mut *state;
        if let Mode::TakesDown { size, .. } = mode
            && takes(size, &mut inputs.is_incomplete, 8)
        {
            inputs.turns.push(turn.0);
        }
    }

    /// The plugin begins to wait for a timer. It is its turn when that is over.
    pub(crate) fn begin_timer(&self) -> Turn {
        let mut state = self.state.lock();
        let number = state.timers;
        state.timers = number.saturating_add(1);
        Turn(Turn::TIMERS.saturating_add(number))
    }

    /// Waits for the turn of `turn`. What had none then has it at once if it is an answer, and
    /// when nothing else comes if it is a timer.
    pub(crate) async fn turn_of(&self, turn: Turn) {
        let mut was_waiting = false;
        loop {
            let turned = self.turned.notified();
            match self.order(turn) {
                Order::None => return,
                // The plugin hears of what came before just now.
                Order::Next if was_waiting => {
                    was_waiting = false;
                    give_way().await;
                }
                Order::Next => {
                    if let Mode::Plays(played) = &mut self.state.lock().mode {
                        played.turns += 1;
                    }
                    self.turned.notify_waiters();
                    return;
                }
                Order::Later => {
                    was_waiting = true;
                    turned.await;
                }
                Order::Behind => break,
            }
        }
        // The plugin hears of what came last, and may go on without this.
        sleep(STANDSTILL).await;
    }

    fn order(&self, turn: Turn) -> Order {
        let state = self.state.lock();
        let Mode::Plays(played) = &state.mode else {
            return Order::None;
        };
        let left = state.inputs.turns.get(played.turns..).unwrap_or_default();
        match left.first() {
            Some(next) if *next == turn.0 => Order::Next,
            _ if turn.is_answer() && !left.contains(&turn.0) => Order::None,
            Some(_) => Order::Later,
            None => Order::Behind,
        }
    }

    /// The plugin waits for an answer that did not come then, which ends it.
    pub(crate) fn unanswered() -> wasmtime::Error {
        wasmtime::Error::msg("the plugin waits for a reply that was never recorded")
    }
}

/// A question that was taken down, and has no answer yet.
pub(crate) struct Noting {
    tape: Tape,
    place: usize,
    began: Instant,
}

impl Noting {
    pub(crate) fn begin(tape: Tape, question: Question) -> Self {
        Self {
            place: tape.ask(question),
            tape,
            began: Instant::now(),
        }
    }

    /// The plugin is told of `outcome`.
    pub(crate) fn end(self, outcome: &Outcome) {
        self.tape.answer(self.place, outcome, self.began.elapsed());
    }

    /// The plugin, which waits for several things, is told of `outcome`.
    pub(crate) fn end_in_turn(self, outcome: &Outcome) {
        self.tape.take_turn(Turn::answer(self.place));
        self.end(outcome);
    }
}

/// What comes to a plugin that waits for several things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Turn(u32);

impl Turn {
    /// From here on timers are counted, and below it questions.
    const TIMERS: u32 = 1 << 31;

    /// What is after all that came.
    const NEVER: Self = Self(u32::MAX);

    /// The answer to a question, by its place.
    fn answer(place: usize) -> Self {
        Self(u32::try_from(place).map_or(Self::TIMERS - 1, |it| it.min(Self::TIMERS - 1)))
    }

    fn is_answer(self) -> bool {
        self.0 < Self::TIMERS
    }
}

/// Whether there is room for so many bytes more.
fn takes(size: &mut usize, is_incomplete: &mut bool, bytes: usize) -> bool {
    *size = size.saturating_add(bytes);
    *is_incomplete |= *size > MOST;
    !*is_incomplete
}

/// When something comes to a plugin to which a recording is played.
enum Order {
    /// When it likes.
    None,
    Next,
    Later,
    /// When all has come that came then.
    Behind,
}

/// Has a plugin come to where it waits. By then it has begun all that it waits for, and has heard
/// of what came before.
pub(crate) async fn give_way() {
    for _ in 0..TIMES_TO_GIVE_WAY {
        yield_now().await;
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
