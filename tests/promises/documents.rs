//! What the documents say of the tests, and of the files, is true.

use std::{
    fs,
    path::{Path, PathBuf},
};
use xtask::workspace_root;

/// The source of a module of the promises.
fn source(module: &str) -> String {
    let file = module.replace("::", "/") + ".rs";
    let path = workspace_root().join("tests/promises").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_test_that_is_said_to_keep_a_promise_is_there() {
    let documents = ["docs/reliability.md", "docs/threat-model.md"]
        .map(|name| fs::read_to_string(workspace_root().join(name)).unwrap());
    let text = documents.concat();
    let mut named = 0;
    for word in text.split('`').skip(1).step_by(2) {
        // Functions of a type are no tests.
        let of_module = word.starts_with(|first: char| first.is_ascii_lowercase());
        if of_module && let Some((module, test)) = word.rsplit_once("::") {
            let source = source(module);
            // One for each generation of WASI is a function of a type.
            let is_there = ["(", "<"].map(|it| source.contains(&format!("fn {test}{it}")));
            assert!(is_there.contains(&true), "{word}");
            named += 1;
        } else if word.starts_with("host/") {
            assert!(Path::new(&workspace_root()).join(word).exists(), "{word}");
        }
    }
    assert!(named > 50, "{named} tests are named");
}

/// All files with this ending below `folder`.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_file_of_the_host_has_its_place_in_the_architecture() {
    let document = fs::read_to_string(workspace_root().join("docs/architecture.md")).unwrap();
    let mut found = Vec::new();
    files(&workspace_root().join("host/src"), &mut found);
    // That of a room is named by the room.
    found.retain(|path| !path.with_extension("").is_dir());
    for path in &found {
        let name = path.file_name().unwrap().to_string_lossy();
        assert!(document.contains(&*name), "{}", path.display());
    }
    assert!(found.len() > 50, "{} files", found.len());
}
