use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::FlockOperation;
use secrecy::ExposeSecret;
use secrecy::zeroize::Zeroizing;
use serde::{Deserialize, Serialize};

use super::client_key::KeyDirectory;
use super::file::{
    create_directory, io_error, open_or_create, read, read_record, write_atomically, write_record,
};
use super::run_dir::RunDir;
use super::trusted_path::check_way;
use super::{ClientKeys, Credential, HostEntry, Journal, SCHEMA_VERSION};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{HostName, OwnerId};
use crate::tls::CertificateAuthority;

/// Where this side keeps keys, pins and the journal: one directory of mode 0700, one owner.
///
/// ```text
/// profile.json            who we are: the owner id
/// keys/vps_ed25519        logs in to every VPS of this owner, the .pub beside it; other keys can be
///                         used instead (`ClientKeys`)
/// keys/container_ed25519  logs in to every container
/// keys/tls_authority.pem  certifies the servers and clients of Docker endpoints; made when the first one
///                         is opened
/// hosts/PROVIDER/NAME/    a host's address and pins
/// journal/                creates that are not finished
/// run/                    what running processes hold open: control sockets, unfinished files
/// ```
#[derive(Clone, Debug)]
pub struct DataDir {
    path: PathBuf,
    owner: OwnerId,
    vps_key: Credential,
    container_key: Credential,
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
    /// written by others, or when that is so of a directory on the way to it (but for those that are
    /// sticky, as `/tmp` is); the text says which and names the command that mends it.
    /// [`ErrorKind::Invalid`] or [`ErrorKind::State`] when what is in it is unfit.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        Self::open_with(path, &ClientKeys::default())
    }

    /// The same with other keys than those that are made in it, such as an agent's. Whether an agent
    /// holds its key is looked at before something is created.
    ///
    /// # Errors
    /// Those of [`open`](Self::open); `Invalid` for a key that is encrypted, not ed25519 or readable
    /// by others, `NotFound` for one that is not there.
    pub fn open_with(path: impl Into<PathBuf>, keys: &ClientKeys) -> Result<Self> {
        let path = path.into();
        check_way(&path)?;
        create_directory(&path)?;
        // Again: now it is there.
        check_way(&path)?;
        let path = path
            .canonicalize()
            .map_err(|error| io_error("find", &path, error))?;
        check_ours(&path)?;
        for directory in ["keys", "hosts", "journal", "run"] {
            create_directory(&path.join(directory))?;
        }
        let _lock = lock(&path)?;
        let run = RunDir::make(&path.join("run"))?;
        let owner = owner(&path, run.path())?;
        let directory = KeyDirectory {
            path: path.join("keys"),
            owner: &owner,
            staging: run.path(),
        };
        let data_dir = Self {
            vps_key: directory.credential("vps", &keys.vps)?,
            container_key: directory.credential("container", &keys.container)?,
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
    pub fn vps_key(&self) -> &Credential {
        &self.vps_key
    }

    /// The file of [`vps_key`](Self::vps_key).
    #[must_use]
    pub fn vps_key_file(&self) -> PathBuf {
        self.vps_key.file().to_owned()
    }

    /// The key that logs in to containers.
    #[must_use]
    pub fn container_key(&self) -> &Credential {
        &self.container_key
    }

    /// The file of [`container_key`](Self::container_key).
    #[must_use]
    pub fn container_key_file(&self) -> PathBuf {
        self.container_key.file().to_owned()
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

    /// What certifies the servers and clients of this owner's Docker endpoints. Made when it is first
    /// asked for.
    ///
    /// # Errors
    /// `State` when what is there is none, or cannot be written.
    pub fn tls_authority(&self) -> Result<CertificateAuthority> {
        let _lock = lock(&self.path)?;
        let file = self.path.join("keys/tls_authority.pem");
        if let Some(text) = read(&file)?.map(Zeroizing::new) {
            let authority = CertificateAuthority::from_pem(&text);
            return authority.map_err(|error| error.with_note(file.display()));
        }
        let authority = CertificateAuthority::generate()?;
        let text = authority.to_pem();
        write_atomically(&file, text.expose_secret().as_bytes(), self.run.path())?;
        Ok(authority)
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

/// Others wait, until this is dropped.
fn lock(path: &Path) -> Result<File> {
    let lock = open_or_create(&path.join("lock"))?;
    rustix::fs::flock(&lock, FlockOperation::LockExclusive)
        .map_err(|error| io_error("lock", path, error.into()))?;
    Ok(lock)
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::store::ClientKey;

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

    /// Whatever the process's umask: what is made is made for us alone, at once.
    #[test]
    fn no_umask_opens_anything_to_others() {
        let parent = tempfile::tempdir().expect("a directory");
        // The umask is a process's, so a process of its own has it.
        let test = std::env::current_exe().expect("a path");
        let child = "store::data_dir::tests::a_life_under_umask_0";
        let output = std::process::Command::new(test)
            .args(["--exact", child, "--ignored", "--nocapture"])
            .current_dir(parent.path())
            .output()
            .expect("run");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{output:?}");
        assert!(said.contains("1 passed"), "{said}");

        // A mode that is set afterwards comes too late.
        for file in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store"))
            .expect("there")
        {
            let path = file.expect("readable").path();
            let text = std::fs::read_to_string(&path).expect("readable");
            let code = text.split("#[cfg(test)]").next().expect("one at least");
            assert!(!code.contains("set_permissions"), "{}", path.display());
        }
    }

    #[test]
    #[ignore = "run by no_umask_opens_anything_to_others, in a directory for it"]
    fn a_life_under_umask_0() {
        rustix::process::umask(rustix::fs::Mode::empty());
        let data_dir = DataDir::open("data").expect("made");
        let name = HostName::new("web").expect("legal");
        let mut place = data_dir.journal().open("local", &name).expect("free");
        let id = crate::model::HostId::random();
        let intent = crate::store::JournalEntry::intent(id, name.clone(), "local");
        place.write(intent).expect("written");
        let entry = data_dir.host_entry("local", &name);
        let pins = entry.vps_known_hosts();
        entry.write_pins(&pins, "a line\n").expect("written");
        data_dir.tls_authority().expect("made");
        let _socket = crate::ssh::private_dir(&data_dir.run_dir(), "x").expect("made");
        let mut looked_at = 0;
        let mut directories = vec![PathBuf::from("data")];
        while let Some(directory) = directories.pop() {
            for entry in std::fs::read_dir(&directory).expect("there") {
                let path = entry.expect("readable").path();
                let metadata = path.symlink_metadata().expect("there");
                let mode = metadata.mode() & 0o777;
                let wanted = if metadata.is_dir() { 0o700 } else { 0o600 };
                assert_eq!(mode, wanted, "{}: {mode:04o}", path.display());
                looked_at += 1;
                if metadata.is_dir() {
                    directories.push(path);
                }
            }
        }
        assert!(looked_at > 12, "only {looked_at}");
    }

    #[test]
    fn keys_may_be_the_users_own() {
        let parent = tempfile::tempdir().expect("a directory");
        let path = |name: &str| parent.path().join(name);
        let made = |name: &str, passphrase: &str| {
            let run = std::process::Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", passphrase, "-f"])
                .arg(path(name))
                .status();
            assert!(run.expect("an ssh-keygen program").success());
            path(name)
        };
        let (file, encrypted) = (made("file", ""), made("encrypted", "secret"));
        let public = std::fs::read_to_string(path("encrypted.pub")).expect("made");
        let public: crate::keys::PublicKey = public.parse().expect("a key");
        let agent = ClientKey::Agent {
            socket: path("agent.sock"),
            public_key: public.clone(),
        };
        let generated = DataDir::open(path("data")).expect("made");
        let keys = ClientKeys::default().vps(ClientKey::File(file.clone()));
        let other = DataDir::open_with(path("data"), &keys.container(agent)).expect("fit");
        assert_eq!(other.vps_key_file(), file);
        assert_eq!(other.vps_key().agent(), None);
        let container = other.container_key();
        assert_eq!(container.public(), &public);
        assert_eq!(container.agent(), Some(path("agent.sock").as_path()));
        // What `ssh` reads is the public key, and nothing else of it is here.
        let line = std::fs::read_to_string(container.file()).expect("written");
        assert_eq!(
            line.parse::<crate::keys::PublicKey>().expect("a key"),
            public
        );
        let again = DataDir::open(path("data")).expect("read");
        assert_eq!(again.vps_key(), generated.vps_key(), "it is there still");

        let refusal = |key| {
            let keys = ClientKeys::default().vps(key);
            DataDir::open_with(path("data"), &keys).expect_err("unfit")
        };
        let error = refusal(ClientKey::File(encrypted));
        assert!(error.to_string().contains("ssh-add"), "{error}");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let error = refusal(ClientKey::File(path("none")));
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let error = refusal(ClientKey::Agent {
            socket: "agent.sock".into(),
            public_key: public,
        });
        assert_eq!(error.kind(), ErrorKind::Invalid);
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
