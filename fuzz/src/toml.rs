//! A configuration in TOML is taken or refused by its file, and what is taken is kept.

use crate::layers::{assert_kept, assert_says_something};
use rest_client_host::config::Layers;

/// Takes a file.
pub fn check(input: &[u8]) {
    let mut layers = Layers::default();
    match layers.add_toml(&String::from_utf8_lossy(input), "a.toml") {
        Ok(()) => assert_kept(&layers),
        Err(error) => {
            let error = error.to_string();
            assert_says_something(&error);
            assert!(error.contains("a.toml"), "{error}");
        }
    }
}
