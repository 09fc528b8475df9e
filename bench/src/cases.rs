//! The loads that the contenders carry side by side.

use crate::{
    contenders::{self, names},
    figure::Figure,
    load::Load,
    server::{Addresses, LARGE, SMALL},
};
use anyhow::Result;
use serde::Serialize;
use std::fmt::Write as _;

/// One kind of load.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Case {
    tls: bool,
    /// Bytes of a body.
    size: usize,
    in_flight: usize,
}

/// How the contenders did.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    pub(crate) case: Case,
    pub(crate) contenders: Vec<Row>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// Of one call, when so many are in flight.
    pub(crate) microseconds: Figure,
    /// Calls in a time, against native.
    pub(crate) to_native: Figure,
    #[serde(skip)]
    rounds: Vec<f64>,
}

pub(crate) fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    for tls in [false, true] {
        for size in [SMALL, LARGE] {
            for in_flight in [1, 32, 300] {
                cases.push(Case {
                    tls,
                    size,
                    in_flight,
                });
            }
        }
    }
    cases
}

impl Case {
    pub(crate) fn name(self) -> String {
        let size = if self.size == SMALL { "200 B" } else { "1 MiB" };
        format!("{}, {size}, {} in flight", self.scheme(), self.in_flight)
    }

    fn scheme(self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }

    /// Calls of one round: enough for a few tenths of a second.
    fn calls(self) -> usize {
        let calls = if self.size == SMALL { 8000 } else { 300 };
        calls.max(self.in_flight * 2)
    }
}

/// Has every contender carry the load of `case`, round by round.
pub(crate) fn measure(case: Case, addresses: &Addresses, rounds: usize) -> Result<Measured> {
    let address = if case.tls {
        addresses.tls
    } else {
        addresses.plain
    };
    let path = if case.size == SMALL { "small" } else { "large" };
    let url = format!("{}://{address}/{path}", case.scheme());
    let load = Load {
        url: &url,
        size: case.size,
        calls: case.calls(),
        in_flight: case.in_flight,
    };
    // New ones for each case: connections that are kept count to what a process
    // may have open.
    let mut contenders = contenders::all(addresses)?;
    contenders.retain(|contender| !case.tls || contender.speaks_tls());
    let mut times = vec![Vec::new(); contenders.len()];
    for round in 0..=rounds {
        for (contender, times) in contenders.iter_mut().zip(&mut times) {
            let took = contender.run(load)?.as_secs_f64() / load.calls as f64;
            // The first one opens connections and fills caches.
            if round > 0 {
                times.push(took * 1e6);
            }
        }
    }
    let native = contenders.iter().position(|it| it.name() == names::NATIVE);
    let native = native.map_or_else(Vec::new, |index| times[index].clone());
    let rows = contenders.iter().zip(times).map(|(contender, rounds)| Row {
        name: contender.name(),
        microseconds: Figure::of(rounds.iter().copied()),
        to_native: Figure::of(ratios(&native, &rounds)),
        rounds,
    });
    Ok(Measured {
        case,
        contenders: rows.collect(),
    })
}

/// Round by round, how many times faster `these` are than `those`.
fn ratios(those: &[f64], these: &[f64]) -> Vec<f64> {
    those
        .iter()
        .zip(these)
        .map(|(that, this)| that / this)
        .collect()
}

impl Measured {
    fn row(&self, name: &str) -> Option<&Row> {
        self.contenders.iter().find(|row| row.name == name)
    }

    /// How many times the throughput of `other` that of `name` is.
    pub(crate) fn ratio(&self, name: &str, other: &str) -> Option<Figure> {
        let (name, other) = (self.row(name)?, self.row(other)?);
        Some(Figure::of(ratios(&other.rounds, &name.rounds)))
    }

    /// How much longer a call of `name` takes than one of `other`, in
    /// microseconds.
    pub(crate) fn added(&self, name: &str, other: &str) -> Option<Figure> {
        let (name, other) = (self.row(name)?, self.row(other)?);
        let rounds = name.rounds.iter().zip(&other.rounds);
        Some(Figure::of(rounds.map(|(name, other)| name - other)))
    }

    pub(crate) fn text(&self) -> String {
        let mut text = format!("{}\n", self.case.name());
        for row in &self.contenders {
            let Figure { median, min, max } = row.to_native;
            // A String takes everything.
            let _ = writeln!(
                text,
                "  {:<30} {:>9.2} µs   {median:>5.2} × native ({min:.2} to {max:.2})",
                row.name, row.microseconds.median
            );
        }
        text
    }
}
