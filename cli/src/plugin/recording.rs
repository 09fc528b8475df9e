//! Decisions that are recorded into a file.

use crate::{
    args::Decider,
    exit::{Exit, Problem},
    line_file::{LineFile, Readers},
    stderr,
};
use rest_client_host::plugin::{Record, Recorder};
use std::{fs::File, io::Read as _, os::unix::fs::MetadataExt as _, path::Path, sync::Arc};

/// Such a file. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Recording {
    file: Arc<LineFile>,
    secret_fields: Vec<String>,
}

impl Recording {
    /// The one that `decider` asks for.
    pub(crate) fn open(decider: &Decider) -> Result<Option<Self>, Problem> {
        let Some(file) = &decider.record else {
            return Ok(None);
        };
        check(file)?;
        Ok(Some(Self {
            file: Arc::new(LineFile::open("--record", file, Readers::Owner)?),
            secret_fields: decider
                .record_secret
                .iter()
                .map(ToString::to_string)
                .collect(),
        }))
    }

    /// Who writes to it. `lost` is called for what the disk is too slow for.
    pub(crate) fn recorder(&self, lost: impl Fn() + Send + Sync + 'static) -> Recorder {
        let file = self.file.clone();
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
            if read.is_ok() && !Record::can_begin_with(&begin) {
                let what = format!(
                    "--record: {} is there, and no recording; it is left as it is",
                    path.display()
                );
                return Err(Problem::new(Exit::Usage, what));
            }
            if metadata.mode() & 0o077 != 0 {
                stderr::complain(&format!(
                    "{} is there, and others than its owner can use it (its mode is {:03o}); \
                     recordings hold what came into the plugin",
                    path.display(),
                    metadata.mode() & 0o777
                ));
            }
        }
        _ => {}
    }
    Ok(())
}
