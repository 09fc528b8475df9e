//! Files that somebody has named, who may have named one without an end, or one that
//! nobody writes to.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _},
    path::Path,
};

/// Bytes of a file. No configuration, and no list of authorities, is as long.
const MOST: u64 = 16 << 20;

/// What is in the file at `path`, of whatever kind it is. It may wait for who writes it.
///
/// # Errors
///
/// It can't be read, or is too long.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    read_opened(&File::open(path)?)
}

/// What is in the regular file at `path`. Whoever has it read again and again while calls
/// wait for it must not wait for a pipe.
///
/// # Errors
///
/// As for [`read`], or it is another kind of file.
pub(crate) fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    read_opened(&open_regular(path)?)
}

/// The regular file at `path`, open to be read.
///
/// # Errors
///
/// It can't be opened, or is another kind of file.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    // Of a pipe that nobody writes to, opening would have to wait.
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
        options.custom_flags(flags.bits().cast_signed());
    }
    let other = || {
        let what = "it is a device, a pipe or a socket, not a regular file";
        io::Error::new(io::ErrorKind::InvalidInput, what)
    };
    let file = options.open(path).map_err(|error| match path.metadata() {
        // There is no way to open a socket.
        Ok(metadata) if !metadata.is_file() && !metadata.is_dir() => other(),
        _ => error,
    })?;
    let kind = file.metadata()?.file_type();
    if kind.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !kind.is_file() {
        return Err(other());
    }
    Ok(file)
}

/// What is left in `file`.
///
/// # Errors
///
/// As for [`read`].
pub(crate) fn read_opened(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One more shows that there are more.
    let read = file.take(MOST + 1).read_to_end(&mut bytes)?;
    if read as u64 > MOST {
        let what = format!("it has more than {} MiB", MOST >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, what));
    }
    Ok(bytes)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    #[test]
    fn a_file_is_read_whole() {
        let text = read_regular(Path::new(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/Cargo.toml"
        )));
        assert_eq!(text.unwrap(), include_bytes!("../Cargo.toml"));
    }

    #[test]
    fn what_has_no_end_is_read_to_the_bound() {
        let error = read(Path::new("/dev/zero")).unwrap_err();
        assert_eq!(error.to_string(), "it has more than 16 MiB");
    }

    #[test]
    fn a_regular_file_alone_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for path in [Path::new("/dev/zero"), &pipe, &socket] {
            let error = read_regular(path).unwrap_err();
            assert!(error.to_string().contains("is a device, a pipe"), "{error}");
        }
        let error = read_regular(folder.path()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::IsADirectory);
    }
}
