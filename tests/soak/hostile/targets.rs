//! The servers that attack. They are made anew for every round, since they
//! remember all that they were asked.

use std::{sync::Arc, time::Duration};
use support::{
    floods::floods,
    http2_frames::{Frame, FramesServer},
    pki::Identity,
    server::{Seen, Server},
    steps::{Step, head, ok, raw, reply},
    unresponsive::{Blunt, FullBacklog, Refusing, Silent},
};

const NO_ERROR: u32 = 0;
const REFUSED_STREAM: u32 = 7;
const ENHANCE_YOUR_CALM: u32 = 11;

/// What keeps a client busy for longer than a call may take.
const TICKETS: usize = 50_000;

/// A reply of HTTP/2 without a body.
const EMPTY: Frame = Frame::WholeHead(b"");

pub(super) struct Targets {
    pub(super) plain: Server,
    /// Answers one request in three.
    pub(super) hardly_answering: Server,
    pub(super) tls: Server,
    /// Keeps no connection, and says nothing of it.
    pub(super) closing: Server,
    /// Its handshake ends with session tickets, and they do not end.
    pub(super) tickets: Server,
    /// At every address of the loopback network.
    pub(super) anywhere: Server,
    pub(super) refusing: Refusing,
    pub(super) full: FullBacklog,
    pub(super) silent: Silent,
    pub(super) blunt: Blunt,
    pub(super) going: FramesServer,
    pub(super) refusing_once: FramesServer,
    pub(super) resetting: FramesServer,
    pub(super) ending: FramesServer,
    pub(super) calming: FramesServer,
    pub(super) falling_silent: FramesServer,
    pub(super) interim: FramesServer,
    pub(super) empty_parts: FramesServer,
}

impl Targets {
    pub(super) async fn start(identity: &Identity) -> Self {
        let mut tickets = (*identity.server_config()).clone();
        tickets.send_tls13_tickets = TICKETS;
        Self {
            plain: Server::start(misbehave).await,
            hardly_answering: Server::answering_one_in(3).await,
            tls: Server::start_tls(identity, misbehave).await,
            closing: Server::start(|_| [ok(""), vec![Step::Close]].concat()).await,
            tickets: Server::start_tls_as(Arc::new(tickets), |_| vec![Step::Stall]).await,
            anywhere: Server::start_on("0.0.0.0:0", |_| ok("")).await,
            refusing: Refusing::default(),
            full: FullBacklog::default(),
            silent: Silent::start().await,
            blunt: Blunt::start(b"SSH-2.0-OpenSSH_9.2\r\n").await,
            going: FramesServer::start(|met| match met.request {
                // The third of them is on stream 5.
                0..3 => vec![EMPTY],
                _ => vec![Frame::GoAway(5, NO_ERROR), Frame::Close],
            })
            .await,
            refusing_once: FramesServer::start(|met| match met.request % 8 {
                0 => vec![Frame::Reset(REFUSED_STREAM)],
                _ => vec![EMPTY],
            })
            .await,
            resetting: breaking_off_with(Frame::Reset(NO_ERROR)).await,
            ending: breaking_off_with(Frame::Close).await,
            calming: FramesServer::start(|_| vec![Frame::Reset(ENHANCE_YOUR_CALM)]).await,
            falling_silent: FramesServer::start(|met| match met.request {
                0 => vec![EMPTY],
                _ => vec![],
            })
            .await,
            interim: flooding_with(vec![], Frame::Interim).await,
            empty_parts: flooding_with(vec![Frame::Head(b"")], Frame::Data(b"")).await,
        }
    }
}

async fn breaking_off_with(end: Frame) -> FramesServer {
    FramesServer::start(move |_| vec![Frame::Head(b""), Frame::Data(b"half"), end.clone()]).await
}

async fn flooding_with(before: Vec<Frame>, frame: Frame) -> FramesServer {
    let flood = Frame::Flood(vec![frame]);
    FramesServer::start(move |_| [before.clone(), vec![flood.clone()]].concat()).await
}

fn misbehave(seen: &Seen) -> Vec<Step> {
    let mut words = seen.target.split('/').skip(1);
    let kind = words.next().unwrap_or_default();
    let number = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
    let redirect = |location: &str| reply("302 Found", &[("location", location)], b"");
    let half = || vec![head("200 OK", &[("content-length", "10")]), raw("half")];
    match kind {
        "flood" => floods().into_iter().nth(number).expect("a flood").1,
        "half" => [half(), vec![Step::Stall]].concat(),
        "cut" => [half(), vec![Step::Close]].concat(),
        "drip" => {
            let endless = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n".repeat(100);
            vec![Step::Drip(endless.into(), Duration::from_millis(5))]
        }
        "reset" => vec![Step::Reset],
        "large" => vec![
            head("200 OK", &[("content-length", "99999999")]),
            Step::Stall,
        ],
        "endless" => {
            let part = vec![b'x'; 64 << 10].into();
            vec![head("200 OK", &[]), Step::Flood(part)]
        }
        "switch" => vec![
            head("101 Switching Protocols", &[("upgrade", "x")]),
            Step::Stall,
        ],
        "coding" => vec![
            head("200 OK", &[("transfer-encoding", "gzip, chunked")]),
            Step::Stall,
        ],
        "file" => redirect("file:///etc/passwd"),
        "around" => redirect("/around"),
        "slowly" => {
            let pause = Step::Pause(Duration::from_millis(40));
            [vec![pause], redirect("/slowly")].concat()
        }
        _ => vec![Step::Stall],
    }
}
