//! All figures of a run, and whether they meet their targets.

use crate::{cases::Measured, contenders::names, figure::Figure, solo};
use serde::Serialize;
use std::{collections::BTreeMap, fmt::Write as _};

/// What a run has measured.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    pub(crate) cases: Vec<Measured>,
    pub(crate) solo: BTreeMap<&'static str, Figure>,
}

/// What a figure should be.
enum Target {
    AtLeast(f64),
    AtMost(f64),
    /// There is none yet.
    Open,
}

impl Report {
    /// Adds the figure, if it could be measured.
    pub(crate) fn add_solo(&mut self, name: &'static str, figure: Option<Figure>) {
        if let Some(figure) = figure {
            self.solo.insert(name, figure);
        }
    }

    /// A table of the targets whose figure was measured.
    pub(crate) fn targets(&self) -> String {
        use Target::{AtLeast, AtMost, Open};
        let case = |name: &str| self.cases.iter().find(|it| it.case.name() == name);
        let (small, large, http2, unix, full, resumed) = (
            case("http, 200 B, 32 in flight"),
            case("http, 1 MiB, 32 in flight"),
            case("http/2, 200 B, 32 in flight"),
            case("unix, 200 B, 32 in flight"),
            case("full handshakes, 200 B, 32 in flight"),
            case("resumed sessions, 200 B, 32 in flight"),
        );
        let against = |measured: Option<&Measured>, other| {
            measured.and_then(|it| it.ratio(names::OURS, other))
        };
        let solo = |name| self.solo.get(name).copied();
        let rows = [
            (
                "200 B, 32 in flight, to reqwest",
                against(small, names::REQWEST),
                AtLeast(1.0),
            ),
            (
                "200 B, 32 in flight, to native",
                against(small, names::NATIVE),
                AtLeast(0.75),
            ),
            (
                "200 B, 32 in flight, to libcurl",
                against(small, names::LIBCURL),
                AtLeast(0.9),
            ),
            (
                "1 MiB, 32 in flight, to native",
                against(large, names::NATIVE),
                AtLeast(0.95),
            ),
            (
                "200 B over HTTP/2, 32 in flight, to reqwest",
                against(http2, names::REQWEST),
                AtLeast(1.0),
            ),
            (
                "200 B over a Unix socket, 32 in flight, to native",
                against(unix, names::NATIVE),
                AtLeast(0.6),
            ),
            (
                "full handshakes of TLS 1.3, to reqwest",
                against(full, names::REQWEST),
                AtLeast(1.0),
            ),
            (
                "resumed sessions of TLS 1.3, to reqwest",
                against(resumed, names::REQWEST),
                AtLeast(1.0),
            ),
            (
                "1 MiB, 32 in flight, to libcurl",
                against(large, names::LIBCURL),
                AtLeast(0.9),
            ),
            (solo::CANNED, solo(solo::CANNED), AtMost(2.5)),
            (
                "a fresh instance for every call, added µs",
                small.and_then(|it| it.added(names::FRESH, names::OURS)),
                AtMost(10.0),
            ),
            (solo::CROWD, solo(solo::CROWD), AtLeast(0.95)),
            (solo::IDLE, solo(solo::IDLE), AtMost(50.0)),
            (solo::DECISION, solo(solo::DECISION), AtMost(3.0)),
            (solo::ASYNC_DECISION, solo(solo::ASYNC_DECISION), Open),
            (
                solo::FRESH_DECISION,
                solo(solo::FRESH_DECISION),
                AtMost(20.0),
            ),
            (solo::ASKING, solo(solo::ASKING), AtLeast(0.8)),
            (solo::ASYNC_ASKING, solo(solo::ASYNC_ASKING), Open),
            (solo::IDLE_PLUGIN, solo(solo::IDLE_PLUGIN), AtMost(300.0)),
            (solo::WARM, solo(solo::WARM), AtMost(0.5)),
            (solo::FIRST, solo(solo::FIRST), AtMost(0.5)),
            (solo::SERVED, solo(solo::SERVED), AtLeast(2.0)),
            (solo::SERVED_P99, solo(solo::SERVED_P99), AtMost(0.5)),
            (solo::SERVED_FRESH, solo(solo::SERVED_FRESH), AtLeast(2.0)),
            (solo::SERVED_ASKING, solo(solo::SERVED_ASKING), AtLeast(3.0)),
            (
                solo::SERVED_ASKING_FRESH,
                solo(solo::SERVED_ASKING_FRESH),
                AtLeast(3.0),
            ),
            (solo::FORWARD_AUTH, solo(solo::FORWARD_AUTH), AtMost(100.0)),
        ];
        let mut text = String::new();
        for (name, figure, target) in rows {
            let Some(Figure { median, min, max }) = figure else {
                continue;
            };
            let verdict = |met| if met { "met" } else { "missed" };
            let target = match target {
                AtLeast(limit) => format!("≥ {limit:<5} {}", verdict(median >= limit)),
                AtMost(limit) => format!("≤ {limit:<5} {}", verdict(median <= limit)),
                Open => String::new(),
            };
            // Writing to a String can't fail.
            let _ = writeln!(
                text,
                "{name:<50} {median:>8.2} ({min:.2} to {max:.2})  {target}"
            );
        }
        text
    }
}
