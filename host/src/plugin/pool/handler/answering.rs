//! One answer of a plugin, from its head to the end of its body.
//!
//! wasmtime takes the end of a store for the end of the bodies that are written there.
//! Whether a body is whole is therefore found out while the store is there.

use super::{HandlerBody, Written, given_up};
use crate::plugin::{
    answer::Answer,
    pool::{DecisionError, FailureKind, instances::trapped},
};
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, Method, Response, StatusCode, header::CONTENT_LENGTH};
use http_body::Frame;
use http_body_util::BodyExt as _;
use std::{
    pin::pin,
    task::{Context, Poll, ready},
};
use tokio::{
    sync::{mpsc, oneshot},
    task::unconstrained,
};
use wasmtime_wasi_http::{Error as WasiError, WasiBody};

/// Pieces of a body that wait for whoever reads it.
const PIECES: usize = 1;

/// How the work for an answer ends, where the plugin does not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    Complete,
    /// Whoever asked has gone.
    GivenUp,
}

/// A body that is being written.
pub(super) struct Stream {
    pieces: mpsc::Receiver<Piece>,
    /// Why it breaks off, if it does.
    pub(super) failure: Option<oneshot::Receiver<DecisionError>>,
}

enum Piece {
    Frame(Frame<Bytes>),
    /// That was all.
    End,
}

/// Has the plugin `handled` to its end. The reply goes to `head`.
///
/// # Errors
///
/// The plugin fails. Its reply may have begun before that.
pub(super) async fn run(
    handled: impl Future<Output = wasmtime::Result<()>>,
    mut answered: oneshot::Receiver<Answer>,
    method: &Method,
    head: oneshot::Sender<Response<HandlerBody>>,
) -> Result<Done, DecisionError> {
    let mut handled = pin!(handled);
    let answer = tokio::select! {
        // What it has written by the time it returns goes out in one piece.
        biased;
        done = &mut handled => {
            done.map_err(trapped)?;
            let Ok(answer) = answered.try_recv() else {
                let what = "the plugin returned without an answer";
                return Err(DecisionError::new(FailureKind::Invalid, what));
            };
            let (parts, frames) = accepted(answer)?.into_parts();
            let body = HandlerBody(whole(frames, Announced::of(&parts.headers, parts.status, method))?);
            return head
                .send(Response::from_parts(parts, body))
                .map(|()| Done::Complete)
                .map_err(|_| given_up());
        }
        Ok(answer) = &mut answered => accepted(answer)?,
    };
    let (parts, mut frames) = answer.into_parts();
    let announced = Announced::of(&parts.headers, parts.status, method);
    let (to, pieces) = mpsc::channel(PIECES);
    let stream = Stream {
        pieces,
        failure: None,
    };
    let body = HandlerBody(Written::Partly(stream));
    if head.send(Response::from_parts(parts, body)).is_err() {
        return Ok(Done::GivenUp);
    }
    let (mut returned, mut ended, mut is_read) = (false, false, true);
    let (mut piece, mut written) = (None, 0_u64);
    while !(returned && ended && piece.is_none()) {
        // What a plugin that has returned has not written, nobody will.
        if returned && !ended && piece.is_none() {
            // Whatever else this task has done in its turn.
            match unconstrained(frames.frame()).now_or_never() {
                Some(frame) => piece = next(frame, announced, &mut written, &mut ended)?,
                None => return Err(unfinished()),
            }
            continue;
        }
        // It was read as far as it goes: the rest is nobody's.
        if !is_read && piece.take().is_some() {
            continue;
        }
        let step = tokio::select! {
            biased;
            done = &mut handled, if !returned => Step::Returned(done),
            permit = room(is_read.then_some(&to), piece.is_some()) => Step::Room(permit),
            frame = frames.frame(), if piece.is_none() && !ended => Step::Frame(frame),
        };
        match step {
            Step::Returned(done) => {
                done.map_err(trapped)?;
                returned = true;
            }
            Step::Frame(frame) => piece = next(frame, announced, &mut written, &mut ended)?,
            Step::Room(permit) => match (permit, piece.take()) {
                (Some(permit), Some(piece)) => permit.send(piece),
                _ if ended || announced.is_reached(written) => is_read = false,
                _ => return Ok(Done::GivenUp),
            },
        }
    }
    Ok(Done::Complete)
}

enum Step<'a> {
    Returned(wasmtime::Result<()>),
    Frame(Option<Result<Frame<Bytes>, WasiError>>),
    /// None where nobody reads any more.
    Room(Option<mpsc::Permit<'a, Piece>>),
}

/// Waits for room for a piece, if there is one, and else for the moment at which nobody reads
/// any more.
async fn room(
    to: Option<&mpsc::Sender<Piece>>,
    has_piece: bool,
) -> Option<mpsc::Permit<'_, Piece>> {
    match to {
        Some(to) if has_piece => to.reserve().await.ok(),
        Some(to) => {
            to.closed().await;
            None
        }
        None => std::future::pending().await,
    }
}

/// What to send for what was written.
fn next(
    frame: Option<Result<Frame<Bytes>, WasiError>>,
    announced: Announced,
    written: &mut u64,
    ended: &mut bool,
) -> Result<Option<Piece>, DecisionError> {
    Ok(Some(match frame {
        Some(Ok(frame)) => {
            *written += frame.data_ref().map_or(0, |data| data.len() as u64);
            Piece::Frame(frame)
        }
        // It has dropped it, or has written less than it announced.
        Some(Err(_)) => return Err(unfinished()),
        None if !announced.is_kept(*written) => return Err(unfinished()),
        None => {
            *ended = true;
            Piece::End
        }
    }))
}

/// The answer, if it is none of the errors of `wasi:http`.
fn accepted(answer: Answer) -> Result<Response<WasiBody>, DecisionError> {
    answer.map_err(|code| {
        let what = format!("the plugin answered with an error: {code}");
        DecisionError::of_plugin(what)
    })
}

/// All that a plugin has written that has returned.
fn whole(frames: WasiBody, announced: Announced) -> Result<Written, DecisionError> {
    match unconstrained(frames.collect()).now_or_never() {
        Some(Ok(whole)) => match whole.trailers() {
            Some(_) => Ok(Written::WithTrailers(whole)),
            None => {
                let bytes = whole.to_bytes();
                match announced.is_kept(bytes.len() as u64) {
                    true => Ok(Written::Whole(bytes.into())),
                    false => Err(unfinished()),
                }
            }
        },
        Some(Err(_)) | None => Err(unfinished()),
    }
}

fn unfinished() -> DecisionError {
    let what = "the plugin did not finish the body of its answer";
    DecisionError::new(FailureKind::Invalid, what)
}

/// Bytes of a body that a head announces. Whoever has read as many reads no further.
#[derive(Debug, Clone, Copy)]
struct Announced(Option<u64>);

impl Announced {
    fn of(headers: &HeaderMap, status: StatusCode, method: &Method) -> Self {
        let without_body = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED];
        if *method == Method::HEAD || without_body.contains(&status) {
            return Self(Some(0));
        }
        let length = headers.get(CONTENT_LENGTH).and_then(|it| it.to_str().ok());
        Self(length.and_then(|it| it.parse().ok()))
    }

    /// Whether so many bytes are all that was announced, if anything was.
    fn is_kept(self, written: u64) -> bool {
        self.0.is_none_or(|it| written >= it)
    }

    /// Whether nobody reads further.
    fn is_reached(self, written: u64) -> bool {
        self.0.is_some_and(|it| written >= it)
    }
}

impl Stream {
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, DecisionError>>> {
        Poll::Ready(match ready!(self.pieces.poll_recv(cx)) {
            Some(Piece::Frame(frame)) => Some(Ok(frame)),
            Some(Piece::End) => None,
            None => match &mut self.failure {
                Some(failure) => {
                    let why = ready!(failure.poll_unpin(cx));
                    self.failure = None;
                    Some(Err(why.unwrap_or_else(|_| unfinished())))
                }
                None => None,
            },
        })
    }
}
