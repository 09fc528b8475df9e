//! A plugin that answers HTTP (`tests/plugins/website`) in a host that serves it, composed
//! with a transfer-timeout of 400 ms: nobody calls `configure` there, and each request may
//! have an instance of its own.

use crate::{cases::DEADLINE, peers::Peers};
use rest_client_host::{Config, Host, Response, Wasi};
use std::{process::Stdio, time::Duration};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStderr, Command},
    time::{Instant, timeout},
};

/// What the host may take until it serves.
const START: Duration = Duration::from_secs(120);

/// Serves until it is dropped.
struct Serving {
    _process: Child,
    /// Where it says what it does; it would wait if nobody read that.
    _said: Lines<BufReader<ChildStderr>>,
    url: String,
}

impl Serving {
    async fn start(command: &[String]) -> Result<Self, String> {
        let (program, arguments) = command.split_first().ok_or("its command is empty")?;
        let mut process = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{program} does not start: {error}"))?;
        let said = process.stderr.take().ok_or("it has no standard error")?;
        let mut said = BufReader::new(said).lines();
        let url = timeout(START, async {
            while let Ok(Some(line)) = said.next_line().await {
                if let Some(at) = line.find("http://") {
                    return Some(line[at..].trim_end_matches('/').to_owned());
                }
            }
            None
        });
        let url = url.await.ok().flatten().ok_or("it does not serve")?;
        Ok(Self {
            _process: process,
            _said: said,
            url,
        })
    }

    async fn get(&self, path: &str) -> Result<Response, String> {
        let host = Host::new(Config::default()).map_err(|error| error.to_string())?;
        let reply = host
            .instance()
            .rest_get(&format!("{}{path}", self.url))
            .await;
        reply.map_err(|error| error.to_string())
    }
}

/// What does not hold there, if anything.
pub(crate) async fn judge(command: &[String], wasi: Wasi, peers: &Peers) -> Result<(), String> {
    let serving = Serving::start(command).await?;
    let credit = peers.server.url("/credit");
    let mut pages = vec![
        ("/hello".to_owned(), "hello".to_owned()),
        (format!("/ask?{credit}"), format!("200 {credit}")),
    ];
    if wasi == Wasi::P3 {
        // By the component for 0.2, which it is composed with as well.
        pages.push((format!("/ask-in-0.2?{credit}"), format!("200 {credit}")));
    }
    for (path, expected) in pages {
        let reply = serving.get(&path).await?;
        if reply.text() != expected {
            return Err(format!(
                "{path} was “{}” and not “{expected}”",
                reply.text()
            ));
        }
    }
    let began = Instant::now();
    let reply = serving
        .get(&format!("/ask?{}", peers.server.url("/silent")))
        .await?;
    let took = began.elapsed();
    if !reply.text().contains("TransferTimeout") || !DEADLINE.contains(&took) {
        let what = reply.text().into_owned();
        return Err(format!("a silent service was “{what}” after {took:.1?}"));
    }
    Ok(())
}
