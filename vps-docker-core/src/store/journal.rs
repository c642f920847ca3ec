use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};

use super::SCHEMA_VERSION;
use super::file::{create_directory, io_error, open_or_create, read_record, remove, write_record};
use super::run_dir::RunDir;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{HostId, HostName, InstanceId, Timestamp};
use crate::step::step;

/// Creates that are not finished. An entry is on disk before anything is ordered and goes only
/// when the host is ready or nothing of it is left. So whatever ends a process, nothing it ordered
/// is forgotten.
#[derive(Clone, Debug)]
pub struct Journal {
    directory: PathBuf,
    run: Arc<RunDir>,
}

/// One unfinished create.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// See [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Looked for in the provider's listing by this.
    pub host_id: HostId,
    /// The name asked for.
    pub name: HostName,
    /// The provider's registered name.
    pub provider: String,
    /// When the create began.
    pub began: Timestamp,
    /// Known once the provider has accepted the order.
    pub instance_id: Option<InstanceId>,
    /// Whether all is done but closing this entry: then the host is kept, else removed.
    pub ready: bool,
}

impl JournalEntry {
    /// The intent to create a host.
    #[must_use]
    pub fn intent(host_id: HostId, name: HostName, provider: &str) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            host_id,
            name,
            provider: provider.to_owned(),
            began: Timestamp::now(),
            instance_id: None,
            ready: false,
        }
    }
}

/// The place of one name in the journal, locked by this process until it is dropped. A process
/// that dies lets go of it; then the entry in it, if any, is a leftover.
#[derive(Debug)]
pub struct OpenEntry {
    file: PathBuf,
    lock_file: PathBuf,
    run: Arc<RunDir>,
    _lock: File,
    /// What the file holds.
    entry: Option<JournalEntry>,
}

impl Journal {
    pub(super) fn new(directory: PathBuf, run: Arc<RunDir>) -> Self {
        Self { directory, run }
    }

    /// Takes the place of a name.
    ///
    /// # Errors
    /// [`ErrorKind::NameTaken`] when another process (or task) is creating a host of that name;
    /// [`ErrorKind::State`] when a leftover entry is corrupt.
    pub fn open(&self, provider: &str, name: &HostName) -> Result<OpenEntry> {
        let directory = self.directory.join(provider);
        create_directory(&directory)?;
        let lock_file = directory.join(format!("{name}.lock"));
        let lock = lock(&lock_file)?.ok_or_else(|| {
            Error::new(
                ErrorKind::NameTaken,
                "a host of that name is being created just now, by another process or task",
            )
            .with_host(name)
        })?;
        let file = directory.join(format!("{name}.json"));
        Ok(OpenEntry {
            entry: read_record(&file)?,
            file,
            lock_file,
            run: Arc::clone(&self.run),
            _lock: lock,
        })
    }

    /// All entries, of live creates too.
    ///
    /// # Errors
    /// [`ErrorKind::State`] when the journal cannot be read or an entry is corrupt.
    pub fn entries(&self) -> Result<Vec<JournalEntry>> {
        let mut entries = Vec::new();
        for provider in list(&self.directory)? {
            for file in list(&provider)? {
                if file
                    .extension()
                    .is_some_and(|extension| extension == "json")
                {
                    entries.extend(read_record::<JournalEntry>(&file)?);
                }
            }
        }
        Ok(entries)
    }
}

impl Journal {
    /// Removes the locks of names that have no entry and that nobody is at work on: a process that
    /// was killed leaves them.
    pub(super) fn sweep(&self) -> Result<()> {
        for provider in list(&self.directory)? {
            for file in list(&provider)? {
                let is_lock = file
                    .extension()
                    .is_some_and(|extension| extension == "lock");
                if is_lock
                    && !file.with_extension("json").exists()
                    && let Some(_held) = lock(&file)?
                {
                    remove(&file)?;
                }
            }
        }
        Ok(())
    }
}

impl OpenEntry {
    /// What is written there: before [`write`](Self::write), a leftover of a process that died.
    #[must_use]
    pub fn entry(&self) -> Option<&JournalEntry> {
        self.entry.as_ref()
    }

    /// Writes the entry; on disk when it returns.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&mut self, entry: JournalEntry) -> Result<()> {
        write_record(&self.file, &entry, self.run.path())?;
        self.entry = Some(entry);
        Ok(())
    }

    /// Changes the entry; on disk when it returns.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn update(&mut self, change: impl FnOnce(&mut JournalEntry)) -> Result<()> {
        let mut entry = self.entry.clone().expect("an entry was written before");
        change(&mut entry);
        self.write(entry)
    }

    /// Removes the entry, for the host is ready or nothing of it is left, and keeps the place.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn clear(&mut self) -> Result<()> {
        remove(&self.file)?;
        self.entry = None;
        Ok(())
    }

    /// Removes the entry and gives the place up.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn close(mut self) -> Result<()> {
        self.clear()
    }
}

impl Drop for OpenEntry {
    fn drop(&mut self) {
        if self.entry.is_none() {
            // We hold the lock, so nobody else can be using the file.
            let _ = remove(&self.lock_file);
        }
    }
}

/// Locks a file without waiting; `None` when somebody else has it.
fn lock(path: &Path) -> Result<Option<File>> {
    loop {
        let file = open_or_create(path)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
            Err(error) => return Err(io_error("lock", path, error.into())),
        }
        // Its former holder may have removed it between our opening and our locking.
        if same_file(&file, path) {
            step("lock", path.display());
            return Ok(Some(file));
        }
    }
}

fn same_file(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), path.metadata()) {
        (Ok(ours), Ok(there)) => ours.ino() == there.ino() && ours.dev() == there.dev(),
        _ => false,
    }
}

fn list(directory: &Path) -> Result<Vec<PathBuf>> {
    let failed = |error| io_error("list", directory, error);
    std::fs::read_dir(directory)
        .map_err(failed)?
        .map(|entry| entry.map(|entry| entry.path()).map_err(failed))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal() -> (tempfile::TempDir, Journal) {
        let directory = tempfile::tempdir().expect("a directory");
        let [journal, run] = ["journal", "run"].map(|name| directory.path().join(name));
        create_directory(&journal).expect("made");
        create_directory(&run).expect("made");
        let run = RunDir::make(&run).expect("made");
        let journal = Journal::new(journal, Arc::new(run));
        (directory, journal)
    }

    fn name() -> HostName {
        HostName::new("web1").expect("legal")
    }

    #[test]
    fn a_name_is_taken_while_its_place_is_held() {
        let (_directory, journal) = journal();
        let place = journal.open("local", &name()).expect("free");
        let error = journal.open("local", &name()).expect_err("held");
        assert_eq!(error.kind(), ErrorKind::NameTaken);
        journal.open("vultr", &name()).expect("another provider");
        drop(place);
        journal.open("local", &name()).expect("free again");
    }

    #[test]
    fn an_entry_outlives_its_process_until_it_is_closed() {
        let (directory, journal) = journal();
        let id = HostId::random();
        let mut place = journal.open("local", &name()).expect("free");
        place
            .write(JournalEntry::intent(id.clone(), name(), "local"))
            .expect("written");
        place.update(|entry| entry.ready = true).expect("updated");
        drop(place);
        assert_eq!(journal.entries().expect("readable").len(), 1);
        let place = journal.open("local", &name()).expect("free");
        let left = place.entry().expect("left over");
        assert!(left.host_id == id && left.ready);
        place.close().expect("closed");
        assert!(journal.entries().expect("readable").is_empty());
        let files = std::fs::read_dir(directory.path().join("journal/local")).expect("there");
        assert_eq!(files.count(), 0, "no lock file is left");
    }

    #[test]
    fn locks_that_nobody_holds_are_swept() {
        let (directory, journal) = journal();
        let place = journal.open("local", &name()).expect("free");
        let lock = directory.path().join("journal/local/web1.lock");
        journal.sweep().expect("swept");
        assert!(lock.exists(), "it is held");
        drop(place);
        std::fs::write(&lock, "").expect("written");
        journal.sweep().expect("swept");
        assert!(!lock.exists());
    }

    #[test]
    fn a_corrupt_entry_is_reported_and_left() {
        let (directory, journal) = journal();
        drop(journal.open("local", &name()).expect("free"));
        let file = directory.path().join("journal/local/web1.json");
        for text in ["{", "{\"schema_version\": 99}"] {
            std::fs::write(&file, text).expect("written");
            let error = journal.open("local", &name()).expect_err("unreadable");
            assert_eq!(error.kind(), ErrorKind::State);
            assert_eq!(std::fs::read_to_string(&file).expect("there"), text);
        }
    }
}
