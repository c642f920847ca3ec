//! SSH keys. A file of its own to keep `client.rs` short: Hetzner refuses a second key of the same
//! name and a second one of the same material, and both must be told apart.

use data_encoding::BASE64;
use vps_docker_core::http::gone_is_success;
use vps_docker_core::model::{HostTags, SshKey, SshKeyId};
use vps_docker_core::{Error, ErrorKind, Result};

use crate::client::Cloud;
use crate::convert;
use crate::error::is_not_unique;
use crate::wire::{self, CreateSshKey, Labels, SshKeyAnswer};

impl Cloud {
    /// `GET /ssh_keys`, and `POST /ssh_keys` where none has this material.
    pub(crate) async fn ensure_ssh_key(&self, name: &str, public_key: &str) -> Result<SshKeyId> {
        let Some((kind, material)) = parts(public_key).filter(is_whole) else {
            return Err(Error::new(
                ErrorKind::Invalid,
                "this is no public key; write the line of a .pub file, such as ssh-ed25519 AAAA…",
            ));
        };
        if let Some(id) = self.find_ssh_key(public_key).await? {
            return Ok(id);
        }
        // Where another key has the name, ours gets one of its own.
        let tail = material.trim_end_matches('=');
        let tail = &tail[tail.len().saturating_sub(8)..];
        let mut refused = None;
        for name in [name.to_owned(), format!("{name}-{tail}")] {
            match self
                .make_ssh_key(&name, &format!("{kind} {material}"))
                .await
            {
                Err(error) if is_not_unique(&error) => refused = Some(error),
                other => return other,
            }
            // Somebody else was quicker, or the answer to our own first try was lost.
            if let Some(id) = self.find_ssh_key(public_key).await? {
                return Ok(id);
            }
        }
        Err(refused.expect("both names were refused, or one of the rounds would have returned"))
    }

    /// `GET /ssh_keys`.
    pub(crate) async fn ssh_keys(&self) -> Result<Vec<SshKey>> {
        let keys = self
            .all::<wire::SshKey>("list_ssh_keys", &["ssh_keys"], &[])
            .await?;
        let key = |key: wire::SshKey| SshKey {
            id: SshKeyId::new(key.id.to_string()),
            name: key.name,
        };
        Ok(keys.into_iter().map(key).collect())
    }

    /// `DELETE /ssh_keys/{id}`.
    pub(crate) async fn delete_ssh_key(&self, id: &SshKeyId) -> Result<()> {
        // What cannot be an id of Hetzner's is not there.
        let Some(id) = convert::number(id.as_str()) else {
            return Ok(());
        };
        let request = self
            .api
            .delete("delete_ssh_key", ["ssh_keys", &id.to_string()]);
        gone_is_success(request.done().await)
    }

    async fn find_ssh_key(&self, public_key: &str) -> Result<Option<SshKeyId>> {
        let keys = self
            .all::<wire::SshKey>("ensure_ssh_key", &["ssh_keys"], &[])
            .await?;
        let same = |key: &wire::SshKey| parts(&key.public_key) == parts(public_key);
        let found = keys.into_iter().find(same);
        Ok(found.map(|key| SshKeyId::new(key.id.to_string())))
    }

    /// Made twice it is refused: so it may be sent again.
    async fn make_ssh_key(&self, name: &str, public_key: &str) -> Result<SshKeyId> {
        let body = CreateSshKey {
            name,
            public_key,
            labels: &Labels::from([(HostTags::MARKER.to_owned(), String::new())]),
        };
        let request = self.api.post("ensure_ssh_key", ["ssh_keys"]).body(&body);
        let made: SshKeyAnswer = request.repeatable().json().await?;
        Ok(SshKeyId::new(made.ssh_key.id.to_string()))
    }
}

/// Type and material of a public key; the comment makes no difference.
fn parts(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split_whitespace();
    Some((words.next()?, words.next()?))
}

/// Whether the material is that of a key of the type: it begins with the type's name (RFC 4253, section
/// 6.6), and more follows.
fn is_whole((kind, material): &(&str, &str)) -> bool {
    let Ok(bytes) = BASE64.decode(material.as_bytes()) else {
        return false;
    };
    let length = u32::try_from(kind.len()).unwrap_or(u32::MAX).to_be_bytes();
    let after_length = bytes.strip_prefix(&length);
    let rest = after_length.and_then(|rest| rest.strip_prefix(kind.as_bytes()));
    rest.is_some_and(|rest| rest.len() > size_of::<u32>())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 \
        AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me@home";

    #[test]
    fn keys_are_compared_without_their_comment() {
        let other = KEY.replace("me@home", "\n").replace(' ', "\t");
        assert_eq!(parts(KEY), parts(&other));
        assert_ne!(parts(KEY), parts(&KEY.replace("ssh-ed25519", "ssh-rsa")));
    }

    #[test]
    fn what_is_no_key_is_known_for_it() {
        assert!(parts(KEY).is_some_and(|parts| is_whole(&parts)));
        let other_type = KEY.replace("ssh-ed25519", "ssh-rsa");
        let no_more = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5";
        for none in [
            "",
            "ssh-ed25519",
            "no key",
            "ssh-ed25519 AAAA",
            &other_type,
            no_more,
        ] {
            assert!(!parts(none).is_some_and(|parts| is_whole(&parts)), "{none}");
        }
    }
}
