//! The main job on an embedded default: the scenarios of the original's manual,
//! asked of a service on loopback through the sandbox.

mod service;

use crate::exit::{Exit, Problem};
use anyhow::{Context as _, Result};
use rest_client_host::{Config, Error, ErrorKind, Host, Instance, Response};
use service::Service;
use std::{io::Write as _, time::Duration};

/// Bytes of a reply that the demonstration allows.
const LIMIT: u64 = 64 * 1024;

/// Plays all scenarios; fails if one of them gave anything else than it should.
pub(crate) async fn run() -> Result<Exit, Problem> {
    match play().await {
        Ok(true) => Ok(Exit::Success),
        Ok(false) => Err(Problem::new(
            Exit::Internal,
            "a scenario did not give the expected result",
        )),
        // Whoever reads along has seen enough.
        Err(error) if is_broken_pipe(&error) => Err(Problem::new(Exit::Write, "")),
        Err(error) if error.is::<std::io::Error>() => {
            Err(Problem::new(Exit::Write, format!("can't write: {error}")))
        }
        Err(error) => Err(Problem::new(
            Exit::Internal,
            format!("the demonstration can't be played: {error:#}"),
        )),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

type Outcome = Result<Response, Error>;

async fn play() -> Result<bool> {
    let service = service::start().await?;
    let ca = tempfile::NamedTempFile::new().context("no temporary file for the certificate")?;
    std::fs::write(ca.path(), &service.certificate_pem)?;

    // One worker that trusts the service's certificate, and one that does not.
    let mut config = Config::default();
    config.max_transfer_size = LIMIT;
    let stranger = Host::new(config.clone())?.instance();
    config.ssl_capath = Some(ca.path().to_owned());
    let trusting = Host::new(config)?;
    let worker = trusting.instance();
    let Service {
        http,
        https,
        silent,
        closed,
        ..
    } = &service;

    let mut stage = Stage::open(&service)?;
    let outcome = worker
        .rest_get(&format!("{http}/credit?caller=alice"))
        .await;
    stage.show(
        "credit look-up, GET",
        outcome,
        |outcome| matches!(outcome, Ok(reply) if reply.status() == 200 && reply.text() == "12.50 EUR"),
    )?;
    let outcome = worker
        .rest_post(&format!("{https}/register"), "sip:alice@192.0.2.7")
        .content_type("text/plain")
        .await;
    stage.show("registration, POST over TLS", outcome, |outcome| {
        matches!(outcome, Ok(reply) if reply.status() == 201
            && reply.content_type() == Some("application/json")
            && reply.text().contains("sip:alice@192.0.2.7"))
    })?;
    let outcome = worker.rest_get(closed).await;
    stage.show(
        "nobody listens",
        outcome,
        |outcome| matches!(outcome, Err(error) if error.code() == -1),
    )?;
    let outcome = worker
        .rest_get(silent)
        .connection_timeout(Duration::from_millis(300))
        .await;
    stage.show(
        "TLS that never answers",
        outcome,
        |outcome| matches!(outcome, Err(error) if error.code() == -2),
    )?;
    let outcome = worker
        .rest_get(&format!("{http}/report"))
        .transfer_timeout(Duration::from_millis(500))
        .await;
    stage.show("a body that stops", outcome, |outcome| {
        matches!(outcome, Err(error) if error.code() == -3 && error.status() == 200
            && error.partial().is_some_and(|partial| partial.body() == service::REPORT_SO_FAR))
    })?;
    let outcome = stranger.rest_get(https).await;
    stage.show(
        "an untrusted certificate",
        outcome,
        |outcome| matches!(outcome, Err(error) if error.is_certificate()),
    )?;
    let outcome = worker.rest_get(&format!("{http}/everything")).await;
    stage.show(
        "a body over the limit",
        outcome,
        |outcome| matches!(outcome, Err(error) if error.kind() == ErrorKind::TooLarge),
    )?;

    // Asynchronously: both questions are asked at once, and both are answered in
    // the time that one takes.
    let lookup = |caller| format!("{http}/slow?caller={caller}");
    let (alice, bob) = (lookup("alice"), lookup("bob"));
    let (first, second) = tokio::join!(worker.rest_get(&alice), worker.rest_get(&bob));
    let in_time = |outcome: &Outcome| matches!(outcome, Ok(reply) if reply.status() == 200 && reply.timings().total < service::SLOW * 2);
    stage.show("two at once, the one", first, in_time)?;
    stage.show("two at once, the other", second, in_time)?;

    // At the cap: the second call runs in a blocking manner, and what the third
    // asks waits for it, while another instance goes on.
    let (capped, neighbour) = (trusting.instance(), trusting.instance());
    at_the_cap(&mut stage, &capped, &neighbour, http).await?;
    stage.close()
}

/// The moment at which an instance meets its cap.
async fn at_the_cap(
    stage: &mut Stage,
    capped: &Instance,
    neighbour: &Instance,
    http: &str,
) -> Result<()> {
    capped.set_max_async_transfers(1)?;
    let (slow, quick) = (
        format!("{http}/slow"),
        format!("{http}/credit?caller=alice"),
    );
    let (first, second, third, elsewhere) = tokio::join!(
        capped.rest_get(&slow),
        capped.rest_get(&slow),
        capped.rest_get(&quick),
        neighbour.rest_get(&quick),
    );
    let answered = |outcome: &Outcome| matches!(outcome, Ok(reply) if reply.status() == 200);
    stage.show("cap 1: the first call", first, answered)?;
    stage.show("cap 1: one more, blocking", second, answered)?;
    stage.show(
        "cap 1: waits for that one",
        third,
        |outcome| matches!(outcome, Ok(reply) if reply.timings().total >= service::SLOW),
    )?;
    stage.show(
        "another instance meanwhile",
        elsewhere,
        |outcome| matches!(outcome, Ok(reply) if reply.timings().total < service::SLOW),
    )?;
    stage.note(&format!(
        "calls that met the cap: {}",
        capped.stats().blocked
    ))
}

/// The table that is printed, line by line as the scenarios are played.
struct Stage {
    out: std::io::Stdout,
    played: usize,
    failed: usize,
}

impl Stage {
    fn open(service: &Service) -> Result<Self> {
        let mut out = std::io::stdout();
        writeln!(
            out,
            "A service listens on {} and {}; each call runs in the sandbox.\n",
            service.http, service.https
        )?;
        writeln!(
            out,
            "{:<28} {:>4} {:>6} {:>9}  what it gave",
            "scenario", "code", "status", "time"
        )?;
        Ok(Self {
            out,
            played: 0,
            failed: 0,
        })
    }

    fn show(
        &mut self,
        scenario: &str,
        outcome: Outcome,
        expected: impl Fn(&Outcome) -> bool,
    ) -> Result<()> {
        self.played += 1;
        let (code, status, total, gave) = match &outcome {
            Ok(reply) => (
                reply.code(),
                reply.status().as_u16(),
                reply.timings().total,
                reply.text().into_owned(),
            ),
            Err(error) => {
                let partial = error.partial().map(|partial| {
                    format!("; so far: {}", String::from_utf8_lossy(partial.body()))
                });
                (
                    error.code(),
                    error.status(),
                    error.timings().total,
                    format!("{error}{}", partial.unwrap_or_default()),
                )
            }
        };
        let milliseconds = total.as_secs_f64() * 1e3;
        writeln!(
            self.out,
            "{scenario:<28} {code:>4} {status:>6} {milliseconds:>6.1} ms  {gave}"
        )?;
        if !expected(&outcome) {
            self.failed += 1;
            writeln!(self.out, "{:<28} ^ this is not the expected result", "")?;
        }
        Ok(())
    }

    fn note(&mut self, text: &str) -> Result<()> {
        writeln!(self.out, "{:<28} {text}", "")?;
        Ok(())
    }

    fn close(mut self) -> Result<bool> {
        writeln!(
            self.out,
            "\n{} of {} scenarios gave the expected result.",
            self.played - self.failed,
            self.played
        )?;
        Ok(self.failed == 0)
    }
}
