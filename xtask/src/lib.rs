//! What cargo can't do alone: it builds the component out of the guest, and
//! sets up and runs the tests.
//!
//! As a library it lets a test ask whether the component in the tree was built
//! from the sources in the tree: [`sources_digest`] and [`component_digest`]
//! then agree.

pub mod bench;
pub mod component;
mod debian;
mod digest;
mod local_paths;
mod process;
mod section;
pub mod soak;
mod tally;
pub mod test;
mod toolchain;
mod tools;
mod workspace;

pub use digest::sources_digest;
pub use section::component_digest;
pub use workspace::workspace_root;
