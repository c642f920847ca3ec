use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;

use super::file::{io_error, read, write_atomically};
use crate::error::{Error, ErrorKind, Result};
use crate::keys::{KeyPair, PublicKey, read_key_pair};
use crate::model::OwnerId;

/// Where a key is that logs in. All keys are ed25519.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientKey {
    /// In the data directory, where it is made when it is first needed, without a passphrase.
    #[default]
    Generated,
    /// In a file of the user's, without a passphrase, that nobody else may read. The file is used where
    /// it is and not copied.
    File(PathBuf),
    /// With an ssh-agent: no private key is read or written here. Each login asks the agent.
    Agent {
        /// Where the agent listens, as `$SSH_AUTH_SOCK` says in a shell. Absolute.
        socket: PathBuf,
        /// Which of its keys it is; no other is tried.
        public_key: PublicKey,
    },
}

/// The keys that log in. A host knows those that it was created with: with others it cannot be reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientKeys {
    /// For the VPSs of this owner.
    pub vps: ClientKey,
    /// For the containers.
    pub container: ClientKey,
}

impl ClientKeys {
    /// Sets [`vps`](Self::vps).
    #[must_use]
    pub fn vps(mut self, key: ClientKey) -> Self {
        self.vps = key;
        self
    }

    /// Sets [`container`](Self::container).
    #[must_use]
    pub fn container(mut self, key: ClientKey) -> Self {
        self.container = key;
        self
    }
}

/// A key that logs in, as `ssh` is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    public: PublicKey,
    file: PathBuf,
    agent: Option<PathBuf>,
}

impl Credential {
    /// The public half.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// What `ssh` takes for its identity file: the private key, or, with an agent, the public one.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The socket of the agent that holds the private half, where one does.
    #[must_use]
    pub fn agent(&self) -> Option<&Path> {
        self.agent.as_deref()
    }
}

/// The directory of keys, to which nobody else comes meanwhile.
pub(super) struct KeyDirectory<'a> {
    pub(super) path: PathBuf,
    pub(super) owner: &'a OwnerId,
    /// For files that are being written.
    pub(super) staging: &'a Path,
}

impl KeyDirectory<'_> {
    /// Finds the key, or makes it. `name` is what it is called here.
    pub(super) fn credential(&self, name: &str, key: &ClientKey) -> Result<Credential> {
        match key {
            ClientKey::Generated => self.generated(name),
            ClientKey::File(file) => in_file(file),
            ClientKey::Agent { socket, public_key } => self.with_agent(name, socket, public_key),
        }
    }

    fn generated(&self, name: &str) -> Result<Credential> {
        let file = self.path.join(format!("{name}_ed25519"));
        match read_key_pair(&file) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            read => return read.map(|pair| Credential::of(&pair, file)),
        }
        let pair = KeyPair::generate(&format!("vps-docker-{name}-{}", self.owner))?;
        self.write_public(&file.with_extension("pub"), pair.public())?;
        let private = pair.private_openssh();
        write_atomically(&file, private.expose_secret().as_bytes(), self.staging)?;
        Ok(Credential::of(&pair, file))
    }

    fn with_agent(&self, name: &str, socket: &Path, public: &PublicKey) -> Result<Credential> {
        if !socket.is_absolute() {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "the agent's socket {:?} is not an absolute path; $SSH_AUTH_SOCK holds it in a shell",
                    socket.display()
                ),
            ));
        }
        let file = self.path.join(format!("{name}_agent.pub"));
        self.write_public(&file, public)?;
        Ok(Credential {
            public: public.clone(),
            file,
            agent: Some(socket.to_owned()),
        })
    }

    fn write_public(&self, file: &Path, public: &PublicKey) -> Result<()> {
        let line = format!("{}\n", public.openssh());
        if read(file)?.as_ref() == Some(&line) {
            return Ok(());
        }
        write_atomically(file, line.as_bytes(), self.staging)
    }
}

impl Credential {
    fn of(pair: &KeyPair, file: PathBuf) -> Self {
        Self {
            public: pair.public().clone(),
            file,
            agent: None,
        }
    }
}

fn in_file(file: &Path) -> Result<Credential> {
    let file = file.canonicalize().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::new(
            ErrorKind::NotFound,
            format!("there is no private key {}", file.display()),
        ),
        _ => io_error("find the private key", file, error),
    })?;
    let pair = read_key_pair(&file)?;
    Ok(Credential::of(&pair, file))
}
