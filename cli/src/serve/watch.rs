//! Sees that the file of a plugin has changed.

use std::{
    fs::Metadata,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::sleep;

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// By which one version of a file is told from another.
type Stamp = (u64, i64, i64, u64);

/// A file that is looked at.
pub(super) struct Watch {
    file: PathBuf,
    known: Option<Stamp>,
}

impl Watch {
    /// From its state now.
    pub(super) fn begin(file: &Path) -> Self {
        Self {
            file: file.to_owned(),
            known: stamp(file),
        }
    }

    /// Returns when there is another version of it, and nobody has written to it for one
    /// look.
    pub(super) async fn change(&mut self) {
        let mut last = self.known;
        loop {
            sleep(PAUSE).await;
            let now = stamp(&self.file);
            if now.is_some() && now != self.known && now == last {
                self.known = now;
                return;
            }
            last = now;
        }
    }
}

/// Nothing while there is no file.
fn stamp(file: &Path) -> Option<Stamp> {
    let of = |it: Metadata| (it.ino(), it.mtime(), it.mtime_nsec(), it.len());
    file.metadata().ok().map(of)
}
