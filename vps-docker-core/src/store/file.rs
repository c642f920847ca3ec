//! Files that are never torn and never readable by others.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::SCHEMA_VERSION;
use crate::error::{Error, ErrorKind, Result};
use crate::step::step;

/// Writes a file of mode 0600: temporary file in `staging`, fsync, rename, fsync of the directory.
/// Whoever reads sees the old content or the new one; whoever looks for leftovers looks in one place.
pub(super) fn write_atomically(path: &Path, content: &[u8], staging: &Path) -> Result<()> {
    let directory = path.parent().expect("a file of ours stands in a directory");
    let write = || -> std::io::Result<()> {
        let mut temporary = tempfile::NamedTempFile::new_in(staging)?;
        temporary.write_all(content)?;
        temporary.as_file().sync_all()?;
        step("stage", path.display());
        temporary.persist(path).map_err(|error| error.error)?;
        File::open(directory)?.sync_all()
    };
    write().map_err(|error| io_error("write", path, error))?;
    step("write", path.display());
    Ok(())
}

/// Makes a directory and its parents, of mode 0700. One that is there is left as it is.
pub(super) fn create_directory(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| io_error("create", path, error))?;
    step("make", path.display());
    Ok(())
}

/// Opens a file of mode 0600 for reading and writing; makes an empty one if there is none.
pub(super) fn open_or_create(path: &Path) -> Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|error| io_error("open", path, error))
}

/// The content of a file, `None` when there is none.
pub(super) fn read(path: &Path) -> Result<Option<String>> {
    let mut text = String::new();
    match File::open(path).and_then(|mut file| file.read_to_string(&mut text)) {
        Ok(_) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error("read", path, error)),
    }
}

/// Removes a file; one that is gone is fine.
pub(super) fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Ok(()) => step("remove", path.display()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(io_error("remove", path, error)),
    }
    Ok(())
}

/// Removes a directory with all that is in it; one that is gone is fine.
pub(super) fn remove_directory(path: &Path) -> Result<()> {
    match std::fs::remove_dir_all(path) {
        Ok(()) => step("remove", path.display()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(io_error("remove", path, error)),
    }
    Ok(())
}

/// Writes a record as JSON.
pub(super) fn write_record<T: Serialize>(path: &Path, record: &T, staging: &Path) -> Result<()> {
    let mut text = serde_json::to_vec_pretty(record).expect("records of ours are plain data");
    text.push(b'\n');
    write_atomically(path, &text, staging)
}

/// Reads a record; a corrupt one or one of a newer version is an error, never overwritten.
pub(super) fn read_record<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    match read(path)? {
        None => Ok(None),
        Some(text) => parse_record(&text, &path.display().to_string()).map(Some),
    }
}

/// Reads a record from its JSON text.
pub(super) fn parse_record<T: DeserializeOwned>(text: &str, place: &str) -> Result<T> {
    #[derive(serde::Deserialize)]
    struct Version {
        schema_version: u32,
    }
    let corrupt = |error: serde_json::Error| {
        Error::new(
            ErrorKind::State,
            format!("the record {place} is corrupt; it is left as it is, look at it"),
        )
        .with_source(error)
    };
    let Version { schema_version } = serde_json::from_str(text).map_err(corrupt)?;
    if schema_version > SCHEMA_VERSION {
        return Err(Error::new(
            ErrorKind::State,
            format!(
                "the record {place} is of version {schema_version}, this program knows \
                 {SCHEMA_VERSION}; use a newer vps-docker"
            ),
        ));
    }
    serde_json::from_str(text).map_err(corrupt)
}

pub(super) fn io_error(action: &str, path: &Path, error: std::io::Error) -> Error {
    let kind = match error.kind() {
        std::io::ErrorKind::PermissionDenied => ErrorKind::Permission,
        // A part of the path is a file.
        std::io::ErrorKind::NotADirectory => ErrorKind::Invalid,
        _ => ErrorKind::State,
    };
    Error::new(kind, format!("cannot {action} {}", path.display())).with_source(error)
}
