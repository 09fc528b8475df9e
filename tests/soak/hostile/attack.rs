//! The attacks of servers: each is a call, and what is right for it to end with.

use super::targets::Targets;
use rest_client_host::{AtCap, Error, ErrorKind, Host, HttpVersion, Instance, Request, Response};
use std::{
    net::SocketAddr,
    path::Path,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};
use support::{config, floods::floods};

/// Of calls that may wait in vain.
pub(super) const CONNECTION_TIMEOUT: Duration = Duration::from_millis(150);
pub(super) const TRANSFER_TIMEOUT: Duration = Duration::from_millis(200);

/// What is right for a call to end with.
#[derive(Debug, Clone, Copy)]
pub(super) enum Right {
    Reply,
    Error(&'static [ErrorKind]),
    /// A reply, or one of these.
    ReplyOr(&'static [ErrorKind]),
}

/// Of the call as a whole, and of its connection where the machine is busy.
const IN_VAIN: Right = Right::Error(&[ErrorKind::TransferTimeout, ErrorKind::ConnectionTimeout]);
const BROKEN: Right = Right::Error(&[ErrorKind::Protocol]);
const BROKEN_OR_IN_VAIN: Right = Right::Error(&[
    ErrorKind::Protocol,
    ErrorKind::TransferTimeout,
    ErrorKind::ConnectionTimeout,
]);
const SILENT_OR_NOT: Right = Right::ReplyOr(&[ErrorKind::TransferTimeout]);
const UNCONNECTED: Right = Right::Error(&[ErrorKind::ConnectionTimeout]);

/// The instances that are attacked, each of a host of its own.
pub(super) struct Victims {
    pub(super) auto: Instance,
    pub(super) http2: Instance,
    /// Its name server never answers.
    pub(super) nameless: Instance,
    /// Of the same host as `auto`.
    pub(super) neighbour: Instance,
}

impl Victims {
    /// What stands for the life of a campaign.
    pub(super) fn new(ca: &Path, silent: SocketAddr) -> Result<Self, String> {
        // Honest calls have all the time that they need, on any machine.
        let base = || {
            config!(
                transfer_timeout = Duration::from_secs(60),
                at_cap = AtCap::Wait,
                ssl_capath = Some(ca.to_owned()),
                idle_timeout = Duration::from_secs(1),
                max_idle_connections = 64,
                egress = config::loopback(),
            )
        };
        let host = |config| Host::new(config).map_err(|error| error.to_string());
        let auto = host(base())?;
        let http2 = config!(http_version = HttpVersion::Http2PriorKnowledge, ..base());
        let nameless = config!(dns_servers = vec![silent], ..base());
        Ok(Self {
            auto: auto.instance(),
            neighbour: auto.instance(),
            http2: host(http2)?.instance(),
            nameless: host(nameless)?.instance(),
        })
    }

    pub(super) fn all(&self) -> [(&'static str, &Instance); 4] {
        [
            ("auto", &self.auto),
            ("http2", &self.http2),
            ("nameless", &self.nameless),
            ("neighbour", &self.neighbour),
        ]
    }
}

impl Right {
    /// Whether a call may wait until its deadline, as far as its server is
    /// concerned.
    fn is_in_vain(self) -> bool {
        match self {
            Self::Reply => false,
            Self::ReplyOr(kinds) | Self::Error(kinds) => {
                kinds.contains(&ErrorKind::TransferTimeout)
                    || kinds.contains(&ErrorKind::ConnectionTimeout)
            }
        }
    }

    pub(super) fn allows(self, outcome: &Result<Response, Error>) -> bool {
        match (self, outcome) {
            (Self::Reply | Self::ReplyOr(_), Ok(_)) => true,
            (Self::Error(kinds) | Self::ReplyOr(kinds), Err(error)) => {
                kinds.contains(&error.kind())
            }
            (Self::Reply, Err(_)) | (Self::Error(_), Ok(_)) => false,
        }
    }
}

type Make = Box<dyn Fn(&Victims) -> Request + Send + Sync>;

/// One attack.
pub(super) struct Attack {
    pub(super) name: String,
    pub(super) right: Right,
    make: Make,
}

impl Attack {
    fn new(
        name: impl Into<String>,
        right: Right,
        make: impl Fn(&Victims) -> Request + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            right,
            make: Box::new(make),
        }
    }

    /// The call that meets it, with the deadlines that are [`CONNECTION_TIMEOUT`]
    /// and [`TRANSFER_TIMEOUT`] where it may have to wait for them.
    pub(super) fn call(&self, victims: &Victims) -> Request {
        let request = (self.make)(victims);
        if !self.right.is_in_vain() {
            return request;
        }
        request
            .connection_timeout(CONNECTION_TIMEOUT)
            .transfer_timeout(TRANSFER_TIMEOUT)
    }
}

/// All attacks on `targets`.
pub(super) fn attacks(targets: &Targets) -> Vec<Attack> {
    let mut attacks = Vec::new();
    for (number, (name, _)) in floods().into_iter().enumerate() {
        for (server, with) in [(&targets.plain, ""), (&targets.tls, " over TLS")] {
            let url = server.url(&format!("/flood/{number}"));
            attacks.push(Attack::new(
                format!("a flood of {name}{with}"),
                BROKEN_OR_IN_VAIN,
                move |victims| victims.auto.rest_get(&url),
            ));
        }
    }
    attacks.extend(of_http1(targets));
    attacks.extend(without_a_server(targets));
    attacks.extend(of_http2(targets));
    attacks
}

fn of_http1(targets: &Targets) -> Vec<Attack> {
    // They may fill what rustls has for them.
    const SECURED_IN_VAIN: Right = Right::Error(&[
        ErrorKind::Tls,
        ErrorKind::TransferTimeout,
        ErrorKind::ConnectionTimeout,
    ]);
    const TOO_LARGE: Right = Right::Error(&[ErrorKind::TooLarge]);
    let rows = [
        ("/tickets", "tickets", SECURED_IN_VAIN),
        ("/stall", "a reply that never comes", IN_VAIN),
        ("/half", "half a reply, and no more", IN_VAIN),
        ("/drip", "a reply that drips", IN_VAIN),
        ("/cut", "a reply that is cut short", BROKEN),
        ("/reset", "a reset", BROKEN),
        ("/large", "a body that is announced too large", TOO_LARGE),
        ("/endless", "a body without end", TOO_LARGE),
        ("/switch", "a protocol nobody asked for", BROKEN),
        ("/coding", "a transfer coding nobody asked for", BROKEN),
        ("/file", "a redirect to a file", BROKEN),
        ("/around", "redirects without end", BROKEN),
        ("/slowly", "redirects that take their time", IN_VAIN),
        ("/close", "a connection closed behind a reply", Right::Reply),
    ];
    let mut attacks = Vec::new();
    for (path, name, right) in rows {
        let server = match path {
            "/tickets" => &targets.tickets,
            "/close" => &targets.closing,
            _ => &targets.plain,
        };
        let url = server.url(path);
        attacks.push(Attack::new(name, right, move |victims| {
            victims.auto.rest_get(&url).max_redirects(10)
        }));
    }
    let url = targets.closing.url("/close");
    attacks.push(Attack::new(
        "a connection closed behind the reply to a POST",
        // The first of all may be sent just before the server closes.
        Right::ReplyOr(&[ErrorKind::Protocol]),
        move |victims| victims.auto.rest_post(&url, "x"),
    ));
    // Each call asks another origin.
    let port = targets.anywhere.port();
    let next = AtomicU32::new(0);
    attacks.push(Attack::new(
        "origins without end",
        Right::Reply,
        move |victims| {
            let [_, a, b, c] = (next.fetch_add(1, Relaxed) % 0xff_ffff).to_be_bytes();
            let url = format!("http://127.{a}.{b}.{}:{port}/", c | 1);
            victims.auto.rest_get(&url)
        },
    ));
    attacks
}

fn without_a_server(targets: &Targets) -> Vec<Attack> {
    const REFUSED: Right = Right::Error(&[ErrorKind::ConnectionRefused]);
    let rows = [
        ("a refusal", targets.refusing.url(), REFUSED),
        ("a SYN that is lost", targets.full.url(), UNCONNECTED),
        (
            "a handshake that hangs",
            targets.silent.https(),
            UNCONNECTED,
        ),
        ("words before a question", targets.blunt.http(), BROKEN),
        (
            "no TLS where it should be",
            targets.blunt.https(),
            Right::Error(&[ErrorKind::Tls]),
        ),
    ];
    let mut attacks: Vec<_> = rows
        .into_iter()
        .map(|(name, url, right)| {
            Attack::new(name, right, move |victims| victims.auto.rest_get(&url))
        })
        .collect();
    attacks.push(Attack::new(
        "a name server that never answers",
        UNCONNECTED,
        |victims| victims.nameless.rest_get("http://nobody.test/"),
    ));
    attacks
}

fn of_http2(targets: &Targets) -> Vec<Attack> {
    let rows = [
        ("GOAWAY", &targets.going, Right::Reply),
        ("refused streams", &targets.refusing_once, Right::Reply),
        ("a reset inside a body", &targets.resetting, BROKEN),
        ("an end inside a body", &targets.ending, BROKEN),
        ("ENHANCE_YOUR_CALM", &targets.calming, BROKEN),
        ("silence", &targets.falling_silent, SILENT_OR_NOT),
        ("a flood of interim replies", &targets.interim, IN_VAIN),
        (
            "a flood of empty parts",
            &targets.empty_parts,
            BROKEN_OR_IN_VAIN,
        ),
    ];
    rows.into_iter()
        .map(|(name, server, right)| {
            let url = server.url();
            Attack::new(format!("{name} of HTTP/2"), right, move |victims| {
                victims.http2.rest_post(&url, "x")
            })
        })
        .collect()
}
