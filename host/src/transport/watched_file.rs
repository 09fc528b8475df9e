//! What a file says, read anew when it has changed.

use parking_lot::Mutex;
use std::{
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt as _,
    path::PathBuf,
    sync::Arc,
};

/// A file and what it said when it was read last. Looking whether it has changed
/// takes one system call.
#[derive(Debug)]
pub(super) struct WatchedFile<T> {
    path: PathBuf,
    read: Mutex<Option<(Stamp, Arc<T>)>>,
}

/// What changes with a file: device, inode, size, and both times in nanoseconds.
/// `None` for one that is not there.
type Stamp = Option<(u64, u64, u64, [i64; 4])>;

impl<T> WatchedFile<T> {
    pub(super) fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            read: Mutex::new(None),
        }
    }

    /// What `parse` makes of its bytes, or of the reason why there are none.
    ///
    /// # Errors
    ///
    /// Those of `parse`, which is then asked again the next time.
    pub(super) fn current<E>(
        &self,
        parse: impl FnOnce(io::Result<Vec<u8>>) -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        // Before it is read: a change in between is seen the next time.
        let stamp = fs::metadata(&self.path).ok().map(|it| stamp(&it));
        let mut read = self.read.lock();
        if let Some((then, said)) = &*read
            && *then == stamp
        {
            return Ok(said.clone());
        }
        let said = Arc::new(parse(fs::read(&self.path))?);
        *read = Some((stamp, said.clone()));
        Ok(said)
    }
}

fn stamp(it: &Metadata) -> (u64, u64, u64, [i64; 4]) {
    let times = [it.mtime(), it.mtime_nsec(), it.ctime(), it.ctime_nsec()];
    (it.dev(), it.ino(), it.size(), times)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(read: io::Result<Vec<u8>>) -> Result<String, io::ErrorKind> {
        match read {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok("nothing".into()),
            Err(error) => Err(error.kind()),
        }
    }

    #[test]
    fn a_file_is_read_when_it_is_there_and_when_it_is_another() {
        let name = format!("rest-client-watched-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let file = WatchedFile::new(&path);
        assert_eq!(*file.current(text).unwrap(), "nothing");
        fs::write(&path, "one").unwrap();
        let first = file.current(text).unwrap();
        assert_eq!(*first, "one");
        let again = file.current(text).unwrap();
        assert!(Arc::ptr_eq(&first, &again), "it has not changed");
        // As tools do, so that nobody reads half of it.
        let newer = path.with_extension("new");
        fs::write(&newer, "two").unwrap();
        fs::rename(&newer, &path).unwrap();
        assert_eq!(*file.current(text).unwrap(), "two");
        fs::remove_file(&path).unwrap();
        assert_eq!(*file.current(text).unwrap(), "nothing");
    }

    #[test]
    fn a_failure_is_not_kept() {
        let file = WatchedFile::new(std::env::temp_dir());
        file.current(text).unwrap_err();
        assert_eq!(
            file.current(|_| Ok::<_, ()>(String::new()))
                .unwrap()
                .as_str(),
            ""
        );
    }
}
