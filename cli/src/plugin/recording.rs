//! Decisions that are recorded into a file.

use crate::{
    args::Decider,
    exit::{Exit, Problem},
    line_file::{LineFile, Readers},
    stderr,
};
use rest_client_host::plugin::Recorder;
use std::{fs::File, io::Read as _, os::unix::fs::MetadataExt as _, path::Path, sync::Arc};

/// Such a file. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Recording {
    file: Arc<LineFile>,
    lost: Arc<dyn Fn() + Send + Sync>,
    secret_fields: Vec<String>,
}

impl Recording {
    /// The one that `decider` asks for. `lost` is called for each decision that can't be
    /// written, or that the disk is too slow for.
    pub(crate) fn open(
        decider: &Decider,
        lost: impl Fn() + Clone + Send + Sync + 'static,
    ) -> Result<Option<Self>, Problem> {
        let Some(file) = &decider.record else {
            return Ok(None);
        };
        check(file)?;
        let opened = LineFile::open("--record", file, Readers::Owner, lost.clone())?;
        Ok(Some(Self {
            file: Arc::new(opened),
            lost: Arc::new(lost),
            secret_fields: decider
                .record_secret
                .iter()
                .map(ToString::to_string)
                .collect(),
        }))
    }

    /// Who writes to it.
    pub(crate) fn recorder(&self) -> Recorder {
        let (file, lost) = (self.file.clone(), self.lost.clone());
        Recorder::new(self.secret_fields.clone(), move |record| {
            if !file.write(record.to_json() + "\n") {
                lost();
            }
        })
    }

    /// Has the file opened anew, which somebody may have renamed.
    pub(crate) fn reopen(&self) {
        self.file.reopen();
    }

    /// Writes what waits. Whether all of it is written.
    #[must_use]
    pub(crate) fn finish(&self) -> bool {
        self.file.finish()
    }
}

/// What is there already stays, and more comes behind it.
///
/// # Errors
///
/// It is something else than recordings: the plugin, perhaps.
fn check(path: &Path) -> Result<(), Problem> {
    let mut begin = Vec::new();
    match path.metadata() {
        Ok(metadata) if metadata.is_file() => {
            let read = File::open(path).and_then(|it| it.take(64).read_to_end(&mut begin));
            if read.is_ok() && !can_be_recordings(&begin) {
                let what = format!(
                    "--record: {} exists and is not a recording; it was not changed",
                    path.display()
                );
                return Err(Problem::new(Exit::Usage, what));
            }
            if metadata.mode() & 0o077 != 0 {
                stderr::complain(&format!(
                    "{} is accessible to users other than its owner (its mode is {:03o}); \
                     recordings contain all inputs of the plugin",
                    path.display(),
                    metadata.mode() & 0o777
                ));
            }
        }
        _ => {}
    }
    Ok(())
}

/// Whether a file of objects of JSON, one in a line, can begin so. Whoever wrote it may have been
/// cut off early; after a loss of power there can be zeros.
fn can_be_recordings(begin: &[u8]) -> bool {
    let first = begin
        .iter()
        .find(|it| !matches!(it, b' ' | b'\r' | b'\n' | 0));
    first.is_none_or(|it| *it == b'{')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_cut_off_goes_on_and_what_is_another_file_does_not() {
        for begin in ["", "\n", "{", "{\"rec", "\0\0{\"recording\":1", "{\"at\":1"] {
            assert!(can_be_recordings(begin.as_bytes()), "{begin:?}");
        }
        for begin in [
            "\0asm\r\0\x01\0",
            "[services.billing]",
            "# a\n",
            "at-cap = 1",
        ] {
            assert!(!can_be_recordings(begin.as_bytes()), "{begin:?}");
        }
    }
}
