use std::fmt;

use rand_core::OsRng;
use secrecy::SecretString;
use ssh_key::{Algorithm, LineEnding, PrivateKey};

use super::PublicKey;
use crate::error::{Error, ErrorKind, Result};

/// An ed25519 key pair. The private half is wiped from memory when dropped and never shown.
#[derive(Clone)]
pub struct KeyPair {
    private: PrivateKey,
    public: PublicKey,
}

impl KeyPair {
    /// Makes a new pair of random bits from the operating system. The comment may not contain
    /// control characters.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for an unfit comment.
    pub fn generate(comment: &str) -> Result<Self> {
        if comment.chars().any(char::is_control) {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("the key comment {comment:?} contains a control character"),
            ));
        }
        let mut private = PrivateKey::random(&mut OsRng, Algorithm::Ed25519).map_err(|error| {
            Error::new(ErrorKind::State, "cannot make an SSH key").with_source(error)
        })?;
        private.set_comment(comment);
        Ok(Self::of(private))
    }

    /// Reads the OpenSSH private key format.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for a malformed or encrypted key, or one that is not ed25519.
    pub fn from_openssh(text: &str) -> Result<Self> {
        let private = PrivateKey::from_openssh(text).map_err(|error| {
            Error::new(
                ErrorKind::Invalid,
                "not a private key in OpenSSH format; make one with `ssh-keygen -t ed25519 -N ''`",
            )
            .with_source(error)
        })?;
        if private.is_encrypted() {
            return Err(Error::new(
                ErrorKind::Invalid,
                "the private key is encrypted and nobody is here to type its passphrase; \
                 add it to your agent (`ssh-add`) and name the agent, or use a key without one",
            ));
        }
        if private.algorithm() != Algorithm::Ed25519 {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "the private key is of type {}; only ssh-ed25519 is used here, \
                     make one with `ssh-keygen -t ed25519 -N ''`",
                    private.algorithm()
                ),
            ));
        }
        Ok(Self::of(private))
    }

    fn of(private: PrivateKey) -> Self {
        let public = PublicKey::of(private.public_key().clone());
        Self { private, public }
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The private half in the OpenSSH format, for a file of mode 0600 or the cloud-init document.
    ///
    /// # Panics
    /// Never: a key that was made or read can be written.
    #[must_use]
    pub fn private_openssh(&self) -> SecretString {
        let text = self
            .private
            .to_openssh(LineEnding::LF)
            .expect("an ed25519 key that was made or read can be written");
        SecretString::from(text.as_str())
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPair({})", self.public.fingerprint())
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64_NOPAD;
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_key_reads_back_and_debug_hides_it() {
        let pair = KeyPair::generate("vps-docker web1").expect("random");
        let text = pair.private_openssh();
        let read = KeyPair::from_openssh(text.expose_secret()).expect("own text");
        assert_eq!(read.public(), pair.public());
        assert!(format!("{pair:?}").starts_with("KeyPair(SHA256:"));
        assert!(!format!("{pair:?}").contains("PRIVATE"));
    }

    /// By which `forget-user-data.sh` finds the copies of a key, and nothing else.
    #[test]
    fn the_fifth_line_holds_the_secret_half_whatever_the_comment() {
        for length in 0..100 {
            let pair = KeyPair::generate(&"c".repeat(length)).expect("random");
            let text = pair.private_openssh();
            let lines: Vec<&str> = text.expose_secret().lines().collect();
            assert_eq!(lines[4].len(), 70, "{length}");
            // Its first letter ends an octet that begins before it.
            let decoded = BASE64_NOPAD.decode(&lines[4].as_bytes()[2..]);
            let secret = pair
                .private
                .key_data()
                .ed25519()
                .expect("its type")
                .private
                .to_bytes();
            let decoded = decoded.expect("base64");
            assert!(
                decoded.windows(32).any(|octets| octets == secret),
                "{length}"
            );
        }
    }

    #[test]
    fn an_encrypted_key_and_one_of_another_type_are_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        for (kind, passphrase, reason) in [
            ("ed25519", "secret", "encrypted"),
            ("ecdsa", "", "ecdsa-sha2-nistp256"),
        ] {
            let file = directory.path().join(kind);
            let made = std::process::Command::new("ssh-keygen")
                .args(["-q", "-t", kind, "-N", passphrase, "-f"])
                .arg(&file)
                .status();
            assert!(made.expect("an ssh-keygen program").success());
            let text = std::fs::read_to_string(&file).expect("written");
            let error = KeyPair::from_openssh(&text).expect_err(kind);
            assert!(error.to_string().contains(reason), "{error}");
        }
    }

    #[test]
    fn malformed_keys_are_refused() {
        for bad in [
            "",
            "ssh-ed25519 AAAA",
            "-----BEGIN OPENSSH PRIVATE KEY-----\n",
        ] {
            let error = KeyPair::from_openssh(bad).expect_err(bad);
            assert_eq!(error.kind(), ErrorKind::Invalid);
        }
        KeyPair::generate("two\nlines").expect_err("a comment of two lines");
    }
}
