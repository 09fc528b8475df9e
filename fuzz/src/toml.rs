//! A configuration in TOML is taken or refused by its file, and what is taken is kept.

use crate::layers;
use rest_client_host::config::Layers;

/// Takes a file.
pub fn check(input: &[u8]) {
    let mut layers = Layers::default();
    let added = layers.add_toml(&String::from_utf8_lossy(input), "a.toml");
    layers::check(&layers, added, "a.toml");
}
