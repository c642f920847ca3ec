//! Things that one process at a time does on this machine.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

use vps_docker_core::{Error, ErrorKind, Result};

/// Held until it is dropped, or the process ends.
#[derive(Debug)]
pub(crate) struct FileLock(#[expect(dead_code, reason = "held, never read")] File);

/// Waits for the lock `what`; `on_wait` is called once if it must be waited for. Without the right
/// to write into the directory there is no lock, only a warning: nothing that is locked breaks
/// for good when done twice.
pub(crate) async fn acquire(
    scratch_dir: &Path,
    what: &str,
    on_wait: impl Fn(),
) -> Result<Option<FileLock>> {
    // One file per user: a file of somebody else's in a shared directory cannot be opened.
    let user = rustix::process::getuid().as_raw();
    let path = scratch_dir.join(format!("vps-docker-{what}-{user}.lock"));
    let opened = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path);
    let file = match opened {
        Ok(file) => file,
        Err(error) => {
            tracing::warn!(%error, path = %path.display(), "going on without a lock");
            return Ok(None);
        }
    };
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(FileLock(file))),
            Err(TryLockError::WouldBlock) => {
                if !told {
                    on_wait();
                    told = true;
                }
                // A lock of the kernel's cannot be waited for without a thread of its own, which
                // could not be cancelled.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(TryLockError::Error(error)) => {
                return Err(Error::new(
                    ErrorKind::State,
                    format!("the lock {} cannot be taken", path.display()),
                )
                .with_source(error));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[tokio::test]
    async fn the_second_waits_for_the_first() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let first = acquire(dir.path(), "test", || {}).await.expect("free");
        assert!(first.is_some());
        let waits = AtomicBool::new(false);
        let second = acquire(dir.path(), "test", || waits.store(true, Ordering::Relaxed));
        let (second, ()) = tokio::join!(second, async {
            while !waits.load(Ordering::Relaxed) {
                tokio::task::yield_now().await;
            }
            drop(first);
        });
        assert!(second.expect("free again").is_some());
    }
}
