//! What a file says, read anew when it has changed.

use super::stamp::Look;
use crate::bounded_file;
use parking_lot::Mutex;
use std::{io, path::PathBuf, sync::Arc};

/// A file and what it said when it was read last. Looking whether it has changed
/// takes one system call.
#[derive(Debug)]
pub(super) struct WatchedFile<T> {
    path: PathBuf,
    read: Mutex<Option<Read<T>>>,
}

#[derive(Debug)]
struct Read<T> {
    /// Empty for a file that is not there.
    look: Option<Look>,
    /// It would look different if it had changed since.
    is_settled: bool,
    said: Arc<T>,
}

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
        let look = Look::of(&self.path);
        let mut is_settled = look.as_ref().is_none_or(Look::is_settled);
        let mut read = self.read.lock();
        if let Some(read) = &*read
            && read.is_settled
            && read.look == look
        {
            return Ok(read.said.clone());
        }
        let bytes = bounded_file::read_regular(&self.path);
        // It has come since.
        is_settled &= look.is_some() || bytes.is_err();
        let said = Arc::new(parse(bytes)?);
        *read = Some(Read {
            look,
            is_settled,
            said: said.clone(),
        });
        Ok(said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

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
        assert_eq!(*file.current(text).unwrap(), "one");
        // As tools do, so that nobody reads half of it.
        let newer = path.with_extension("new");
        fs::write(&newer, "two").unwrap();
        fs::rename(&newer, &path).unwrap();
        assert_eq!(*file.current(text).unwrap(), "two");
        fs::remove_file(&path).unwrap();
        assert_eq!(*file.current(text).unwrap(), "nothing");
    }

    #[test]
    fn one_that_has_not_changed_for_a_time_is_not_read_again() {
        // It was there before this was compiled.
        let file = WatchedFile::new(concat!(env!("CARGO_MANIFEST_DIR"), "/build.rs"));
        let first = file.current(text).unwrap();
        assert!(Arc::ptr_eq(&first, &file.current(text).unwrap()));
    }

    /// The clock of its file system stands still for some milliseconds at a time.
    #[test]
    fn one_that_changes_again_and_again_is_read_each_time() {
        let name = format!("rest-client-changing-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let file = WatchedFile::new(&path);
        for number in 1000..1100 {
            let said = number.to_string();
            fs::write(&path, &said).unwrap();
            assert_eq!(*file.current(text).unwrap(), said);
        }
        fs::remove_file(&path).unwrap();
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
