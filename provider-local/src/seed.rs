//! What cloud-init finds on the instance's disk.

use serde_json::json;
use vps_docker_core::model::{InstanceId, SshKeyId};
use vps_docker_core::{Error, ErrorKind, Result};

use crate::archive::Archive;

const SEED: &str = "var/lib/cloud/seed/nocloud/";

/// What one instance's cloud-init is told.
pub(crate) struct Seed<'a> {
    pub(crate) id: &'a InstanceId,
    pub(crate) name: &'a str,
    pub(crate) ssh_keys: &'a [SshKeyId],
    pub(crate) user_data: &'a str,
}

impl Seed<'_> {
    /// The files to put into a container before its first start, as an archive for `/`. With
    /// `seed_from`, all but the bare minimum is fetched from there.
    ///
    /// `machine-id` is emptied: an instance made of a snapshot must not have its original's.
    pub(crate) fn archive(&self, seed_from: Option<&str>) -> Vec<u8> {
        let user_data = match seed_from {
            None => self.user_data,
            Some(_) => "",
        };
        let meta_data = self.meta_data(seed_from);
        Archive::new()
            .directory("var/lib/cloud/seed/", 0o755)
            .directory(SEED, 0o700)
            .file(&format!("{SEED}meta-data"), 0o600, meta_data.as_bytes())
            .file(&format!("{SEED}user-data"), 0o600, user_data.as_bytes())
            .file("etc/machine-id", 0o444, b"")
            .finish()
    }

    /// NoCloud's `meta-data`: JSON is YAML, and needs no care with quotes.
    pub(crate) fn meta_data(&self, seed_from: Option<&str>) -> String {
        let keys: Vec<&str> = self.ssh_keys.iter().map(SshKeyId::as_str).collect();
        let mut meta_data = json!({
            "instance-id": self.id.as_str(),
            "local-hostname": self.name,
            "public-keys": keys,
        });
        if let Some(url) = seed_from {
            meta_data["seedfrom"] = url.into();
        }
        meta_data.to_string()
    }
}

/// Checks a public key, which is its own id: this provider keeps none.
pub(crate) fn public_key(line: &str) -> Result<SshKeyId> {
    const KINDS: &[&str] = &[
        "ssh-ed25519",
        "ssh-rsa",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "sk-ssh-ed25519@openssh.com",
        "sk-ecdsa-sha2-nistp256@openssh.com",
    ];
    let line = line.trim_end_matches(['\r', '\n']);
    let mut words = line.split(' ');
    let kind = words.next().unwrap_or_default();
    let blob = words.next().unwrap_or_default();
    let is_base64 = blob.len() >= 16
        && blob.starts_with("AAAA")
        && blob
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+/=".contains(c));
    if KINDS.contains(&kind) && is_base64 && !line.chars().any(char::is_control) {
        Ok(SshKeyId::new(line))
    } else {
        Err(Error::new(
            ErrorKind::Invalid,
            "the SSH public key must be one line such as `ssh-ed25519 AAAA… comment`; \
             that is what `ssh-keygen` writes to the file ending in .pub",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_one_line_of_a_known_kind() {
        let good =
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICBFWwSjKHbOVpla+hVEyvE5a9si09gjCcr3IeFMopl4";
        assert_eq!(public_key(good).expect("legal").as_str(), good);
        let ended = format!("{good} me@here\n");
        assert_eq!(
            public_key(&ended).expect("legal").as_str(),
            format!("{good} me@here")
        );
        for bad in [
            "",
            "garbage",
            "ssh-ed25519",
            "ssh-ed25519 not/base64!",
            &format!("{good}\n{good}"),
            &format!("command=\"sh\" {good}"),
            &format!("ssh-foo {}", &good[12..]),
            "-----BEGIN OPENSSH PRIVATE KEY-----",
        ] {
            let error = public_key(bad).expect_err(bad);
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(!error.to_string().contains("garbage"));
        }
    }
}
