use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::FlockOperation;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::file::{
    create_directory, io_error, open_or_create, read_record, write_atomically, write_record,
};
use super::run_dir::RunDir;
use super::{HostEntry, Journal, SCHEMA_VERSION};
use crate::error::{Error, ErrorKind, Result};
use crate::keys::{KeyPair, read_key_pair};
use crate::model::{HostName, OwnerId};

/// Where this side keeps keys, pins and the journal: one directory of mode 0700, one owner.
///
/// ```text
/// profile.json            who we are: the owner id
/// keys/vps_ed25519        logs in to every VPS of this owner, the .pub beside it
/// keys/container_ed25519  logs in to every container
/// hosts/PROVIDER/NAME/    a host's address and pins
/// journal/                creates that are not finished
/// run/                    what running processes hold open: control sockets, unfinished files
/// ```
#[derive(Clone, Debug)]
pub struct DataDir {
    path: PathBuf,
    owner: OwnerId,
    vps_key: KeyPair,
    container_key: KeyPair,
    run: Arc<RunDir>,
}

#[derive(Serialize, Deserialize)]
struct Profile {
    schema_version: u32,
    owner: OwnerId,
}

impl DataDir {
    /// Opens a data directory; makes it, its owner id and its keys if they are not there yet.
    /// Idempotent, and safe when several processes do it at once.
    ///
    /// # Errors
    /// [`ErrorKind::Permission`] when it cannot be written, belongs to somebody else or can be
    /// written by others; [`ErrorKind::Invalid`] or [`ErrorKind::State`] when what is in it is
    /// unfit.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        if path.exists() && !path.is_dir() {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "the data directory {} is a file; choose a directory",
                    path.display()
                ),
            ));
        }
        create_directory(&path)?;
        let path = path
            .canonicalize()
            .map_err(|error| io_error("find", &path, error))?;
        check_ours(&path)?;
        for directory in ["keys", "hosts", "journal", "run"] {
            create_directory(&path.join(directory))?;
        }
        let lock = open_or_create(&path.join("lock"))?;
        rustix::fs::flock(&lock, FlockOperation::LockExclusive)
            .map_err(|error| io_error("lock", &path, error.into()))?;
        let run = RunDir::make(&path.join("run"))?;
        let owner = owner(&path, run.path())?;
        let key = |name: &str| client_key(&path.join("keys"), name, &owner, run.path());
        let data_dir = Self {
            vps_key: key("vps")?,
            container_key: key("container")?,
            path,
            owner,
            run: Arc::new(run),
        };
        data_dir.journal().sweep()?;
        Ok(data_dir)
    }

    /// The directory itself, absolute.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Who orders from here.
    #[must_use]
    pub fn owner(&self) -> &OwnerId {
        &self.owner
    }

    /// The key that logs in to VPSs.
    #[must_use]
    pub fn vps_key(&self) -> &KeyPair {
        &self.vps_key
    }

    /// The file of [`vps_key`](Self::vps_key).
    #[must_use]
    pub fn vps_key_file(&self) -> PathBuf {
        self.path.join("keys/vps_ed25519")
    }

    /// The key that logs in to containers.
    #[must_use]
    pub fn container_key(&self) -> &KeyPair {
        &self.container_key
    }

    /// The file of [`container_key`](Self::container_key).
    #[must_use]
    pub fn container_key_file(&self) -> PathBuf {
        self.path.join("keys/container_ed25519")
    }

    /// Where control sockets stand: a directory of this process's, removed with the last clone of
    /// this value, or, when the process was killed, by the next one that opens the data directory.
    #[must_use]
    pub fn run_dir(&self) -> PathBuf {
        self.run.path().to_owned()
    }

    /// The journal of creates.
    #[must_use]
    pub fn journal(&self) -> Journal {
        Journal::new(self.path.join("journal"), Arc::clone(&self.run))
    }

    /// What is known here of a host; empty when nothing is.
    #[must_use]
    pub fn host_entry(&self, provider: &str, name: &HostName) -> HostEntry {
        let directory = self.path.join("hosts").join(provider).join(name.as_str());
        self.entry_in(directory)
    }
}

impl DataDir {
    /// An entry that stands elsewhere.
    pub(crate) fn entry_in(&self, directory: PathBuf) -> HostEntry {
        HostEntry::new(directory, Arc::clone(&self.run))
    }

    /// The names of a provider's hosts of which something is known here.
    pub(crate) fn known_names(&self, provider: &str) -> Result<Vec<HostName>> {
        let directory = self.path.join("hosts").join(provider);
        let failed = |error| io_error("list", &directory, error);
        let entries = match std::fs::read_dir(&directory) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(failed)?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed)?.file_name();
            // What is no host's name was not put there by us.
            names.extend(name.to_str().and_then(|name| HostName::new(name).ok()));
        }
        Ok(names)
    }
}

fn check_ours(path: &Path) -> Result<()> {
    let metadata = path
        .metadata()
        .map_err(|error| io_error("look at", path, error))?;
    let refused = |reason: String| {
        Error::new(
            ErrorKind::Permission,
            format!("the data directory {} {reason}", path.display()),
        )
    };
    let us = rustix::process::geteuid().as_raw();
    if metadata.uid() != us {
        return Err(refused(format!(
            "belongs to the user id {}, we are {us}; choose another one",
            metadata.uid()
        )));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(refused(format!(
            "can be written by others (mode {:04o}), who could put their own keys there; \
             run `chmod 700` on it",
            metadata.mode() & 0o7777
        )));
    }
    rustix::fs::access(path, rustix::fs::Access::WRITE_OK)
        .map_err(|error| io_error("write to", path, error.into()))
}

fn owner(path: &Path, run: &Path) -> Result<OwnerId> {
    let file = path.join("profile.json");
    if let Some(profile) = read_record::<Profile>(&file)? {
        return Ok(profile.owner);
    }
    let profile = Profile {
        schema_version: SCHEMA_VERSION,
        owner: OwnerId::random(),
    };
    write_record(&file, &profile, run)?;
    Ok(profile.owner)
}

fn client_key(directory: &Path, name: &str, owner: &OwnerId, run: &Path) -> Result<KeyPair> {
    let file = directory.join(format!("{name}_ed25519"));
    match read_key_pair(&file) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        other => return other,
    }
    let pair = KeyPair::generate(&format!("vps-docker-{name}-{owner}"))?;
    let public = format!("{}\n", pair.public().openssh());
    write_atomically(&file.with_extension("pub"), public.as_bytes(), run)?;
    let private = pair.private_openssh();
    write_atomically(&file, private.expose_secret().as_bytes(), run)?;
    Ok(pair)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn it_is_made_once_and_read_back() {
        let parent = tempfile::tempdir().expect("a directory");
        let path = parent.path().join("data");
        let first = DataDir::open(&path).expect("made");
        let second = DataDir::open(&path).expect("read");
        assert_eq!(first.owner(), second.owner());
        assert_eq!(first.vps_key().public(), second.vps_key().public());
        assert_ne!(first.vps_key().public(), first.container_key().public());
        for file in [first.vps_key_file(), first.container_key_file()] {
            let mode = file.metadata().expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        assert_eq!(path.metadata().expect("there").mode() & 0o777, 0o700);
    }

    #[test]
    fn one_that_others_can_write_is_refused() {
        let path = tempfile::tempdir().expect("a directory");
        std::fs::set_permissions(path.path(), std::fs::Permissions::from_mode(0o777))
            .expect("mode");
        let error = DataDir::open(path.path()).expect_err("world-writable");
        assert_eq!(error.kind(), ErrorKind::Permission);
        assert!(error.to_string().contains("chmod 700"), "{error}");
    }

    /// Only root can make such a directory, and only then there is something to test.
    #[test]
    fn one_of_another_user_is_refused() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let path = tempfile::tempdir().expect("a directory");
        std::os::unix::fs::chown(path.path(), Some(12345), None).expect("root may");
        let error = DataDir::open(path.path()).expect_err("another user's");
        assert_eq!(error.kind(), ErrorKind::Permission);
        assert!(error.to_string().contains("12345"), "{error}");
    }

    #[test]
    fn a_file_in_its_place_is_refused() {
        let parent = tempfile::tempdir().expect("a directory");
        let path = parent.path().join("file");
        std::fs::write(&path, "").expect("written");
        let error = DataDir::open(&path).expect_err("a file");
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
}
