use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};

use super::SCHEMA_VERSION;
use super::file::{create_directory, io_error, open_or_create, read_record, write_record};
use super::run_dir::RunDir;
use crate::error::Result;
use crate::model::Instance;

/// The machines that were adopted from here: one file, replaced atomically and changed under a lock.
#[derive(Clone, Debug)]
pub(crate) struct Machines {
    data_dir: PathBuf,
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
            data_dir: data_dir.to_owned(),
        }
    }

    /// All of them.
    pub(crate) fn read(&self) -> Result<Vec<Instance>> {
        let document: Option<Document> = read_record(&self.file())?;
        Ok(document.map_or_else(Vec::new, |document| document.machines))
    }

    /// Changes them; on disk when it returns. Nothing is written when `change` fails.
    pub(crate) fn update<T>(
        &self,
        change: impl FnOnce(&mut Vec<Instance>) -> Result<T>,
    ) -> Result<T> {
        // That of the data directory: below it is also what is staged.
        let lock = open_or_create(&self.data_dir.join("lock"))?;
        rustix::fs::flock(&lock, FlockOperation::LockExclusive)
            .map_err(|error| io_error("lock", &self.data_dir, error.into()))?;
        let run = self.data_dir.join("run");
        create_directory(&run)?;
        let staging = RunDir::make(&run)?;
        let mut machines = self.read()?;
        let answer = change(&mut machines)?;
        let document = Document {
            schema_version: SCHEMA_VERSION,
            machines,
        };
        write_record(&self.file(), &document, &staging)?;
        Ok(answer)
    }

    fn file(&self) -> PathBuf {
        self.data_dir.join("adopted.json")
    }
}
