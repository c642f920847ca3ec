//! One build of images at a time on this machine.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

use vps_docker_core::{Error, ErrorKind, Result};

use super::ImageEvent;

/// Held until it is dropped, or the process ends.
pub(super) struct ImageLock(#[allow(dead_code)] File);

/// Waits until no other process builds images. Without the right to write into the directory
/// there is no lock: two builds at once cost time only, as both make the same images.
pub(super) async fn acquire(
    scratch_dir: &Path,
    on_event: &(dyn Fn(ImageEvent) + Send + Sync),
) -> Result<Option<ImageLock>> {
    // One file per user: a file of somebody else's in a shared directory cannot be opened.
    let user = rustix::process::getuid().as_raw();
    let path = scratch_dir.join(format!("vps-docker-images-{user}.lock"));
    let file = match OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
    {
        Ok(file) => file,
        Err(error) => {
            tracing::warn!(%error, path = %path.display(), "images are built without a lock");
            return Ok(None);
        }
    };
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(ImageLock(file))),
            Err(TryLockError::WouldBlock) => {
                if !told {
                    on_event(ImageEvent::Waiting);
                    told = true;
                }
                // A lock of the kernel's cannot be waited for without a thread of its own, which
                // could not be cancelled.
                tokio::time::sleep(Duration::from_millis(100)).await;
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
