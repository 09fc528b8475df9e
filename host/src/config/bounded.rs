//! Files of a configuration, of which a wrong name may be one without end.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

/// Bytes of a file.
const MOST: u64 = 16 << 20;

/// What is in the file at `path`.
///
/// # Errors
///
/// It can't be read, or is longer than any configuration is.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One more shows that there are more.
    let read = File::open(path)?.take(MOST + 1).read_to_end(&mut bytes)?;
    if read as u64 > MOST {
        let what = format!("it has more than {} MiB", MOST >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, what));
    }
    Ok(bytes)
}
