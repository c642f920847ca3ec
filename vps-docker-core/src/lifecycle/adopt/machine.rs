use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use crate::error::{Error, ErrorKind, Result};
use crate::keys::PublicKey;
use crate::ssh::Identity;

/// A machine that is there already, and how its user gets onto it. Made by [`Machine::builder`].
///
/// It is Debian or Ubuntu with systemd, or has systemd and Docker already. Its sshd lets root in by
/// key (`PermitRootLogin prohibit-password`, which is the default) and has an ed25519 host key.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Machine {
    /// Where it is reached.
    pub address: IpAddr,
    /// The port of its sshd. Default 22.
    pub ssh_port: u16,
    /// Who logs in: root, or somebody with password-less sudo. Default root.
    pub user: String,
    pub(super) identity: (Identity, PathBuf),
    pub(super) pin: Pin,
}

/// What its host key is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pin {
    Key(PublicKey),
    /// As in tags.
    Fingerprint(String),
}

impl Machine {
    /// Begins the description of a machine. Its host key and what lets its user in have no default.
    pub fn builder(address: IpAddr) -> MachineBuilder {
        MachineBuilder {
            address,
            ssh_port: 22,
            user: "root".into(),
            identity: None,
            host_key: None,
            fingerprint: None,
        }
    }

    pub(super) fn door(&self) -> SocketAddr {
        (self.address, self.ssh_port).into()
    }
}

/// Builds a [`Machine`]. Setters never fail; [`build`](Self::build) names what is wrong.
#[derive(Clone, Debug)]
#[must_use]
pub struct MachineBuilder {
    address: IpAddr,
    ssh_port: u16,
    user: String,
    identity: Option<(Identity, PathBuf)>,
    host_key: Option<String>,
    fingerprint: Option<String>,
}

impl MachineBuilder {
    /// The port of its sshd. Default: 22.
    pub fn port(mut self, port: u16) -> Self {
        self.ssh_port = port;
        self
    }

    /// Who logs in, until the engine's own key does: root, or somebody who may `sudo` without a
    /// password. Default: root.
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = user.into();
        self
    }

    /// The file of the user's private key, of any type that `ssh` reads, without a passphrase.
    pub fn identity_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.identity = Some((Identity::File, path.into()));
        self
    }

    /// The socket of an ssh-agent that holds the user's key; most shells have its path in
    /// `SSH_AUTH_SOCK`.
    pub fn agent(mut self, socket: impl Into<PathBuf>) -> Self {
        self.identity = Some((Identity::Agent, socket.into()));
        self
    }

    /// The machine's host key: the line in its `/etc/ssh/ssh_host_ed25519_key.pub`. This, or the
    /// [`fingerprint`](Self::fingerprint), must be given: no key is trusted on first use.
    pub fn host_key(mut self, line: impl Into<String>) -> Self {
        self.host_key = Some(line.into());
        self
    }

    /// The fingerprint of the machine's ed25519 host key, `SHA256:…`, as `ssh-keygen -lf` prints it.
    pub fn fingerprint(mut self, fingerprint: impl Into<String>) -> Self {
        self.fingerprint = Some(fingerprint.into());
        self
    }

    /// Checks the values. No I/O.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] names what is wrong or missing, and what would be right.
    pub fn build(self) -> Result<Machine> {
        let key = self.host_key.as_deref().map(parse_key).transpose()?;
        let fingerprint = self.fingerprint.as_deref();
        let fingerprint = fingerprint.map(PublicKey::pin_of_fingerprint).transpose()?;
        let pin = match (key, fingerprint) {
            (Some(key), Some(pin)) if key.pin() != pin => {
                return Err(invalid(format!(
                    "the host key given has the fingerprint {}, not the one given",
                    key.fingerprint()
                )));
            }
            (Some(key), _) => Pin::Key(key),
            (None, Some(pin)) => Pin::Fingerprint(pin),
            (None, None) => {
                return Err(invalid(
                    "the machine's host key is not given, and none is trusted on first use; on the \
                     machine, `cat /etc/ssh/ssh_host_ed25519_key.pub` shows it",
                ));
            }
        };
        let identity = self.identity.ok_or_else(|| {
            invalid("nothing is given that gets onto the machine: an identity file or an agent")
        })?;
        let odd = |c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c));
        if self.user.is_empty() || self.user.starts_with('-') || self.user.contains(odd) {
            return Err(invalid(format!(
                "{:?} is no login name; use letters, digits, '.', '_' and '-'",
                self.user
            )));
        }
        if self.ssh_port == 0 {
            return Err(invalid("0 is no port for SSH; 22 is the usual one"));
        }
        Ok(Machine {
            address: self.address,
            ssh_port: self.ssh_port,
            user: self.user,
            identity,
            pin,
        })
    }
}

fn parse_key(line: &str) -> Result<PublicKey> {
    line.parse().map_err(|error: Error| {
        error.with_note(
            "give the machine's ed25519 host key; `cat /etc/ssh/ssh_host_ed25519_key.pub` shows it",
        )
    })
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::KeyPair;

    fn builder() -> MachineBuilder {
        Machine::builder("198.18.0.2".parse().expect("an address")).identity_file("/keys/mine")
    }

    fn key() -> PublicKey {
        let pair = KeyPair::generate("x").expect("random");
        pair.public().clone()
    }

    #[test]
    fn a_machine_without_a_host_key_is_refused() {
        let error = builder().build().expect_err("no key");
        assert!(error.to_string().contains("first use"), "{error}");
        let machine = builder().host_key(key().openssh()).build().expect("fit");
        assert_eq!((machine.ssh_port, machine.user.as_str()), (22, "root"));
    }

    #[test]
    fn a_fingerprint_is_as_good_as_a_key_and_must_fit_it() {
        let (ours, other) = (key(), key());
        let by_fingerprint = builder().fingerprint(ours.fingerprint()).build();
        assert_eq!(
            by_fingerprint.expect("fit").pin,
            Pin::Fingerprint(ours.pin())
        );
        let both = builder().host_key(ours.openssh());
        let both = both.fingerprint(other.fingerprint()).build();
        assert_eq!(both.expect_err("two keys").kind(), ErrorKind::Invalid);
    }

    #[test]
    fn odd_input_is_refused() {
        let good = || builder().fingerprint(key().fingerprint());
        for (bad, told) in [
            (good().user("-oProxyCommand=x"), "login name"),
            (good().user(""), "login name"),
            (good().port(0), "port"),
            (good().fingerprint("MD5:00"), "fingerprint"),
            (good().host_key("ssh-rsa AAAA"), "ed25519"),
        ] {
            let error = bad.build().expect_err(told);
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(error.to_string().contains(told), "{error}");
        }
        let nothing = Machine::builder("::1".parse().expect("an address"));
        nothing
            .fingerprint(key().fingerprint())
            .build()
            .expect_err("nothing gets in");
    }
}
