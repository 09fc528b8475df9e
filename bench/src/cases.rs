//! The loads that all contenders carry, and how long each contender takes.

use crate::{
    contenders::{self, names, ours::SERVICE},
    figure::Figure,
    load::{Load, Over},
    server::{Addresses, LARGE, SMALL},
};
use anyhow::{Result, ensure};
use serde::Serialize;
use std::fmt::Write as _;

/// One kind of load.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Case {
    over: Over,
    /// Bytes of a reply's body.
    size: usize,
    in_flight: usize,
}

/// What all contenders took for one case.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    pub(crate) case: Case,
    pub(crate) contenders: Vec<Row>,
}

/// What one contender took.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// The time of a round, divided by its calls.
    pub(crate) microseconds: Figure,
    /// Throughput as a multiple of native's.
    pub(crate) to_native: Figure,
    /// The microseconds of one call, round by round.
    #[serde(skip)]
    times: Vec<f64>,
}

/// Every combination of TLS, size and calls in flight; small replies over HTTP/2, at a socket,
/// and by connections that nobody keeps.
pub(crate) fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    for over in [Over::Http, Over::Https] {
        for size in [SMALL, LARGE] {
            for in_flight in [1, 32, 300] {
                cases.push(Case {
                    over,
                    size,
                    in_flight,
                });
            }
        }
    }
    for over in [
        Over::Http2,
        Over::Unix,
        Over::FullHandshakes,
        Over::Resumptions,
    ] {
        cases.push(Case {
            over,
            size: SMALL,
            in_flight: 32,
        });
    }
    cases
}

impl Case {
    pub(crate) fn name(self) -> String {
        let size = if self.size == SMALL { "200 B" } else { "1 MiB" };
        format!("{}, {size}, {} in flight", self.scheme(), self.in_flight)
    }

    fn scheme(self) -> &'static str {
        match self.over {
            Over::Http => "http",
            Over::Https => "https",
            Over::Http2 => "http/2",
            Over::Unix => "unix",
            Over::FullHandshakes => "full handshakes",
            Over::Resumptions => "resumed sessions",
        }
    }

    /// How many calls make one round: enough for a few tenths of a second.
    fn calls(self) -> usize {
        let calls = match (self.over, self.size) {
            (Over::FullHandshakes | Over::Resumptions, _) => 800,
            (_, SMALL) => 8000,
            _ => 300,
        };
        calls.max(self.in_flight * 2)
    }
}

/// Has every contender carry the load of `case`, round by round.
pub(crate) fn measure(case: Case, addresses: &Addresses, rounds: usize) -> Result<Measured> {
    let path = if case.size == SMALL { "small" } else { "large" };
    let url = match case.over {
        Over::Http => format!("http://{}/{path}", addresses.plain),
        Over::Https => format!("https://{}/{path}", addresses.tls),
        Over::Http2 => format!("https://{}/{path}", addresses.http2),
        Over::Unix => format!("http://{SERVICE}.service.internal/{path}"),
        Over::FullHandshakes => format!("https://{}/close", addresses.tls_without_sessions),
        Over::Resumptions => format!("https://{}/close", addresses.tls),
    };
    let load = Load {
        over: case.over,
        url: &url,
        size: case.size,
        calls: case.calls(),
        in_flight: case.in_flight,
    };
    // Each case has new contenders. The connections that the old ones keep
    // count to what a process may have open.
    let mut contenders = contenders::all(addresses)?;
    contenders.retain(|contender| contender.speaks(case.over));
    let mut times = vec![Vec::new(); contenders.len()];
    for round in 0..=rounds {
        for (contender, times) in contenders.iter_mut().zip(&mut times) {
            let took = contender.run(load)?.as_secs_f64() / load.calls as f64;
            if case.over == Over::Http2 {
                let used = addresses.http2_connections_used()?;
                // The first calls may all connect, as none knows yet that one will do.
                ensure!(
                    round == 0 || used == 1,
                    "{} used {used} connections",
                    contender.name()
                );
            }
            // The first round opens connections and fills caches, so it does
            // not count.
            if round > 0 {
                times.push(took * 1e6);
            }
        }
    }
    let native = contenders.iter().position(|it| it.name() == names::NATIVE);
    let native = native.map_or_else(Vec::new, |index| times[index].clone());
    let rows = contenders.iter().zip(times).map(|(contender, times)| Row {
        name: contender.name(),
        microseconds: Figure::of(times.iter().copied()),
        to_native: Figure::of(speedups(&times, &native)),
        times,
    });
    Ok(Measured {
        case,
        contenders: rows.collect(),
    })
}

/// The throughput in each round, as a multiple of another contender's.
fn speedups(times: &[f64], others: &[f64]) -> Vec<f64> {
    let rounds = times.iter().zip(others);
    rounds.map(|(time, other)| other / time).collect()
}

impl Measured {
    fn row(&self, name: &str) -> Option<&Row> {
        self.contenders.iter().find(|row| row.name == name)
    }

    /// The throughput of `name` as a multiple of that of `other`.
    pub(crate) fn ratio(&self, name: &str, other: &str) -> Option<Figure> {
        let (name, other) = (self.row(name)?, self.row(other)?);
        Some(Figure::of(speedups(&name.times, &other.times)))
    }

    /// The microseconds by which a call of `name` takes longer than one of
    /// `other`.
    pub(crate) fn added(&self, name: &str, other: &str) -> Option<Figure> {
        let (name, other) = (self.row(name)?, self.row(other)?);
        let rounds = name.times.iter().zip(&other.times);
        Some(Figure::of(rounds.map(|(name, other)| name - other)))
    }

    /// A table for a person.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{}\n", self.case.name());
        for row in &self.contenders {
            let Figure { median, min, max } = row.to_native;
            // Writing to a String can't fail.
            let _ = writeln!(
                text,
                "  {:<30} {:>9.2} µs   {median:>5.2} × native ({min:.2} to {max:.2})",
                row.name, row.microseconds.median
            );
        }
        text
    }
}
