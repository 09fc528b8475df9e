//! Where a reply goes, made sure of before it is asked for.

use crate::{
    exit::{Exit, Problem},
    interrupt::{self, Undo},
    stdout,
};
use std::{
    fs::{self, File, Metadata, OpenOptions, Permissions},
    io::{self, ErrorKind, Write as _},
    os::unix::{
        ffi::OsStrExt as _,
        fs::{MetadataExt as _, PermissionsExt as _, fchown},
    },
    path::{Path, PathBuf},
};
use tempfile::NamedTempFile;

/// Links that lead from one to the next, as many as Linux follows.
const MAX_LINKS: usize = 40;

/// Where the reply is written, opened before the request is sent.
pub(crate) enum Destination {
    /// Standard output.
    Stdout,
    /// A file that is complete or as it was.
    File(Output),
}

/// A file to write a reply to.
pub(crate) struct Output {
    /// As the user named it.
    name: PathBuf,
    /// What is there already, open for writing.
    existing: Option<File>,
    /// A file beside the place, which it takes when it is complete. `None` where
    /// what is there can't be replaced, as a device, a file with several names,
    /// or one of an owner that a new file can't be given to.
    replacement: Option<Replacement>,
}

struct Replacement {
    file: NamedTempFile,
    /// Links followed.
    path: PathBuf,
    /// After `file`, which is gone by itself when this is dropped.
    _undo: Undo,
}

impl Destination {
    /// `None` and `-` are standard output.
    pub(crate) fn open(path: Option<&Path>) -> Result<Self, Problem> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else {
            return stdout::check().map(|()| Self::Stdout);
        };
        Output::open(path)
            .map(Self::File)
            .map_err(|error| unwritable(path, &error))
    }

    /// Writes all of `bytes`, or nothing where that can be had.
    pub(crate) fn write(self, bytes: &[u8]) -> Result<(), Problem> {
        match self {
            Self::Stdout => stdout::print(bytes),
            Self::File(output) => {
                let name = output.name.clone();
                output
                    .write(bytes)
                    .map_err(|error| unwritable(&name, &error))
            }
        }
    }
}

impl Output {
    fn open(name: &Path) -> io::Result<Self> {
        let is_directory = || io::Error::from(ErrorKind::IsADirectory);
        if name.as_os_str().is_empty() {
            return Err(ErrorKind::NotFound.into());
        }
        let (existing, replacement) = match fs::metadata(name) {
            Ok(metadata) if metadata.is_dir() => return Err(is_directory()),
            Ok(metadata) => {
                let existing = OpenOptions::new().write(true).open(name)?;
                let replacement = replacement_of(name, &metadata);
                (Some(existing), replacement)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if name.as_os_str().as_bytes().ends_with(b"/") {
                    return Err(is_directory());
                }
                (None, Some(Replacement::new(through_links(name)?, 0o666)?))
            }
            Err(error) => return Err(error),
        };
        Ok(Self {
            name: name.to_owned(),
            existing,
            replacement,
        })
    }

    fn write(self, bytes: &[u8]) -> io::Result<()> {
        if let Some(replacement) = self.replacement {
            match (replacement.take_place(bytes), &self.existing) {
                // It may be a mount point, which stays where it is.
                (Err(error), Some(_)) if error.kind() == ErrorKind::ResourceBusy => {}
                (written, _) => return written,
            }
        }
        let Some(mut file) = self.existing else {
            return Ok(());
        };
        if !file.metadata()?.is_file() {
            return file.write_all(bytes);
        }
        interrupt::uninterrupted(|| {
            file.write_all(bytes)?;
            file.set_len(bytes.len() as u64)?;
            file.sync_all()
        })
    }
}

impl Replacement {
    /// A file beside `path` with this mode, less the umask.
    fn new(path: PathBuf, mode: u32) -> io::Result<Self> {
        let directory = folder_of(&path)?;
        let (file, undo) = interrupt::undoable(
            || {
                tempfile::Builder::new()
                    .prefix(".rest-client-")
                    .permissions(Permissions::from_mode(mode))
                    .tempfile_in(directory)
            },
            |file: &NamedTempFile| {
                let path = file.path().to_owned();
                Box::new(move || {
                    // It may have taken its place just now.
                    let _ = fs::remove_file(path);
                })
            },
        )?;
        Ok(Self {
            file,
            path,
            _undo: undo,
        })
    }

    fn take_place(mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.file.as_file().sync_all()?;
        self.file
            .persist(&self.path)
            .map(drop)
            .map_err(|error| error.error)
    }
}

/// The folder that `path` is in, or is to be made in.
///
/// # Errors
///
/// It is not there.
pub(crate) fn folder_of(path: &Path) -> io::Result<&Path> {
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    if folder
        .metadata()
        .is_err_and(|it| it.kind() == ErrorKind::NotFound)
    {
        let what = format!("there is no folder {}", folder.display());
        return Err(io::Error::new(ErrorKind::NotFound, what));
    }
    Ok(folder)
}

/// A file that can take the place of the one at `name`, with its mode and its
/// owner. `None` where there can be none, so that the one that is there has to
/// be written to.
fn replacement_of(name: &Path, metadata: &Metadata) -> Option<Replacement> {
    if !metadata.is_file() || metadata.nlink() > 1 {
        return None;
    }
    let replacement = Replacement::new(name.canonicalize().ok()?, 0o600).ok()?;
    let file = replacement.file.as_file();
    let ours = file.metadata().ok()?;
    let owner = (metadata.uid(), metadata.gid());
    if (ours.uid(), ours.gid()) != owner {
        fchown(file, Some(owner.0), Some(owner.1)).ok()?;
    }
    let mode = Permissions::from_mode(metadata.mode() & 0o7777);
    file.set_permissions(mode).ok()?;
    Some(replacement)
}

/// Where a file is made that is opened as `path`, of which nothing is there but
/// links, perhaps.
fn through_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&path) {
            Ok(target) => path = path.with_file_name("").join(target),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidInput) => {
                return Ok(path);
            }
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("too many links"))
}

fn unwritable(path: &Path, error: &io::Error) -> Problem {
    Problem::new(
        Exit::Write,
        format!("{} can't be written: {error}", path.display()),
    )
}
