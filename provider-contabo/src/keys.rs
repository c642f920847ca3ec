//! SSH keys, which are secrets of type `ssh` here. A file of its own because a listing does not show
//! them: each has to be asked for.

use std::pin::pin;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use vps_docker_core::model::{SshKey, SshKeyId};
use vps_docker_core::{Error, ErrorKind, Result};

use crate::cloud::Cloud;
use crate::wire::Secret;

/// The longest value of a secret. An ed25519 key has some 100 characters, an RSA key of 4096 bits more
/// than 700.
const VALUE_LIMIT: usize = 500;
/// The longest name of one.
const NAME_LIMIT: usize = 255;
/// How many secrets are asked for at a time.
const AT_ONCE: usize = 4;

/// Makes a key known. Idempotent: by key material, whatever name it has there.
pub(crate) async fn ensure(cloud: &Cloud, name: &str, public_key: &str) -> Result<SshKeyId> {
    let public_key = public_key.trim();
    let Some(material) = material(public_key) else {
        return Err(invalid(
            "that is no SSH public key; give one line such as ssh-ed25519 AAAA… comment".to_owned(),
        ));
    };
    let (length, name_length) = (public_key.chars().count(), name.chars().count());
    if length > VALUE_LIMIT {
        return Err(invalid(format!(
            "the SSH public key has {length} characters, and Contabo has room for {VALUE_LIMIT}; \
             use an ed25519 key"
        )));
    }
    if !(1..=NAME_LIMIT).contains(&name_length) {
        return Err(invalid(format!(
            "the SSH key's name has {name_length} characters; use 1 to {NAME_LIMIT}"
        )));
    }
    if let Some(id) = find(cloud, name, material).await? {
        return Ok(id);
    }
    match cloud.api.create_ssh_key(name, public_key).await {
        Ok(created) => Ok(key_id(created.secret_id)),
        // Somebody else was faster, or it was carried out.
        Err(error) if error.kind() == ErrorKind::NameTaken || error.is_unclear() => {
            find(cloud, name, material).await?.ok_or(error)
        }
        Err(error) => Err(error),
    }
}

/// Lists those of the account.
pub(crate) async fn list(cloud: &Cloud) -> Result<Vec<SshKey>> {
    let keys = cloud.api.ssh_keys().await?.into_iter();
    let key = |secret: Secret| SshKey {
        id: key_id(secret.secret_id),
        name: secret.name,
    };
    Ok(keys.map(key).collect())
}

/// Forgets one. Idempotent.
pub(crate) async fn delete(cloud: &Cloud, id: &SshKeyId) -> Result<()> {
    match id.as_str().parse() {
        Ok(id) => cloud.api.delete_ssh_key(id).await,
        // There can be none of such an id.
        Err(_) => Ok(()),
    }
}

/// The key of that material, looked for under that name first.
async fn find(cloud: &Cloud, name: &str, wanted: (&str, &str)) -> Result<Option<SshKeyId>> {
    let mut keys = cloud.api.ssh_keys().await?;
    keys.sort_by_key(|key| key.name != name);
    let is_it = |key: &Secret| material(&key.value) == Some(wanted);
    if let Some(key) = keys.iter().find(|key| is_it(key)) {
        return Ok(Some(key_id(key.secret_id)));
    }
    keys.retain(|key| key.value.trim().is_empty());
    let asked = stream::iter(keys).map(|key| show(cloud, key.secret_id));
    let mut asked = pin!(asked.buffered(AT_ONCE));
    while let Some(shown) = asked.try_next().await? {
        if let Some(key) = shown.filter(is_it) {
            return Ok(Some(key_id(key.secret_id)));
        }
    }
    Ok(None)
}

/// One key with its value; `None` when it was deleted since the listing.
async fn show(cloud: &Cloud, id: u64) -> Result<Option<Secret>> {
    match cloud.api.ssh_key(id).await {
        Ok(key) => Ok(Some(key)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Type and key; the comment makes no difference.
fn material(public_key: &str) -> Option<(&str, &str)> {
    let mut words = public_key.split_whitespace();
    let (kind, key) = (words.next()?, words.next()?);
    (kind.contains('-') && key.len() >= 16).then_some((kind, key))
}

fn key_id(id: u64) -> SshKeyId {
    SshKeyId::new(id.to_string())
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_makes_no_difference() {
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA";
        assert_eq!(material(key), material(&format!("{key} me@example\n")));
        assert_ne!(material(key), material(&format!("{key}B")));
        for text in ["", "ssh-ed25519", "password", "two words"] {
            assert_eq!(material(text), None);
        }
    }
}
