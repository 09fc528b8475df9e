//! The lines of an OpenSIPS script are taken or refused by file and line, and what is
//! taken is kept.

use crate::layers;
use rest_client_host::config::Layers;

/// Takes a script.
pub fn check(input: &[u8]) {
    let mut layers = Layers::default();
    let added = layers.add_modparams(&String::from_utf8_lossy(input), "opensips.cfg");
    layers::check(&layers, added, "opensips.cfg:");
}
