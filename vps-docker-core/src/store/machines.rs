use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};

use super::SCHEMA_VERSION;
use super::file::{
    create_directory, io_error, open_or_create, read_record, remove_directory, write_record,
};
use crate::error::Result;
use crate::model::Instance;

/// The machines that were adopted from here: one file, replaced atomically and changed under a lock.
#[derive(Clone, Debug)]
pub(crate) struct Machines {
    file: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Document {
    schema_version: u32,
    machines: Vec<Instance>,
}

impl Machines {
    /// Those of a data directory.
    pub(crate) fn new(data_dir: &Path) -> Self {
        Self {
            file: data_dir.join("adopted.json"),
        }
    }

    /// All of them.
    pub(crate) fn read(&self) -> Result<Vec<Instance>> {
        let document: Option<Document> = read_record(&self.file)?;
        Ok(document.map_or_else(Vec::new, |document| document.machines))
    }

    /// Changes them; on disk when it returns. Nothing is written when `change` fails.
    pub(crate) fn update<T>(
        &self,
        change: impl FnOnce(&mut Vec<Instance>) -> Result<T>,
    ) -> Result<T> {
        let lock = open_or_create(&self.file.with_extension("lock"))?;
        rustix::fs::flock(&lock, FlockOperation::LockExclusive)
            .map_err(|error| io_error("lock", &self.file, error.into()))?;
        let mut machines = self.read()?;
        let answer = change(&mut machines)?;
        let document = Document {
            schema_version: SCHEMA_VERSION,
            machines,
        };
        // What a process has left that was killed here is in it, and nobody else's.
        let staging = self.file.with_extension("new");
        remove_directory(&staging)?;
        create_directory(&staging)?;
        write_record(&self.file, &document, &staging)?;
        remove_directory(&staging)?;
        Ok(answer)
    }
}
