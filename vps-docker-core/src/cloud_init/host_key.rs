use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use ssh_key::{Algorithm, PrivateKey, PublicKey};

use crate::error::{Error, ErrorKind, Result};

/// The Ed25519 key pair by which a VPS proves itself at its first boot.
#[derive(Clone)]
pub struct HostKeyPair {
    private: SecretString,
    public: String,
}

impl HostKeyPair {
    /// Checks a private key in OpenSSH's form and derives the public line from it.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for text that is no such key, for an encrypted one (sshd could not
    /// read it) and for one of another type.
    pub fn new(private: &SecretString) -> Result<Self> {
        let key = PrivateKey::from_openssh(private.expose_secret()).map_err(|error| {
            invalid("the host key is not a private key in OpenSSH's form").with_source(error)
        })?;
        if key.is_encrypted() {
            return Err(invalid(
                "the host key is encrypted and sshd could not read it; give one without passphrase",
            ));
        }
        if key.algorithm() != Algorithm::Ed25519 {
            return Err(invalid(&format!(
                "the host key is of type {}; give one of type ssh-ed25519",
                key.algorithm()
            )));
        }
        let mut public = key.public_key().clone();
        public.set_comment("");
        let public = public
            .to_openssh()
            .map_err(|error| invalid("the host key has no public half").with_source(error))?;
        // sshd wants the line break at the end.
        let private = format!("{}\n", private.expose_secret().trim()).into();
        Ok(Self { private, public })
    }

    /// The public half as one line, without comment: what to pin.
    #[must_use]
    pub fn public(&self) -> &str {
        &self.public
    }
}

impl fmt::Debug for HostKeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostKeyPair")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

/// Writes the private half out, as cloud-init's `ssh_keys` wants it.
impl Serialize for HostKeyPair {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut keys = serializer.serialize_struct("ssh_keys", 2)?;
        keys.serialize_field("ed25519_private", self.private.expose_secret())?;
        keys.serialize_field("ed25519_public", &self.public)?;
        keys.end()
    }
}

/// One public key, as a line of `authorized_keys`: type, key and comment, without options.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct AuthorizedKey(String);

impl AuthorizedKey {
    /// Checks a line. Blanks around it are dropped; the comment is kept as it is, quotes and all.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for a line that is no public key, or one with a control character or
    /// a line break of any script in it: cloud-init would split the line there.
    pub fn new(line: &str) -> Result<Self> {
        let line = line.trim();
        if let Some(bad) = line.chars().find(|c| breaks_a_line(*c)) {
            return Err(invalid(&format!(
                "the authorized key {line:?} contains {bad:?}; give one key on one line"
            )));
        }
        PublicKey::from_openssh(line).map_err(|error| {
            invalid(&format!(
                "{line:?} is not a public key; give the one line of a .pub file, without options"
            ))
            .with_source(error)
        })?;
        Ok(Self(line.to_owned()))
    }

    /// The line.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn breaks_a_line(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) const PUBLIC: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";

    pub(crate) fn host_key() -> HostKeyPair {
        HostKeyPair::new(&private_key()).expect("a fresh key")
    }

    pub(crate) fn private_key() -> SecretString {
        let key = PrivateKey::random(&mut rand_core::OsRng, Algorithm::Ed25519).expect("a key");
        let text = key.to_openssh(ssh_key::LineEnding::LF).expect("its text");
        text.to_string().into()
    }

    #[test]
    fn the_public_half_is_derived_and_the_private_one_hidden() {
        let private = private_key();
        let pair = HostKeyPair::new(&private).expect("a fresh key");
        assert!(pair.public().starts_with("ssh-ed25519 AAAA"));
        let secret_line = private.expose_secret().lines().nth(2).expect("a line");
        assert!(!format!("{pair:?}").contains(secret_line));
    }

    #[test]
    fn what_is_no_host_key_is_refused() {
        for bad in [
            "",
            "ssh-ed25519 AAAA",
            "-----BEGIN OPENSSH PRIVATE KEY-----\n",
        ] {
            let error = HostKeyPair::new(&bad.into()).expect_err(bad);
            assert_eq!(error.kind(), ErrorKind::Invalid);
        }
    }

    #[test]
    fn comments_are_kept_or_refused() {
        for comment in [
            "",
            "me",
            "it's",
            "\"q\" $(x) `y` %h",
            "größe 鍵",
            "#1: a, b",
        ] {
            let line = format!("{PUBLIC} {comment}");
            let key = AuthorizedKey::new(&line).expect(comment);
            assert_eq!(key.as_str(), line.trim());
        }
        for bad in [
            "",
            "ssh-ed25519",
            "ssh-ed25519 AAAA",
            &format!("{PUBLIC} a\nssh-ed25519 b"),
            &format!("{PUBLIC} a\u{85}b"),
            &format!("{PUBLIC} a\u{2028}b"),
            &format!("{PUBLIC} a\0b"),
            &format!("command=\"x\" {PUBLIC}"),
        ] {
            let error = AuthorizedKey::new(bad).expect_err(bad);
            assert_eq!(error.kind(), ErrorKind::Invalid, "{bad:?}");
        }
    }
}
