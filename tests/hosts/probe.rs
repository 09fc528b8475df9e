//! The probe in its host, as a process.

use crate::{
    cases::Case,
    peers::{Desk, Peers},
};
use std::{process::Stdio, time::Duration};
use tokio::{
    process::{Child, Command},
    time::{Instant, timeout},
};

/// What the probe may take to start, which is compiling it above all.
const START: Duration = Duration::from_secs(120);

/// What a case may take before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(60);

/// What undoes what a case has set.
const DEFAULTS: &str = "set defaults";

/// Runs until it is dropped.
pub(crate) struct Probe {
    process: Child,
    desk: Desk,
}

impl Probe {
    /// Starts it, and waits until it is up.
    ///
    /// # Errors
    ///
    /// It does not start in this host.
    pub(crate) async fn start(command: &[String], peers: &Peers) -> Result<Self, String> {
        let (program, arguments) = command.split_first().ok_or("its command is empty")?;
        let path = peers.desk.welcome();
        peers.desk.lay_out(vec![DEFAULTS.to_owned()]);
        let process = Command::new(program)
            .args(arguments)
            .arg(peers.server.origin() + &path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{program} does not start: {error}"))?;
        let mut started = Self {
            process,
            desk: peers.desk.clone(),
        };
        match started.outcomes(1, START).await {
            Some(_) => Ok(started),
            None => Err("the probe does not start".into()),
        }
    }

    /// So many outcomes, or nothing if it ended or took longer.
    async fn outcomes(&mut self, count: usize, patience: Duration) -> Option<Vec<String>> {
        tokio::select! {
            outcomes = timeout(patience, self.desk.outcomes(count)) => outcomes.ok(),
            _ = self.process.wait() => None,
        }
    }

    /// Makes the calls of a case.
    ///
    /// # Errors
    ///
    /// What it sees is not what it should see.
    pub(crate) async fn judge(mut self, case: &Case) -> Result<Self, String> {
        let started = Instant::now();
        let calls = case.calls.iter().map(|(call, _)| call.clone());
        self.desk
            .lay_out([DEFAULTS.to_owned()].into_iter().chain(calls).collect());
        let outcomes = self.outcomes(1 + case.calls.len(), PATIENCE).await;
        let took = started.elapsed();
        let Some(outcomes) = outcomes else {
            let so_far = self.desk.outcomes_now();
            return Err(format!("it ended or hung, after {so_far:?}"));
        };
        for ((call, expected), outcome) in case.calls.iter().zip(&outcomes[1..]) {
            if outcome != expected {
                let call = call.split("http").next().unwrap_or_default();
                return Err(format!(
                    "{} was “{outcome}” and not “{expected}”",
                    call.trim()
                ));
            }
        }
        if !case.takes.contains(&took) {
            return Err(format!("it took {} ms", took.as_millis()));
        }
        Ok(self)
    }
}
