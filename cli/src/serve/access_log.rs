//! The access log: a line of JSON for each decision. It is written by a thread of its own,
//! so that nobody waits for a disk.

use super::listener::Peer;
use crate::{
    exit::{Exit, Problem},
    stderr,
};
use http::StatusCode;
use rest_client_host::{
    plugin::FailureKind,
    routing::{Decision, Protocol, Request},
};
use serde::Serialize;
use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write as _},
    iter,
    path::Path,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Bytes of a method. The rest is left out.
const LONGEST_METHOD: usize = 32;

/// Bytes of a target. The rest is left out.
const LONGEST_TARGET: usize = 500;

/// Lines that wait for the disk. What comes on top is lost, and counted.
const WAITING: usize = 4096;

/// The log.
pub(super) struct AccessLog {
    to_write: SyncSender<Told>,
}

enum Told {
    Line(String),
    /// The file may have been renamed.
    Reopen,
    /// Whoever waits is told when all lines before are written.
    Finish(SyncSender<()>),
}

/// What a line says. What is not known is left out.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    /// When it was asked for, in seconds since 1970.
    ts: f64,
    plugin: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    protocol: &'static str,
    method: String,
    /// Without a query, where secrets may be.
    target: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    decision: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    /// How the plugin failed; the decision is that of on-failure then.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<&'static str>,
    /// What the plugin says for the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Until the head of an answer that the plugin gives by itself, whose body may take
    /// longer.
    ms: f64,
}

impl<'a> Line<'a> {
    /// About `request`, before anything is decided.
    pub(super) fn begin(plugin: &'a str, request: &Request) -> Self {
        let protocol = match request.protocol {
            Protocol::Sip => "sip",
            Protocol::Http => "http",
        };
        Self {
            id: Some(request.id.clone()),
            source: request.source.as_ref().map(|it| it.address.clone()),
            ..Self::new(plugin, protocol, &request.method, &request.target)
        }
    }

    /// About a request that a plugin answers by itself.
    pub(super) fn of_http<B>(plugin: &'a str, request: &http::Request<B>, peer: Peer) -> Self {
        Self {
            source: match peer {
                Peer::Tcp(address) => Some(address.ip().to_canonical().to_string()),
                Peer::Unix => None,
            },
            ..Self::new(
                plugin,
                "http",
                request.method().as_str(),
                request.uri().path(),
            )
        }
    }

    fn new(plugin: &'a str, protocol: &'static str, method: &str, target: &str) -> Self {
        let target = target.split('?').next().unwrap_or_default();
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            ts: since.unwrap_or_default().as_secs_f64(),
            plugin,
            id: None,
            protocol,
            method: method[..method.floor_char_boundary(LONGEST_METHOD)].to_owned(),
            target: target[..target.floor_char_boundary(LONGEST_TARGET)].to_owned(),
            source: None,
            decision: "",
            code: None,
            failed: None,
            reason: None,
            ms: 0.0,
        }
    }

    /// The whole of it, where the plugin has answered by itself.
    pub(super) fn answered(
        mut self,
        status: StatusCode,
        failed: Option<FailureKind>,
        elapsed: Duration,
    ) -> String {
        self.decision = "answer";
        self.code = Some(status.as_u16());
        self.finish(failed, elapsed)
    }

    /// The whole of it.
    pub(super) fn end(
        mut self,
        decision: &Decision,
        failed: Option<FailureKind>,
        elapsed: Duration,
    ) -> String {
        let attributes = match decision {
            Decision::Continue(changes) => {
                self.decision = "continue";
                &changes.attributes
            }
            Decision::Answer(answer) => {
                self.decision = "answer";
                self.code = Some(answer.code);
                &answer.attributes
            }
            Decision::Redirect(redirect) => {
                self.decision = "redirect";
                self.code = redirect.code;
                &redirect.attributes
            }
            Decision::Drop(attributes) => {
                self.decision = "drop";
                attributes
            }
        };
        let reason = attributes.iter().find(|(name, _)| name == "reason");
        self.reason = reason.map(|(_, value)| value.clone());
        self.finish(failed, elapsed)
    }

    fn finish(mut self, failed: Option<FailureKind>, elapsed: Duration) -> String {
        self.failed = failed.map(FailureKind::as_str);
        self.ms = (elapsed.as_secs_f64() * 1e6).round() / 1e3;
        let mut line = serde_json::to_string(&self).expect("texts and numbers can be written");
        line.push('\n');
        line
    }
}

impl AccessLog {
    /// One that appends to `file`.
    pub(super) fn open(file: &Path) -> Result<Self, Problem> {
        let failed = |what: &str, error: io::Error| {
            let what = format!("--access-log: {} can't be {what}: {error}", file.display());
            Problem::new(Exit::Usage, what)
        };
        let opened = append(file).map_err(|error| failed("written", error))?;
        let (to_write, told) = sync_channel(WAITING);
        let path = file.to_owned();
        thread::Builder::new()
            .name("access-log".into())
            .spawn(move || write(&path, opened, &told))
            .map_err(|error| failed("written by a thread", error))?;
        Ok(Self { to_write })
    }

    /// Writes a line, or says that it can't.
    #[must_use]
    pub(super) fn write(&self, line: String) -> bool {
        self.tell(Told::Line(line))
    }

    /// Has the file opened anew, which somebody may have renamed.
    pub(super) fn reopen(&self) {
        // Behind so many lines there is no other moment for it.
        let _ = self.tell(Told::Reopen);
    }

    /// Returns when all lines are written, or a second has passed.
    pub(super) fn finish(&self) {
        let (finished, is_finished) = sync_channel(1);
        if self.tell(Told::Finish(finished)) {
            let _ = is_finished.recv_timeout(Duration::from_secs(1));
        }
    }

    fn tell(&self, told: Told) -> bool {
        self.to_write.try_send(told).is_ok()
    }
}

fn append(file: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(file)
}

fn write(path: &Path, file: File, told: &Receiver<Told>) {
    let mut file = BufWriter::new(file);
    let mut is_well = true;
    // All that waits is written together.
    while let Ok(first) = told.recv() {
        let mut done = Ok(());
        let mut finished = None;
        for told in iter::once(first).chain(told.try_iter()) {
            let one = match told {
                Told::Line(line) => file.write_all(line.as_bytes()),
                Told::Reopen => file.flush().and_then(|()| append(path)).map(|new| {
                    file = BufWriter::new(new);
                }),
                Told::Finish(waiting) => {
                    finished = Some(waiting);
                    Ok(())
                }
            };
            done = done.and(one);
        }
        done = done.and(file.flush());
        if let Err(error) = &done
            && is_well
        {
            // Once, until it is well again.
            let path = path.display();
            stderr::complain(&format!("the access log {path} can't be written: {error}"));
        }
        is_well = done.is_ok();
        if let Some(waiting) = finished {
            // He may have gone.
            let _ = waiting.send(());
        }
    }
}
