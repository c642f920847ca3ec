//! SSH keys. A file of its own because Vultr keeps the same key as often as it is told, so that it is
//! for us to see that there is one.

use data_encoding::BASE64;
use tokio::time::Instant;
use vps_docker_core::http::gone_is_success;
use vps_docker_core::model::{SshKey, SshKeyId};
use vps_docker_core::{Error, ErrorKind, Result};

use crate::api::{Api, check_id};
use crate::wire::{self, NewSshKey, SshKeyAnswer, SshKeys};

/// *List SSH Keys*, and *Create SSH key* where there is none of that type and material. Of many who
/// ask for the same key at once, one makes it.
pub(crate) async fn ensure(api: &Api, name: &str, public_key: &str) -> Result<SshKeyId> {
    let operation = "ensure_ssh_key";
    let wanted = material(public_key).filter(is_key).ok_or_else(|| {
        Error::new(
            ErrorKind::Invalid,
            "that is no public key; one is a line such as \"ssh-ed25519 AAAA… comment\"",
        )
        .with_operation(operation)
    })?;
    let list = || api.list::<SshKeys>(operation, &["ssh-keys"]);
    // Held until the key is there: the next one finds it in what was listed.
    let mut look = api.ssh_keys.since(Instant::now(), list).await?;
    if let Some(id) = find(&look.items, wanted) {
        return Ok(id);
    }
    let key = NewSshKey {
        name,
        ssh_key: public_key.trim(),
    };
    let request = api.http.post(operation, ["ssh-keys"]).body(&key);
    match request.json::<SshKeyAnswer>().await {
        Ok(answer) => {
            let id = SshKeyId::new(answer.ssh_key.id.as_str());
            // What the answer says of the key's material need not be complete.
            look.items.push(wire::SshKey {
                ssh_key: key.ssh_key.to_owned(),
                ..answer.ssh_key
            });
            Ok(id)
        }
        // It may be a duplicate by now, or have been made although the answer was lost.
        Err(error) if error.is_unclear() || error.kind() == ErrorKind::Invalid => {
            let listed = list().await.unwrap_or_default();
            find(&listed, wanted).ok_or(error)
        }
        Err(error) => Err(error),
    }
}

/// *List SSH Keys*.
pub(crate) async fn list(api: &Api) -> Result<Vec<SshKey>> {
    let listed = api.list::<SshKeys>("list_ssh_keys", &["ssh-keys"]).await?;
    let key = |key: wire::SshKey| SshKey {
        id: SshKeyId::new(key.id.as_str()),
        name: key.name,
    };
    Ok(listed.into_iter().map(key).collect())
}

/// *Delete SSH Key*.
pub(crate) async fn delete(api: &Api, id: &SshKeyId) -> Result<()> {
    if check_id(id.as_str()).is_err() {
        return Ok(());
    }
    let request = api.http.delete("delete_ssh_key", ["ssh-keys", id.as_str()]);
    gone_is_success(request.done().await)
}

fn find(keys: &[wire::SshKey], wanted: (&str, &str)) -> Option<SshKeyId> {
    let same = |key: &&wire::SshKey| material(&key.ssh_key) == Some(wanted);
    keys.iter()
        .find(same)
        .map(|key| SshKeyId::new(key.id.as_str()))
}

/// Type and key of a line, without its comment.
fn material(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split_whitespace();
    Some((words.next()?, words.next()?))
}

/// Whether the key begins with its type, as all do (RFC 4253, section 6.6): Vultr need not look.
fn is_key((kind, base64): &(&str, &str)) -> bool {
    let Ok(bytes) = BASE64.decode(base64.as_bytes()) else {
        return false;
    };
    let Some((length, rest)) = bytes.split_first_chunk() else {
        return false;
    };
    let length = u32::from_be_bytes(*length) as usize;
    rest.len() > length && rest[..length] == *kind.as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_its_material_whatever_its_name() {
        let key = |id: &str, line: &str| wire::SshKey {
            id: serde_json::from_value(id.into()).expect("an id"),
            name: "laptop".to_owned(),
            ssh_key: line.to_owned(),
        };
        let keys = [
            key("1", ""),
            key("2", "ssh-rsa AAAA me@home"),
            key("3", " ssh-ed25519  AAAA me@home\n"),
        ];
        let wanted = material("ssh-ed25519 AAAA vps-docker").expect("a key");
        assert_eq!(find(&keys, wanted), Some(SshKeyId::new("3")));
        assert_eq!(find(&keys, ("ssh-ed25519", "AAAB")), None);
        assert_eq!(material("AAAA"), None);
    }

    #[test]
    fn what_is_no_key_is_none() {
        let legal = |line: &str| material(line).is_some_and(|key| is_key(&key));
        let line =
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJKmPDlYaBgAEHQ6c1hWGxKsVRHkUJeWxYxQkC6jHv1c";
        assert!(legal(line));
        assert!(legal(&format!("{line} with a comment\n")));
        for bad in [
            "",
            "no key",
            "ssh-ed25519 AAAA",
            "ssh-ed25519",
            &line.replace("ed25519 ", "rsa "),
        ] {
            assert!(!legal(bad), "{bad}");
        }
    }
}
