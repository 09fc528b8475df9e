//! What cargo can't do alone: build the component from the guest, set up and run
//! the tests, soak, fuzz and bench.
//!
//! A test uses the library to find out whether the component in the tree is
//! stale. It is not if [`sources_digest`] and [`component_digest`] are equal.

pub mod bench;
pub mod component;
mod debian;
mod digest;
pub mod fuzz;
pub mod hosts;
mod local_paths;
pub mod package;
pub mod plugins;
mod process;
mod pypi;
mod section;
pub mod soak;
mod tally;
pub mod test;
mod toolchain;
mod tools;
mod workspace;
mod world_docs;

pub use digest::sources_digest;
pub use section::component_digest;
pub use workspace::workspace_root;
