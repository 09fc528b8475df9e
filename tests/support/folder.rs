//! What an operator has in a folder.

use crate::plugin;
use std::{fs, path::PathBuf};
use tempfile::TempDir;

/// A folder that goes at the end.
pub struct Folder(TempDir);

impl Folder {
    /// An empty one.
    ///
    /// # Panics
    ///
    /// It can't be made.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it makes a folder")]
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    /// The path of what is, or is to be, in it.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A file in it. The result is its path.
    ///
    /// # Panics
    ///
    /// It can't be written.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, content).expect("a file");
        path.display().to_string()
    }

    /// A plugin of the workspace, under its name.
    #[must_use]
    pub fn plugin(&self, name: &str) -> String {
        self.file(&format!("{name}.wasm"), plugin::built(name))
    }
}
