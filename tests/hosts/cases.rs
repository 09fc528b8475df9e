//! What is tried in each host.

use crate::peers::{Peers, SLOW};
use Group::{Deadlines, Errors, Limits, Redirects, Replies, Transfers};
use rest_client_host::Wasi;
use std::{ops::Range, time::Duration};

/// What a case is about: a column of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    Replies,
    Redirects,
    Errors,
    Deadlines,
    Limits,
    Transfers,
}

impl Group {
    pub(crate) const ALL: [Self; 6] = [
        Self::Replies,
        Self::Redirects,
        Self::Errors,
        Self::Deadlines,
        Self::Limits,
        Self::Transfers,
    ];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Replies => "replies",
            Self::Redirects => "redirects",
            Self::Errors => "errors",
            Self::Deadlines => "deadlines",
            Self::Limits => "limits",
            Self::Transfers => "transfers and the cap",
        }
    }
}

/// Calls, each with what should come of it.
pub(crate) struct Case {
    pub(crate) group: Group,
    /// What holds if it goes well.
    pub(crate) name: &'static str,
    pub(crate) calls: Vec<(String, &'static str)>,
    /// What all of them take.
    pub(crate) takes: Range<Duration>,
}

/// Far from what any deadline here is.
const LONG: Duration = Duration::from_secs(60);

/// A deadline, and by when it has to have been kept, on a busy machine.
pub(crate) const DEADLINE: Range<Duration> = Duration::from_millis(390)..Duration::from_secs(3);

/// All that are tried with the component for `wasi`.
pub(crate) fn cases(peers: &Peers, wasi: Wasi) -> Vec<Case> {
    let url = |path: &str| peers.server.url(path);
    let any = Duration::ZERO..LONG;
    let one = |group, name, call: String, expected| Case {
        group,
        name,
        calls: vec![(call, expected)],
        takes: any.clone(),
    };
    let timed = |group, name, takes, calls: Vec<(String, &'static str)>| Case {
        group,
        name,
        calls,
        takes,
    };
    let get = |path: &str| format!("get {}", url(path));
    let set = |what: &str| (format!("set {what}"), "set");
    let mut cases = vec![
        one(Replies, "a reply is had", get("/credit"), "200 12.50 EUR"),
        one(
            Replies,
            "a status of 404 is a reply",
            get("/other"),
            "404 nobody",
        ),
        one(
            Replies,
            "header fields are sent",
            format!("with-field x-probe 1 {}", url("/field")),
            "200 1",
        ),
        one(
            Replies,
            "a body of 3 MB is sent",
            format!("post 3000000 {}", url("/length")),
            "200 3000000",
        ),
        one(
            Redirects,
            "no redirect is followed unasked",
            get("/redirect"),
            "302 ",
        ),
        one(
            Redirects,
            "redirects are followed",
            format!("follow 3 {}", url("/redirect")),
            "200 12.50 EUR",
        ),
        one(
            Redirects,
            "redirects have an end",
            format!("follow 3 {}", url("/around")),
            "protocol",
        ),
        one(
            Errors,
            "nobody listens: `connection-refused`",
            format!("get {}", peers.refusing.url()),
            "connection-refused",
        ),
        one(
            Errors,
            "no such name: `dns`",
            "get http://nobody.invalid/".into(),
            "dns",
        ),
        one(
            Errors,
            "no such scheme: `invalid-url`",
            "get ftp://h/".into(),
            "invalid-url",
        ),
        one(
            Errors,
            "fields of the transport: `invalid-header`",
            format!("with-field content-length 1 {}", url("/field")),
            "invalid-header",
        ),
        one(
            Errors,
            "an unknown authority: `tls`",
            format!("get {}", peers.tls.url("/credit")),
            "tls",
        ),
        one(
            Errors,
            "a body that is cut: `protocol`",
            get("/cut"),
            "protocol",
        ),
        one(
            Errors,
            "what is no HTTP: `protocol`",
            get("/nonsense"),
            "protocol",
        ),
        timed(
            Deadlines,
            "transfer-timeout, no reply",
            DEADLINE,
            vec![(
                format!("get-within 400 {}", url("/silent")),
                "transfer-timeout 0 0 bytes",
            )],
        ),
        timed(
            Deadlines,
            "transfer-timeout, half a body",
            DEADLINE,
            vec![(
                format!("get-within 400 {}", url("/half")),
                "transfer-timeout 200 3 bytes",
            )],
        ),
        timed(
            Deadlines,
            "transfer-timeout of a transfer that is waited for",
            DEADLINE,
            vec![(
                format!("wait-within 400 {}", url("/silent")),
                "transfer-timeout 0 0 bytes",
            )],
        ),
        timed(
            Deadlines,
            "transfer-timeout as it is configured",
            DEADLINE,
            vec![
                set("transfer-timeout 400"),
                (get("/silent"), "transfer-timeout 0 0 bytes"),
            ],
        ),
        timed(
            Deadlines,
            "connection-timeout",
            DEADLINE,
            vec![(
                format!("connect-within 400 {}", peers.full.url()),
                "connection-timeout",
            )],
        ),
        timed(
            Limits,
            "max-transfer-size, announced",
            any.clone(),
            vec![set("max-transfer-size 1000"), (get("/large"), "too-large")],
        ),
        timed(
            Limits,
            "max-transfer-size, unannounced",
            any.clone(),
            vec![
                set("max-transfer-size 1000"),
                (get("/endless"), "too-large"),
            ],
        ),
        one(
            Transfers,
            "the first of several replies is seen",
            format!(
                "first {} {} {}",
                url("/silent"),
                url("/silent"),
                url("/slow")
            ),
            "place 2",
        ),
        timed(
            Transfers,
            "transfers run at a time",
            SLOW..SLOW * 25,
            vec![(format!("many 50 {}", url("/slow")), "50 x 200 slow")],
        ),
        timed(
            Transfers,
            "the cap rejects",
            any.clone(),
            vec![
                set("cap-that-rejects 3"),
                (format!("many 5 {}", url("/slow")), "3 x 200 slow, 2 x busy"),
            ],
        ),
        timed(
            Transfers,
            "the cap blocks",
            SLOW * 2..LONG,
            vec![
                set("cap 3"),
                (format!("many 5 {}", url("/slow")), "5 x 200 slow"),
            ],
        ),
        one(
            Limits,
            "what the host can't keep is refused",
            "set ssl-verifypeer false".into(),
            "refused ssl-verifypeer",
        ),
    ];
    if wasi == Wasi::P3 {
        cases.extend([
            one(
                Replies,
                "a body is read as it arrives",
                format!("open-within 20000 {}", url("/credit")),
                "200 9 bytes",
            ),
            timed(
                Deadlines,
                "transfer-timeout of a body that is read as it arrives",
                DEADLINE,
                vec![(
                    format!("open-within 400 {}", url("/half")),
                    "3 bytes, transfer-timeout",
                )],
            ),
            timed(
                Transfers,
                "the cap has the rest wait",
                SLOW * 2..LONG,
                vec![
                    set("cap-that-waits 3"),
                    (format!("many 5 {}", url("/slow")), "5 x 200 slow"),
                ],
            ),
        ]);
    }
    cases
}
