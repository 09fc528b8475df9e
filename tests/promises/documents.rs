//! What the documents say of the tests is true.

use std::{fs, path::Path};
use xtask::workspace_root;

/// The source of a module of the promises.
fn source(module: &str) -> String {
    let file = module.replace("::", "/") + ".rs";
    let path = workspace_root().join("tests/promises").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_test_that_is_said_to_keep_a_promise_is_there() {
    let table = fs::read_to_string(workspace_root().join("docs/reliability.md")).unwrap();
    let mut named = 0;
    for word in table.split('`').skip(1).step_by(2) {
        if let Some((module, test)) = word.rsplit_once("::") {
            let source = source(module);
            assert!(source.contains(&format!("fn {test}(")), "{word}");
            named += 1;
        } else if word.starts_with("host/") {
            assert!(Path::new(&workspace_root()).join(word).exists(), "{word}");
        }
    }
    assert!(named > 50, "{named} tests are named");
}
