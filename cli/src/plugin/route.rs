//! `route`: one decision.

use super::{Prepared, recording::Recording};
use crate::{
    args::Route,
    exit::{Exit, Problem},
    input, stderr, stdout,
};
use rest_client_host::{
    plugin::{FailureKind, Questions},
    routing::{read_request, write_decision, write_failed},
};

/// Bytes of a request.
const MOST: u64 = 16 << 20;

/// Has the plugin decide about the request on standard input, and prints what is to be
/// done. Where the plugin does not decide, the exit code says why.
pub(crate) async fn run(route: Route) -> Result<Exit, Problem> {
    stdout::check()?;
    let recording = Recording::open(&route.decider, || {})?;
    let mut prepared = Prepared::new(&route.decider, |_| None)?;
    prepared.options.recorder = recording.as_ref().map(Recording::recorder);
    let on_failure = prepared.on_failure.clone();
    let pool = prepared.router()?;
    let request = read_request(&input::read("the request", "-", MOST)?).map_err(|error| {
        Problem::new(
            Exit::Usage,
            format!("the request on standard input: {error}"),
        )
    })?;
    let protocol = request.protocol;
    let questions = Questions::default();
    let decided = match route.explain {
        true => pool.explain(request, &questions).await,
        false => pool.route(request).await,
    };
    for question in questions.ended() {
        stderr::complain(&format!("asked {question}"));
    }
    let (json, exit) = match decided {
        Ok(decision) => (write_decision(&decision), Exit::Success),
        Err(error) => {
            // The pool has told why.
            let exit = match error.kind() {
                FailureKind::Trap => Exit::Trapped,
                FailureKind::Deadline => Exit::Timeout,
                FailureKind::Queue => Exit::Busy,
                _ => Exit::Undecided,
            };
            let decision = on_failure.decision(protocol);
            (write_failed(&decision, error.kind().as_str()), exit)
        }
    };
    stdout::print(format!("{json}\n").as_bytes())?;
    if recording.is_some_and(|it| !it.finish()) {
        return Err(Problem::new(Exit::Write, "the recording can't be written"));
    }
    Ok(exit)
}
