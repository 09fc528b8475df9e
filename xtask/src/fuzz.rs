//! The fuzz targets, with libFuzzer. Their entries are tested in the suite as well,
//! with inputs that are the same each time; here new ones are looked for.

#![allow(
    clippy::print_stdout,
    reason = "the result of a command goes to standard output, as soon as it is there"
)]

use crate::{
    process::{cargo, read, run, shell},
    workspace::{target_dir, workspace_root},
};
use anyhow::{Context, Result, bail};
use clap::Args;
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};
use xshell::cmd;

/// What an input may take, in seconds and MiB, and how long it may be, in bytes.
const LIMITS: [&str; 4] = [
    "-timeout=20",
    "-rss_limit_mb=2048",
    "-max_len=4096",
    "-use_value_profile=1",
];

/// How long, and what.
#[derive(Debug, Args)]
pub struct Fuzz {
    /// How long all targets take together, as in 90s, 10m, 2h; at least a second each
    #[arg(long = "for", value_name = "TIME", value_parser = time, default_value = "10m")]
    pub time: Duration,
    /// The targets, as files of fuzz/fuzz_targets are called; all if none is named
    pub targets: Vec<String>,
}

fn time(text: &str) -> Result<Duration, String> {
    let units = [('s', 1), ('m', 60), ('h', 3600)];
    let (number, unit) = units
        .iter()
        .find_map(|(name, seconds)| Some((text.strip_suffix(*name)?, *seconds)))
        .unwrap_or(("", 0));
    match number
        .parse::<u64>()
        .ok()
        .and_then(|it| it.checked_mul(unit))
    {
        Some(seconds) if seconds > 0 => Ok(Duration::from_secs(seconds)),
        _ => Err("a time is a number and s, m or h, as in 90s, 10m, 2h".into()),
    }
}

/// Builds the targets, and runs as many at a time as there are processors. Inputs that
/// go new ways are kept in the folder `fuzz` of the target directory, for the next run
/// to begin with; what has been found is there, too.
///
/// # Errors
///
/// A target has found something, or it can't be built.
pub fn fuzz(fuzz: &Fuzz) -> Result<()> {
    let targets = chosen(&fuzz.targets)?;
    let programs = build()?;
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let workers = workers.min(targets.len());
    let share = fuzz.time.as_secs() * workers as u64 / targets.len() as u64;
    println!("target            inputs tried   ways seen");
    let found: Vec<String> = thread::scope(|scope| {
        let workers: Vec<_> = (0..workers)
            .map(|worker| {
                let own = targets.iter().skip(worker).step_by(workers);
                let programs = &programs;
                scope.spawn(move || {
                    own.map(|target| look(programs, target, share.max(1)))
                        .collect::<Result<Vec<_>>>()
                })
            })
            .collect();
        let ended: Result<Vec<_>> = workers
            .into_iter()
            .map(|worker| worker.join().expect("a worker does not panic"))
            .collect();
        ended.map(|found| found.into_iter().flatten().flatten().collect())
    })?;
    if !found.is_empty() {
        bail!("something was found: {}", found.join("; "));
    }
    Ok(())
}

/// The names of the targets that are asked for.
fn chosen(named: &[String]) -> Result<Vec<String>> {
    let mut all = Vec::new();
    for file in fs::read_dir(sources().join("fuzz_targets"))? {
        if let Some(name) = file?.path().file_stem() {
            all.push(name.to_string_lossy().into_owned());
        }
    }
    all.sort();
    if let Some(unknown) = named.iter().find(|name| !all.contains(name)) {
        bail!("there is no target {unknown}; there are {}", all.join(", "));
    }
    Ok(match named {
        [] => all,
        named => named.to_vec(),
    })
}

fn sources() -> PathBuf {
    workspace_root().join("fuzz")
}

/// Builds the targets, and returns the folder in which they are.
fn build() -> Result<PathBuf> {
    let shell = shell()?;
    // A target that is named keeps apart what the build itself runs, which is to have
    // no counters in it.
    let platform = read(cmd!(shell, "rustc --print host-tuple"))?;
    let platform = platform.trim();
    let cargo = cargo();
    let wrapper = sources().join("rustc-with-coverage");
    run(cmd!(
        shell,
        "{cargo} build --release --locked -p rest-client-fuzz --features libfuzzer
         --target {platform} --bins"
    )
    .env("RUSTC_WORKSPACE_WRAPPER", wrapper))?;
    Ok(target_dir()?.join(platform).join("release"))
}

/// Runs `target` for so many seconds. What it has found is told in a sentence.
fn look(programs: &Path, target: &str, seconds: u64) -> Result<Option<String>> {
    let folder = target_dir()?.join("fuzz").join(target);
    let (corpus, findings) = (folder.join("corpus"), folder.join("findings"));
    for folder in [&corpus, &findings] {
        fs::create_dir_all(folder)?;
    }
    let log = folder.join("log");
    let status = Command::new(programs.join(target))
        // New inputs go into the first.
        .args([&corpus, &sources().join("corpus").join(target)])
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", findings.display()))
        .args(LIMITS)
        .stderr(File::create(&log)?)
        .status()
        .with_context(|| format!("{target} can't be run"))?;
    let said = fs::read_to_string(&log)?;
    let progress = Progress::read(&said);
    println!("{target:<16} {:>13} {:>11}", progress.inputs, progress.ways);
    Ok((!status.success()).then(|| {
        // Inputs that are slow are written down before, and are no findings.
        let input = said
            .lines()
            .rev()
            .find_map(|line| line.split_once("Test unit written to "))
            .map_or("no input was left", |(_, file)| file);
        format!("{target}: {input} (its end is told in {})", log.display())
    }))
}

/// How far libFuzzer has come, by what it says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Progress {
    inputs: u64,
    /// Edges of the control flow.
    ways: u64,
}

impl Progress {
    /// Lines are as `#4096 pulse cov: 812 ft: 1409 corp: 83/2Kb …`.
    fn read(said: &str) -> Self {
        let mut progress = Self::default();
        for line in said.lines() {
            let mut words = line.split_whitespace();
            let Some(inputs) = words.next().and_then(|word| word.strip_prefix('#')) else {
                continue;
            };
            if let Ok(inputs) = inputs.parse() {
                progress.inputs = inputs;
            }
            let ways = words.skip_while(|word| *word != "cov:").nth(1);
            if let Some(Ok(ways)) = ways.map(str::parse) {
                progress.ways = ways;
            }
        }
        progress
    }
}

#[cfg(test)]
mod tests {
    use super::{Progress, chosen, time};
    use std::time::Duration;

    #[test]
    fn a_time_has_its_unit() {
        assert_eq!(time("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(time("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(time("4h"), Ok(Duration::from_secs(14_400)));
        for wrong in ["", "10", "m", "0m", "-1m", "1.5h", "\u{e9}"] {
            assert!(time(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn all_targets_run_if_none_is_named() {
        assert!(chosen(&[]).unwrap().contains(&"redirect".to_owned()));
        assert_eq!(chosen(&["url".to_owned()]).unwrap(), ["url"]);
        let error = chosen(&["urls".to_owned()]).unwrap_err().to_string();
        assert!(
            error.contains("no target urls") && error.contains("redirect"),
            "{error}"
        );
    }

    #[test]
    fn the_last_that_is_said_of_progress_counts() {
        let said = "INFO: Seed: 1\n#2\tINITED cov: 7 ft: 8 corp: 1/1b\n\
                    #4096\tpulse  cov: 812 ft: 1409 corp: 83/2Kb lim: 43\n\
                    #5000\tDONE   cov: 813 ft: 1410 corp: 84/2Kb\nDone 5000 runs in 3 second(s)\n";
        let expected = Progress {
            inputs: 5000,
            ways: 813,
        };
        assert_eq!(Progress::read(said), expected);
    }
}
