//! The key that logs in, as `identity` of a provider instance names it: a private key's file; a public key's file
//! (`….pub`), whose other half the ssh-agent holds; or `agent`, for the one ed25519 key that it holds.

use std::path::{Path, PathBuf};
use std::process::Command;

use vps_docker::keys::PublicKey;
use vps_docker::store::{ClientKey, ClientKeys};
use vps_docker::{Error, ErrorKind, Result};

use crate::config::expanded;

/// The keys of both doors. `told` is where it is said, for errors.
pub(crate) fn client_keys(identity: &str, told: &str) -> Result<ClientKeys> {
    let key = match identity {
        "agent" => ClientKey::Agent {
            socket: socket(told)?,
            public_key: only_key(told)?,
        },
        path if path.ends_with(".pub") => {
            let public_key = public_key(&expanded(path), told)?;
            let socket = socket(told)?;
            ClientKey::Agent { socket, public_key }
        }
        path => ClientKey::File(expanded(path)),
    };
    Ok(ClientKeys::default().vps(key.clone()).container(key))
}

fn socket(told: &str) -> Result<PathBuf> {
    let socket = std::env::var_os("SSH_AUTH_SOCK").map(PathBuf::from);
    socket.filter(|socket| socket.is_absolute()).ok_or_else(|| {
        invalid(format!(
            "{told} wants an ssh-agent, and SSH_AUTH_SOCK names none: start one with `eval $(ssh-agent)`"
        ))
    })
}

fn public_key(path: &Path, told: &str) -> Result<PublicKey> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        invalid(format!(
            "{told} is {}, which cannot be read",
            path.display()
        ))
        .with_source(error)
    })?;
    text.trim().parse().map_err(|error: Error| {
        invalid(format!(
            "{told} is {}, which is no ed25519 public key",
            path.display()
        ))
        .with_source(error)
    })
}

/// The one key that may be meant: a guess between several could be wrong for a host's whole life.
fn only_key(told: &str) -> Result<PublicKey> {
    let output = Command::new("ssh-add")
        .arg("-L")
        .output()
        .map_err(|error| {
            invalid(format!(
                "{told} is \"agent\", and `ssh-add` cannot be started to ask it"
            ))
            .with_source(error)
        })?;
    let text = String::from_utf8_lossy(&output.stdout);
    let keys: Vec<PublicKey> = text.lines().filter_map(|line| line.parse().ok()).collect();
    match &keys[..] {
        [key] => Ok(key.clone()),
        keys => Err(invalid(format!(
            "{told} is \"agent\", and the ssh-agent holds {} ed25519 keys: name one by the file of its public half, \
             as in \"~/.ssh/id_ed25519.pub\"",
            keys.len()
        ))),
    }
}

fn invalid(text: String) -> Error {
    Error::new(ErrorKind::Invalid, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_a_private_key_unless_it_is_a_public_one() {
        let keys = client_keys("/home/me/.ssh/id_ed25519", "identity").expect("not read yet");
        assert_eq!(keys.vps, ClientKey::File("/home/me/.ssh/id_ed25519".into()));
        assert_eq!(keys.vps, keys.container);
        let error = client_keys("/no/such/key.pub", "identity of \"work\"").expect_err("none");
        let text = error.to_string();
        assert!(
            text.contains("identity of \"work\" is /no/such/key.pub"),
            "{text}"
        );
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("key.pub");
        std::fs::write(&file, "ssh-rsa AAAA me\n").expect("written");
        let error = client_keys(&file.display().to_string(), "it").expect_err("no ed25519");
        assert!(
            error.to_string().contains("no ed25519 public key"),
            "{error}"
        );
    }
}
