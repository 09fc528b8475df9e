//! Whether files have changed, without reading them.

use std::{
    fs::Metadata,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// The clock of a file system may stand still for that long: a file that was
/// changed so recently may change again, and look as before.
const COARSEST_CLOCK: Duration = Duration::from_secs(2);

/// Kinds of file systems that are on a disk of this machine, or in its memory (statfs(2)):
/// ext2 to ext4, XFS, Btrfs, F2FS, ZFS, EROFS, SquashFS, tmpfs and ramfs, and overlays, as
/// containers have them, which are made of such.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
const LOCAL: [rustix::fs::FsWord; 10] = [
    0xEF53,
    0x5846_5342,
    0x9123_683E,
    0xF2F5_2010,
    0x2FC1_2FC1,
    0xE0F5_E1E2,
    0x7371_7368,
    0x0102_1994,
    0x8584_58F6,
    0x794C_7630,
];

/// What files looked like at a time. Two that are equal, and settled, are of
/// files that were not changed in between.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp {
    /// With nothing for a file that is not there.
    files: Vec<(PathBuf, Option<Look>)>,
}

impl Stamp {
    /// Adds the file at `path`, or the directory with all that is in it.
    pub(super) fn add_with_entries(&mut self, path: &Path) {
        if !self.add(path) {
            return;
        }
        let Ok(entries) = std::fs::read_dir(path) else {
            return;
        };
        let mut entries: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        entries.sort();
        for entry in entries {
            self.add(&entry);
        }
    }

    /// Adds the file at `path`. Of a directory, it shows what was added, replaced
    /// or removed, but not what was rewritten in its place. Whether it is one.
    pub(super) fn add(&mut self, path: &Path) -> bool {
        let metadata = std::fs::metadata(path).ok();
        let look = metadata.as_ref().map(Look::at);
        self.files.push((path.to_owned(), look));
        metadata.is_some_and(|it| it.is_dir())
    }

    /// Whether all of them are where nobody has to be asked over a network, or in another
    /// process. Blocks.
    #[cfg(all(target_os = "linux", target_pointer_width = "64"))]
    pub(super) fn is_local(&self) -> bool {
        let kind = |path: &Path| rustix::fs::statfs(path).map(|it| it.f_type);
        let mut paths = self.files.iter().map(|(path, _)| path);
        paths.all(|path| kind(path).is_ok_and(|kind| LOCAL.contains(&kind)))
    }

    #[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
    pub(super) fn is_local(&self) -> bool {
        false
    }

    /// How many files it is of.
    pub(super) fn files(&self) -> usize {
        self.files.len()
    }

    /// Whether a file that changes from now on can't look as it does here.
    pub(super) fn is_settled(&self) -> bool {
        let mut looks = self.files.iter().filter_map(|(_, look)| look.as_ref());
        looks.all(Look::is_settled)
    }
}

/// Of a file, whatever its name stands for by now.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Look {
    /// Device and number. 0 where the system has none.
    file: (u64, u64),
    bytes: u64,
    /// When its content or its mode was changed last. Nobody can set it back.
    changed: SystemTime,
}

impl Look {
    /// That of the file at `path`, if there is one.
    pub(super) fn of(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().map(|it| Self::at(&it))
    }

    /// Whether the file can't look like this once it has changed from now on.
    pub(super) fn is_settled(&self) -> bool {
        self.changed + COARSEST_CLOCK < SystemTime::now()
    }

    #[cfg(unix)]
    fn at(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        let seconds = u64::try_from(metadata.ctime()).unwrap_or(0);
        let nanoseconds = u32::try_from(metadata.ctime_nsec()).unwrap_or(0);
        Self {
            file: (metadata.dev(), metadata.ino()),
            bytes: metadata.len(),
            changed: SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds),
        }
    }

    #[cfg(not(unix))]
    fn at(metadata: &Metadata) -> Self {
        Self {
            file: (0, 0),
            bytes: metadata.len(),
            changed: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
        }
    }
}
