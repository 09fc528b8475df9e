//! The lines of an OpenSIPS script are taken or refused by file and line, and what is
//! taken is kept.

use crate::layers::{assert_kept, assert_says_something};
use rest_client_host::config::Layers;

/// Takes a script.
pub fn check(input: &[u8]) {
    let mut layers = Layers::default();
    match layers.add_modparams(&String::from_utf8_lossy(input), "opensips.cfg") {
        Ok(()) => assert_kept(&layers),
        Err(error) => {
            let error = error.to_string();
            assert_says_something(&error);
            assert!(error.contains("opensips.cfg:"), "{error}");
        }
    }
}
