use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use ssh_key::HashAlg;

use crate::error::{Error, ErrorKind, Result};
use crate::model::base32;

/// An ed25519 public key. Equal when the key is, whatever the comment.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey(ssh_key::PublicKey);

impl PublicKey {
    pub(super) fn of(key: ssh_key::PublicKey) -> Self {
        Self(key)
    }

    /// One line: type, key and comment, without a line end.
    ///
    /// # Panics
    /// Never: a key that was made or read can be written.
    #[must_use]
    pub fn openssh(&self) -> String {
        self.0
            .to_openssh()
            .expect("a public key that was made or read can be written")
            .trim_end()
            .to_owned()
    }

    /// The key as SSH writes it on the wire.
    pub(crate) fn blob(&self) -> Vec<u8> {
        self.0
            .to_bytes()
            .expect("a public key that was made or read can be written")
    }

    /// `SHA256:` and 43 characters of base64, as ssh prints it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.0.fingerprint(HashAlg::Sha256).to_string()
    }

    /// The same fingerprint in lower-case base32, 52 characters: legal in the tags of every
    /// provider.
    #[must_use]
    pub fn pin(&self) -> String {
        base32().encode(self.0.fingerprint(HashAlg::Sha256).as_bytes())
    }

    /// The fingerprint that a [`pin`](Self::pin) stands for, as ssh prints it.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for anything but 52 characters of base32.
    pub fn fingerprint_of_pin(pin: &str) -> Result<String> {
        let digest = base32().decode(pin.as_bytes()).ok();
        let digest: Option<[u8; 32]> = digest.and_then(|digest| digest.try_into().ok());
        digest
            .map(|digest| ssh_key::Fingerprint::Sha256(digest).to_string())
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::Invalid,
                    format!("{pin:?} is no pin: 52 characters of a-z and 2-7 are expected"),
                )
            })
    }

    /// The [`pin`](Self::pin) of a fingerprint as ssh prints it.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for anything but `SHA256:` and 43 characters of base64.
    pub fn pin_of_fingerprint(fingerprint: &str) -> Result<String> {
        match fingerprint.trim().parse() {
            Ok(ssh_key::Fingerprint::Sha256(digest)) => Ok(base32().encode(&digest)),
            _ => Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "{fingerprint:?} is no fingerprint: SHA256: and 43 characters of base64 are \
                     expected, as `ssh-keygen -lf` prints it"
                ),
            )),
        }
    }

    /// The line of a `known_hosts` file that lets this key certify those of a host of that name.
    pub(crate) fn authority_line(&self, name: &str) -> String {
        format!("@cert-authority {name} {}\n", self.bare())
    }

    fn bare(&self) -> String {
        let mut bare = self.0.clone();
        bare.set_comment("");
        Self(bare).openssh()
    }

    /// The line of a `known_hosts` file that pins this key for an address and port.
    #[must_use]
    pub fn known_hosts_line(&self, address: IpAddr, port: u16) -> String {
        let key = self.bare();
        if port == 22 {
            format!("{address} {key}\n")
        } else {
            format!("[{address}]:{port} {key}\n")
        }
    }
}

impl FromStr for PublicKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim_end_matches('\n');
        let refused = |reason: &str| {
            Error::new(
                ErrorKind::Invalid,
                format!("not an ssh-ed25519 public key: {reason}"),
            )
        };
        if text.chars().any(breaks) {
            return Err(refused("it has more than one line or a control character"));
        }
        let key = ssh_key::PublicKey::from_openssh(text)
            .map_err(|error| refused("it cannot be read").with_source(error))?;
        if key.algorithm() != ssh_key::Algorithm::Ed25519 {
            return Err(refused(&format!("it is of type {}", key.algorithm())));
        }
        Ok(Self(key))
    }
}

/// Line breaks of any script: cloud-init would split the key there.
pub(super) fn breaks(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

impl TryFrom<String> for PublicKey {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        key.openssh()
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.key_data() == other.0.key_data()
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.fingerprint())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::KeyPair;

    #[test]
    fn pins_fit_every_provider() {
        let key = KeyPair::generate("x").expect("random").public().clone();
        let pin = key.pin();
        assert_eq!(pin.len(), 52);
        assert!(pin.chars().all(|c| matches!(c, 'a'..='z' | '2'..='7')));
    }

    #[test]
    fn fingerprints_and_pins_are_one() {
        let key = KeyPair::generate("x").expect("random").public().clone();
        let pin = PublicKey::pin_of_fingerprint(&key.fingerprint()).expect("own text");
        assert_eq!(pin, key.pin());
        let back = PublicKey::fingerprint_of_pin(&pin).expect("own text");
        assert_eq!(back, key.fingerprint());
        for bad in ["", "SHA256:", "SHA256:short", "MD5:00:11", &key.openssh()] {
            let error = PublicKey::pin_of_fingerprint(bad).expect_err(bad);
            assert_eq!(error.kind(), ErrorKind::Invalid);
        }
    }

    #[test]
    fn known_hosts_lines_name_the_port_unless_it_is_22() {
        let key = KeyPair::generate("a comment")
            .expect("random")
            .public()
            .clone();
        let address = "198.18.0.2".parse().expect("an address");
        assert!(
            key.known_hosts_line(address, 22)
                .starts_with("198.18.0.2 ssh-ed25519 ")
        );
        assert!(
            key.known_hosts_line(address, 2222)
                .starts_with("[198.18.0.2]:2222 ssh-ed25519 ")
        );
        assert!(!key.known_hosts_line(address, 22).contains("comment"));
    }

    #[test]
    fn other_types_and_second_lines_are_refused() {
        let line = KeyPair::generate("x").expect("random").public().openssh();
        line.parse::<PublicKey>().expect("own line");
        format!("{line}\nssh-ed25519 evil")
            .parse::<PublicKey>()
            .expect_err("two lines");
        "ssh-rsa AAAA"
            .parse::<PublicKey>()
            .expect_err("another type");
    }
}
