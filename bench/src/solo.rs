//! Figures that are measured apart from the cases.

use crate::{
    contenders::{contender::Contender as _, ours::Library},
    decisions,
    figure::Figure,
    idle,
    load::{Load, Over},
    program, runtime,
    server::{Addresses, SMALL},
    serving,
};
use anyhow::Result;

/// Measures one figure in so many rounds. `None` if something that it needs is
/// missing; it has then printed what.
#[derive(Clone, Copy)]
pub(crate) enum Measure {
    /// With the server that all contenders ask.
    Asking(fn(&Addresses, usize) -> Result<Option<Figure>>),
    /// Without it: it never sleeps, and its core is needed for others.
    Alone(fn(usize) -> Result<Option<Figure>>),
}

use Measure::{Alone, Asking};

pub(crate) const CANNED: &str = "one call without network, µs";
pub(crate) const CROWD: &str = "throughput at 1,000 in flight to that at 32";
pub(crate) const IDLE: &str = "an idle instance, KiB";
pub(crate) const DECISION: &str = "a decision without a question, µs";
pub(crate) const ASYNC_DECISION: &str = "a decision in WASI 0.3, µs";
pub(crate) const FRESH_DECISION: &str = "a decision by a fresh instance, µs";
pub(crate) const ASKING: &str = "a decision with a GET, 32 in flight, to a GET";
pub(crate) const ASYNC_ASKING: &str = "a decision with a GET in WASI 0.3, to a GET";
pub(crate) const IDLE_PLUGIN: &str = "an idle plugin, KiB";
pub(crate) const SERVED: &str = "serve that answers, to wasmtime serve, requests/s";
pub(crate) const SERVED_P99: &str = "serve that answers, to wasmtime serve, p99";
pub(crate) const SERVED_FRESH: &str = "serve that answers, to wasmtime serve as it comes";
pub(crate) const SERVED_ASKING: &str = "serve that asks, to wasmtime serve, requests/s";
pub(crate) const SERVED_ASKING_FRESH: &str = "serve that asks, to wasmtime serve as it comes";
pub(crate) const FORWARD_AUTH: &str = "serve behind nginx auth_request, added p50 µs";
pub(crate) const WARM: &str = "whole process to curl's, warm";
pub(crate) const FIRST: &str = "whole process to curl's, first run";

/// Every figure, with what measures it.
pub(crate) const ALL: [(&str, Measure); 17] = [
    (CANNED, Asking(canned)),
    (CROWD, Asking(crowd)),
    (IDLE, Asking(idle::of_instance)),
    (DECISION, Asking(decisions::reused)),
    (ASYNC_DECISION, Asking(decisions::reused_async)),
    (FRESH_DECISION, Asking(decisions::fresh)),
    (ASKING, Asking(decisions::asking)),
    (ASYNC_ASKING, Asking(decisions::asking_async)),
    (IDLE_PLUGIN, Asking(idle::of_plugin)),
    (WARM, Asking(program::warm)),
    (FIRST, Asking(program::first)),
    (SERVED, Alone(serving::answering)),
    (SERVED_P99, Alone(serving::answering_p99)),
    (SERVED_FRESH, Alone(serving::answering_as_it_comes)),
    (SERVED_ASKING, Alone(serving::asking)),
    (SERVED_ASKING_FRESH, Alone(serving::asking_as_it_comes)),
    (FORWARD_AUTH, Alone(serving::added)),
];

/// Calls whose replies the host makes up, so that no socket is used.
fn canned(_: &Addresses, rounds: usize) -> Result<Option<Figure>> {
    const CALLS: u32 = 20_000;
    let runtime = runtime::single_threaded()?;
    let mut times = Vec::new();
    for _ in 0..rounds {
        let took = runtime
            .block_on(rest_client_host::canned_calls(CALLS, SMALL))
            .map_err(anyhow::Error::from)?;
        times.push(took.as_secs_f64() / f64::from(CALLS) * 1e6);
    }
    Ok(Some(Figure::of(times)))
}

/// Whether many calls in flight slow each other down.
fn crowd(addresses: &Addresses, rounds: usize) -> Result<Option<Figure>> {
    let url = format!("http://{}/small", addresses.plain);
    let mut ours = Library::new(addresses)?;
    let mut ratios = Vec::new();
    for round in 0..=rounds {
        let mut throughput = |in_flight| -> Result<f64> {
            let load = Load {
                over: Over::Http,
                url: &url,
                size: SMALL,
                calls: 10_000,
                in_flight,
            };
            Ok(1.0 / ours.run(load)?.as_secs_f64())
        };
        let (few, many) = (throughput(32)?, throughput(1000)?);
        if round > 0 {
            ratios.push(many / few);
        }
    }
    Ok(Some(Figure::of(ratios)))
}
