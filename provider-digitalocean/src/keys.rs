//! The account's SSH keys: <https://docs.digitalocean.com/reference/api/reference/ssh-keys/>. In a file
//! of its own, as they may be listed ten times a minute only: what is known is remembered.

use std::collections::HashMap;

use tokio::sync::Mutex;
use vps_docker_core::http::{RateLimit, gone_is_success};
use vps_docker_core::model::{SshKey, SshKeyId};
use vps_docker_core::{Error, ErrorKind, Result};

use crate::account::Account;
use crate::wire::{self, CreateSshKey, SshKeyBody, SshKeys};

/// What is known of the account's keys: ids by key material.
#[derive(Debug)]
pub(crate) struct KeyRing {
    /// Held over a listing, so that of many who ask one lists and the others wait for it.
    known: Mutex<HashMap<String, u64>>,
    listings: RateLimit,
}

impl KeyRing {
    pub(crate) fn new(listings: RateLimit) -> Self {
        Self {
            known: Mutex::default(),
            listings,
        }
    }

    /// Somebody else may have deleted a key: the next one who needs one lists again.
    pub(crate) async fn doubt(&self) {
        self.known.lock().await.clear();
    }
}

/// The id of a key by what it is, not by its name; it is made known where it is not.
pub(crate) async fn ensure(account: &Account, name: &str, public_key: &str) -> Result<SshKeyId> {
    let material = material(public_key).ok_or_else(|| {
        Error::new(
            ErrorKind::Invalid,
            "this is no SSH public key; give one line such as `ssh-ed25519 AAAA… comment`",
        )
    })?;
    let mut known = account.keys.known.lock().await;
    if !known.contains_key(&material) {
        *known = by_material(list(account).await?);
    }
    if let Some(id) = known.get(&material) {
        return Ok(SshKeyId::new(id.to_string()));
    }
    let made = account
        .api
        .post("ensure_ssh_key", ["account", "keys"])
        .body(&CreateSshKey { name, public_key })
        // A second time it is refused as a duplicate.
        .repeatable()
        .json::<SshKeyBody>()
        .await;
    let id = match made {
        Ok(body) => body.ssh_key.id,
        Err(error) if error.kind() == ErrorKind::NameTaken => {
            *known = by_material(list(account).await?);
            *known.get(&material).ok_or(error)?
        }
        Err(error) => return Err(error),
    };
    known.insert(material, id);
    Ok(SshKeyId::new(id.to_string()))
}

/// All keys of the account.
pub(crate) async fn list_all(account: &Account) -> Result<Vec<SshKey>> {
    let keys = list(account).await?;
    let convert = |key: wire::SshKey| SshKey {
        id: SshKeyId::new(key.id.to_string()),
        name: key.name,
    };
    Ok(keys.into_iter().map(convert).collect())
}

/// Forgets a key, by number or MD5 fingerprint. Idempotent.
pub(crate) async fn delete(account: &Account, id: &SshKeyId) -> Result<()> {
    let is_id = |c: char| c.is_ascii_hexdigit() || c == ':';
    if id.as_str().is_empty() || !id.as_str().chars().all(is_id) {
        return Ok(());
    }
    account.keys.doubt().await;
    let path = ["account", "keys", id.as_str()];
    gone_is_success(account.api.delete("delete_ssh_key", path).done().await)
}

async fn list(account: &Account) -> Result<Vec<wire::SshKey>> {
    let request = || {
        account
            .api
            .get("list_ssh_keys", ["account", "keys"])
            .limited_by(&account.keys.listings)
    };
    account.all::<SshKeys>(request).await
}

fn by_material(keys: Vec<wire::SshKey>) -> HashMap<String, u64> {
    let entry = |key: wire::SshKey| Some((material(&key.public_key)?, key.id));
    keys.into_iter().filter_map(entry).collect()
}

/// Type and base64 of a public key; the comment makes no difference. `None` for anything else, above all for
/// a private key that was given by mistake: it must not be sent.
fn material(public_key: &str) -> Option<String> {
    let mut words = public_key.split_whitespace();
    let (kind, key) = (words.next()?, words.next()?);
    let is_kind = kind.starts_with(|c: char| c.is_ascii_lowercase());
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    (is_kind && key.chars().all(is_base64)).then(|| format!("{kind} {key}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_what_it_is_whatever_its_comment() {
        let key = material("ssh-ed25519 AAAAC3Nz+/= me@home");
        assert_eq!(key.as_deref(), Some("ssh-ed25519 AAAAC3Nz+/="));
        assert_eq!(material("  ssh-ed25519\tAAAAC3Nz+/=\n"), key);
        assert_ne!(material("ssh-rsa AAAAC3Nz+/="), key);
        for text in [
            "",
            "ssh-ed25519",
            "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl",
        ] {
            assert_eq!(material(text), None, "{text}");
        }
    }
}
