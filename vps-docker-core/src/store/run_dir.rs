use std::fs::File;
use std::path::Path;

use rustix::fs::FlockOperation;
use tempfile::TempDir;

use super::file::{io_error, open_or_create, remove_directory};
use crate::error::Result;
use crate::ssh::private_dir;

/// A directory for what must not outlive this process: control sockets, files that are not written
/// to their end. Dropped, it is removed; that of a process that was killed goes when the next one
/// opens the data directory.
#[derive(Debug)]
pub(super) struct RunDir {
    directory: TempDir,
    /// Held as long as we live.
    _lock: File,
}

impl RunDir {
    /// Makes one below `parent`, and removes those that nobody holds any more. The caller holds the
    /// lock of the data directory, so nobody else is half-way through this.
    pub(super) fn make(parent: &Path) -> Result<Self> {
        sweep(parent)?;
        let directory = private_dir(parent, "")?;
        let lock = open_or_create(&directory.path().join(LOCK))?;
        rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .map_err(|error| io_error("lock", directory.path(), error.into()))?;
        Ok(Self {
            directory,
            _lock: lock,
        })
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }
}

const LOCK: &str = "lock";

fn sweep(parent: &Path) -> Result<()> {
    let failed = |error| io_error("list", parent, error);
    for entry in std::fs::read_dir(parent).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if !is_held(&path) {
            remove_directory(&path)?;
        }
    }
    Ok(())
}

fn is_held(directory: &Path) -> bool {
    File::open(directory.join(LOCK)).is_ok_and(|lock| {
        rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_holds_is_removed_and_nothing_else() {
        let parent = tempfile::tempdir().expect("a directory");
        let held = RunDir::make(parent.path()).expect("made");
        std::fs::write(held.path().join("file"), "half").expect("written");
        for dead in ["without-a-lock", "with-a-lock"] {
            std::fs::create_dir(parent.path().join(dead)).expect("made");
        }
        std::fs::write(parent.path().join("with-a-lock/lock"), "").expect("written");
        let other = RunDir::make(parent.path()).expect("made");
        let count = || std::fs::read_dir(parent.path()).expect("there").count();
        assert!(held.path().join("file").exists() && other.path().exists());
        assert_eq!(count(), 2);
        drop((held, other));
        assert_eq!(count(), 0);
    }
}
