//! The component in hosts that are not ours: every case in every host, with one table of
//! what holds where. `cargo xtask hosts` installs the hosts and runs this.
//!
//! In each host runs a probe (`tests/plugins/probe`), composed with the component, that
//! fetches the calls it makes from a server here and tells what came of them. The argument
//! is a file of JSON: `[{"name": "wasmtime 48", "command": ["wasmtime", "run", …]}, …]`, with
//! `"wasi": "0.3"` where the probe is that for 0.3, and `"serves": true` where it is a plugin
//! that answers HTTP. The URL of the server is added to each
//! command as the last argument.

#![allow(clippy::print_stdout, reason = "the table is what it is for")]

mod cases;
mod known;
mod peers;
mod probe;
mod serving;

use cases::{Case, Group, cases};
use peers::Peers;
use probe::Probe;
use rest_client_host::Wasi;
use std::{collections::BTreeMap, error::Error, process::ExitCode};

/// A host, and how the probe is run in it.
struct Host {
    name: String,
    command: Vec<String>,
    /// The component that the probe is composed with.
    wasi: Wasi,
    /// It serves a plugin that answers HTTP, in place of the probe.
    serves: bool,
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let file = std::env::args_os().nth(1).ok_or("usage: hosts FILE")?;
    let hosts = hosts(&serde_json::from_slice(&std::fs::read(file)?)?)?;
    let peers = Peers::start().await;
    let cases = |host: &Host| cases(&peers, host.wasi);
    let mut failed = BTreeMap::new();
    let (serving, hosts): (Vec<_>, Vec<_>) = hosts.into_iter().partition(|it| it.serves);
    for host in &hosts {
        for (name, what) in in_host(host, &peers, &cases(host)).await {
            failed.insert((host.name.clone(), name), what);
        }
    }
    if !hosts.is_empty() {
        println!("{}", table(&hosts, cases, &failed));
    }
    let mut unexplained = 0;
    for host in &serving {
        let judged = serving::judge(&host.command, host.wasi, &peers).await;
        unexplained += usize::from(judged.is_err());
        let held = judged.map_or_else(
            |what| format!("{what}. **Not known.**"),
            |()| "holds".into(),
        );
        println!("- {} serves a plugin, with its deadline: {held}", host.name);
    }
    for ((host, case), what) in &failed {
        let why = known::fault(host, case);
        unexplained += usize::from(why.is_none());
        println!(
            "- {host}, {case}: {what}. {}",
            why.unwrap_or("**Not known.**")
        );
    }
    for (host, case) in known::all() {
        let is_tried = hosts.iter().any(|it| it.name.starts_with(host));
        let fails =
            |(name, failed): &(String, &str)| name.starts_with(host) && failed.starts_with(case);
        if is_tried && !failed.keys().any(fails) {
            println!("- {host}, {case}: holds, though a fault is known. Take it from the list.");
        }
    }
    Ok(match unexplained {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

fn hosts(json: &serde_json::Value) -> Result<Vec<Host>, Box<dyn Error>> {
    let list = json.as_array().ok_or("a list of hosts")?;
    let host = |it: &serde_json::Value| {
        let words = it["command"].as_array()?.iter();
        Some(Host {
            name: it["name"].as_str()?.to_owned(),
            command: words
                .map(|it| it.as_str().map(str::to_owned))
                .collect::<Option<_>>()?,
            wasi: match it["wasi"].as_str() {
                None | Some("0.2") => Wasi::P2,
                Some("0.3") => Wasi::P3,
                Some(_) => return None,
            },
            serves: it["serves"].as_bool().unwrap_or_default(),
        })
    };
    let hosts: Option<Vec<_>> = list.iter().map(host).collect();
    let hosts = hosts.ok_or("a host has a name and a command")?;
    match hosts.is_empty() {
        true => Err("there is no host".into()),
        false => Ok(hosts),
    }
}

/// Runs all cases. The result is those that failed, with what was seen.
async fn in_host(host: &Host, peers: &Peers, cases: &[Case]) -> Vec<(&'static str, String)> {
    let mut failed = Vec::new();
    let mut probe = None;
    for (place, case) in cases.iter().enumerate() {
        let started = match probe.take() {
            Some(running) => Ok(running),
            None => Probe::start(&host.command, peers).await,
        };
        let running = match started {
            Ok(running) => running,
            Err(what) => {
                eprintln!("{}: {what}", host.name);
                failed.extend(cases[place..].iter().map(|it| (it.name, what.clone())));
                break;
            }
        };
        let what = match running.judge(case).await {
            Ok(running) => {
                probe = Some(running);
                "holds".to_owned()
            }
            // It may be in any state: the next case has a new one.
            Err(what) => {
                failed.push((case.name, what.clone()));
                what
            }
        };
        eprintln!("{}: {}: {what}", host.name, case.name);
    }
    failed
}

/// As docs/other-hosts.md shows it: of how many cases all hold, and of how many not all.
fn table(
    hosts: &[Host],
    cases: impl Fn(&Host) -> Vec<Case>,
    failed: &BTreeMap<(String, &'static str), String>,
) -> String {
    let titles = Group::ALL.map(Group::title).join(" | ");
    let mut table = format!(
        "| host | {titles} |\n|---{}|\n",
        "|---".repeat(Group::ALL.len())
    );
    for host in hosts {
        let cases = cases(host);
        let cells = Group::ALL.map(|group| {
            let of_group = cases.iter().filter(|case| case.group == group);
            let names: Vec<_> = of_group.map(|case| case.name).collect();
            let holds = |name: &&&str| !failed.contains_key(&(host.name.clone(), **name));
            match (names.iter().filter(holds).count(), names.len()) {
                (held, all) if held == all => format!("all {all}"),
                (held, all) => format!("{held} of {all}"),
            }
        });
        table += &format!("| {} | {} |\n", host.name, cells.join(" | "));
    }
    table
}
