use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::WriteFile;
use crate::error::{Error, ErrorKind, Result};
use crate::keys::{KeyPair, PublicKey};
use crate::model::HostName;

/// A cloud-init document of just the settings we use.
///
/// Its `Debug` output hides the private host key and the contents of files. To serialise it is to
/// expose them: use [`render`](Self::render), which wraps the text.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct CloudConfig {
    /// Host name, without a domain.
    pub hostname: HostName,
    /// Whether cloud-init leaves the image's host name alone.
    pub preserve_hostname: bool,
    /// The one host key. cloud-init generates no key of another type beside a given one.
    #[serde(serialize_with = "both_halves")]
    pub ssh_keys: KeyPair,
    /// Whether the host keys of the image are removed first.
    pub ssh_deletekeys: bool,
    /// Types of host key that may be generated.
    pub ssh_genkeytypes: Vec<&'static str>,
    /// Whether sshd takes passwords, by cloud-init's own file.
    pub ssh_pwauth: bool,
    /// Whether root's keys are defused by a forced command.
    pub disable_root: bool,
    /// Who may log in as root, beside those the provider adds.
    pub ssh_authorized_keys: Vec<PublicKey>,
    /// The accounts cloud-init cares for: none but root, so that the image's default user with its
    /// password-free sudo is not made. cloud-init locks root's password on the way.
    pub users: Vec<User>,
    /// `"false"`: the image's locale is left alone. To generate one takes part of a second.
    pub locale: &'static str,
    /// How passwords that the provider sets are treated.
    pub chpasswd: Chpasswd,
    /// Whether cloud-init updates the package lists.
    pub package_update: bool,
    /// Whether cloud-init upgrades all packages.
    pub package_upgrade: bool,
    /// Files, written in the network stage, before sshd starts.
    pub write_files: Vec<WriteFile>,
    /// Commands as lists of words, run at every boot before files are written.
    pub bootcmd: Vec<Vec<String>>,
    /// Commands as lists of words, run at the end of the first boot.
    pub runcmd: Vec<Vec<String>>,
}

/// An account.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct User {
    /// Its name.
    pub name: &'static str,
}

/// How passwords that the provider sets are treated.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Chpasswd {
    /// Whether they must be changed at the first login, with a key too: nothing but a person at a
    /// terminal gets in then.
    pub expire: bool,
}

impl CloudConfig {
    /// A document that sets up the doors, and nothing else.
    #[must_use]
    pub fn new(hostname: HostName, host_key: KeyPair) -> Self {
        Self {
            hostname,
            preserve_hostname: false,
            ssh_keys: host_key,
            ssh_deletekeys: true,
            ssh_genkeytypes: vec!["ed25519"],
            ssh_pwauth: false,
            disable_root: false,
            ssh_authorized_keys: Vec::new(),
            users: vec![User { name: "root" }],
            locale: "false",
            chpasswd: Chpasswd { expire: false },
            package_update: false,
            package_upgrade: false,
            write_files: Vec::new(),
            bootcmd: Vec::new(),
            runcmd: Vec::new(),
        }
    }

    /// The text for the provider's `user_data`: `#cloud-config` and YAML that a YAML 1.1 reader
    /// such as cloud-init's takes for exactly what stands here. Every string is quoted, none is
    /// folded or reflowed.
    ///
    /// # Errors
    /// None is known; the serialiser's would be [`ErrorKind::Invalid`].
    pub fn render(&self) -> Result<SecretString> {
        let options = serde_saphyr::ser_options! {
            quote_all: true,
            prefer_block_scalars: false,
        };
        // More than a provider takes: a string that grows leaves copies behind that nobody wipes.
        let mut text = Zeroizing::new(String::with_capacity(256 * 1024));
        text.push_str("#cloud-config\n");
        serde_saphyr::to_fmt_writer_with_options(&mut *text, self, options).map_err(|error| {
            Error::new(
                ErrorKind::Invalid,
                "the cloud-init document cannot be written as YAML; please report this",
            )
            .with_source(error.to_string())
        })?;
        Ok(SecretString::from(text.as_str()))
    }
}

/// As cloud-init's `ssh_keys` wants it. sshd wants the line break at the end of the private half.
fn both_halves<S: Serializer>(key: &KeyPair, serializer: S) -> Result<S::Ok, S::Error> {
    let mut keys = serializer.serialize_struct("ssh_keys", 2)?;
    keys.serialize_field("ed25519_private", key.private_openssh().expose_secret())?;
    keys.serialize_field("ed25519_public", &key.public().openssh())?;
    keys.end()
}

/// Refuses a rendered document of more than `limit` bytes, to be called before anything is ordered.
///
/// # Errors
/// [`ErrorKind::Invalid`] names both sizes.
pub fn check_size(user_data: &SecretString, limit: usize) -> Result<()> {
    let size = user_data.expose_secret().len();
    if size <= limit {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Invalid,
        format!(
            "the cloud-init document has {size} bytes and the provider takes {limit}; \
             leave out extra files or authorized keys"
        ),
    ))
}
