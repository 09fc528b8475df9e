//! What holds for any input, be it of a caller, a plugin, a server or an operator.
//!
//! Each module has one entry, `check`, which takes bytes and panics where something
//! does not hold. The fuzz targets (`cargo xtask fuzz`) and the property tests, which
//! are among the tests of the workspace, are these entries.

#![allow(
    clippy::missing_panics_doc,
    reason = "to panic is how an entry says what it has found"
)]

mod chunked;
pub mod egress;
pub mod header_fields;
mod layers;
pub mod modparam;
pub mod percent_coding;
pub mod plugin_border;
pub mod redirect;
pub mod reply;
pub mod routing_request;
pub mod sip_message;
pub mod toml;
pub mod url;
