//! Decisions that are recorded into a file.

use crate::{
    args::Decider,
    exit::Problem,
    line_file::{LineFile, Readers},
};
use rest_client_host::plugin::Recorder;
use std::sync::Arc;

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
        Ok(Some(Self {
            file: Arc::new(LineFile::open("--record", file, Readers::Owner)?),
            secret_fields: decider.record_secret.clone(),
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
