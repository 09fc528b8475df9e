//! What the examples of the library show.

use std::{collections::BTreeSet, fs};
use support::process::{example, run};

/// Each with what it prints in the end.
const EXAMPLES: [(&str, &str); 5] = [
    ("get", "200 OK: 12.50 EUR\n"),
    ("many_at_once", "102 calls, 900 bytes\n"),
    ("plugin", "calls of the instance: 1\n"),
    ("plugin_pool", "100 of 100 were dropped\n"),
    ("worker_pool", "8 in all\n"),
];

#[tokio::test]
async fn every_example_runs_and_prints_what_it_shows() {
    for (name, last_line) in EXAMPLES {
        let ended = run(example(name), [""; 0], b"").await;
        assert_eq!(ended.code(), 0, "{name}: {}", ended.stderr);
        assert!(
            ended.text().ends_with(last_line),
            "{name}: {}",
            ended.text()
        );
    }
}

#[test]
fn no_example_is_left_out() {
    let folder = xtask::workspace_root().join("host/examples");
    let there: BTreeSet<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file() || path.join("main.rs").is_file())
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let run: BTreeSet<String> = EXAMPLES.map(|(name, _)| name.to_owned()).into();
    assert_eq!(there, run);
}
