//! Decisions that are recorded into a file.

use crate::{
    args::Decider,
    exit::Problem,
    line_file::{LineFile, Lines},
    stderr,
};
use rest_client_host::plugin::Recorder;
use std::{os::unix::fs::MetadataExt as _, path::Path, sync::Arc};

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
        let opened = LineFile::open("--record", file, Lines::Recordings, lost.clone())?;
        warn_if_others_can_read(file);
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

/// What a recording says is for its owner.
fn warn_if_others_can_read(path: &Path) {
    if let Ok(metadata) = path.metadata()
        && metadata.is_file()
        && metadata.mode() & 0o077 != 0
    {
        stderr::complain(&format!(
            "{} is accessible to users other than its owner (its mode is {:03o}); \
             recordings contain all inputs of the plugin",
            path.display(),
            metadata.mode() & 0o777
        ));
    }
}
