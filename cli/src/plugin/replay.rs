//! `replay`: recorded decisions, by this or another version of their plugin.

use crate::{
    args::Replay,
    exit::{Exit, Problem},
    stderr, stdout,
};
use rest_client_host::{
    Config, Host,
    plugin::{PluginPool, Record, Replay as Replayed},
};
use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    str,
};

/// Bytes of one recording.
const LONGEST: u64 = 256 << 20;

/// Plays the recordings one after the other, and says which of the decisions differ.
pub(crate) async fn run(replay: Replay) -> Result<Exit, Problem> {
    stdout::check()?;
    let cannot = |number: usize, what: &dyn std::fmt::Display| {
        let file = replay.file.display();
        Problem::new(Exit::Usage, format!("{file}, line {number}: {what}"))
    };
    let file = File::open(&replay.file).map_err(|error| {
        let file = replay.file.display();
        Problem::new(Exit::Usage, format!("{file}: it can't be read: {error}"))
    })?;
    let pool = pool(&replay)?;
    let (mut played, mut different, mut unreadable) = (0_u64, 0_u64, 0_u64);
    let mut lines = BufReader::new(file);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let mut limited = std::io::Read::take(&mut lines, LONGEST);
        let read = limited.read_until(b'\n', &mut line);
        if read.map_err(|error| cannot(number, &error))? == 0 {
            break;
        }
        // Whoever wrote it may have been cut off; the others are none the worse.
        let record = str::from_utf8(&line).map_err(|error| error.to_string());
        let record = record.and_then(|it| Record::from_json(it).map_err(|error| error.to_string()));
        let record = match record {
            Ok(record) => record,
            Err(what) => {
                unreadable += 1;
                stderr::complain(&format!("line {number}: {what}"));
                continue;
            }
        };
        let outcome = pool.replay(&record).await;
        played += 1;
        if let Replayed::Different(what) = outcome.map_err(|error| cannot(number, &error))? {
            different += 1;
            let id = record.request().id.escape_debug();
            stdout::print(format!("line {number}, {id}: {what}\n").as_bytes())?;
        }
    }
    let (same, of) = (played - different, played);
    stdout::print(format!("{same} of {of} decisions are the same\n").as_bytes())?;
    if played + unreadable == 0 {
        let what = format!("{}: there is no recording in it", replay.file.display());
        return Err(Problem::new(Exit::Usage, what));
    }
    match (unreadable, different) {
        (0, 0) => Ok(Exit::Success),
        (0, _) => Ok(Exit::Different),
        _ => {
            let what = format!("{unreadable} lines are no recordings");
            Err(Problem::new(Exit::Usage, what))
        }
    }
}

fn pool(replay: &Replay) -> Result<PluginPool, Problem> {
    let runtime = super::runtime(replay.max_memory, replay.cache.as_deref())?;
    let plugin = super::load(&runtime, &replay.plugin)?;
    // Nobody is asked: all answers are in the recording.
    let instance = Host::new(Config::default())?.instance();
    let options = replay
        .options()
        .map_err(|what| Problem::new(Exit::Usage, what))?;
    PluginPool::new(&plugin, instance, options)
        .map_err(|error| super::wrong(&replay.plugin, format_args!("{error:#}")))
}
