use std::collections::BTreeMap;

use jiff::Timestamp;
use md5::{Digest, Md5};
use serde_json::{Map, Value};
use ssh_key::PublicKey;

use super::World;
use crate::cloud_sim::id::Id;
use crate::cloud_sim::refusal::{Reason, Refusal};

/// An SSH public key that the account keeps.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) id: Id,
    pub(crate) name: String,
    /// The line as it was sent.
    pub(crate) line: String,
    /// MD5 with colons, as the clouds that show fingerprints do.
    pub(crate) fingerprint: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) created: Timestamp,
    pub(crate) foreign: bool,
    /// What only this cloud says of its keys.
    pub(crate) extra: Map<String, Value>,
}

impl World {
    /// Enters an SSH key.
    ///
    /// # Errors
    /// When it is none, or when the cloud wants names or keys to be unique and there is one.
    pub(crate) fn add_key(&mut self, name: &str, line: &str) -> Result<Id, Refusal> {
        let fingerprint = fingerprint(line)?;
        let mut keys = self.keys.values();
        if self.rules.unique_keys && keys.any(|key| key.fingerprint == fingerprint) {
            let why = "SSH key with the same fingerprint already exists";
            return Err(Refusal::new(Reason::KeyTaken, why).at("public_key"));
        }
        if self.rules.unique_key_names && self.keys.values().any(|key| key.name == name) {
            let why = "SSH key with the same name already exists";
            return Err(Refusal::new(Reason::NameTaken, why).at("name"));
        }
        let id = self.next_id();
        let key = Key {
            id,
            name: name.to_owned(),
            line: line.trim().to_owned(),
            fingerprint,
            labels: BTreeMap::new(),
            created: Timestamp::now(),
            foreign: false,
            extra: Map::new(),
        };
        self.keys.insert(id, key);
        Ok(id)
    }

    /// A key of the account.
    ///
    /// # Errors
    /// Not found.
    pub(crate) fn key(&self, id: Id) -> Result<&Key, Refusal> {
        self.keys
            .get(&id)
            .ok_or_else(|| Refusal::not_found("SSH key"))
    }

    pub(super) fn add_foreign_key(&mut self, number: usize) {
        // Any 32 bytes are a point of the curve as far as a text goes.
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&(number as u64).to_be_bytes());
        let key = PublicKey::from(ssh_key::public::Ed25519PublicKey(bytes));
        let line = key.to_openssh().expect("an ed25519 key has a text");
        let id = self.add_key(&format!("foreign-{number}"), &line);
        if let Ok(Some(key)) = id.map(|id| self.keys.get_mut(&id)) {
            key.foreign = true;
        }
    }
}

/// That by which two of the clouds name keys: MD5, as pairs of hexadecimal digits with colons between.
fn fingerprint(line: &str) -> Result<String, Refusal> {
    let unfit = || Refusal::invalid("public_key", "the SSH public key is not valid");
    let key: PublicKey = line.trim().parse().map_err(|_| unfit())?;
    let digest = Md5::digest(key.to_bytes().map_err(|_| unfit())?);
    let pairs: Vec<String> = digest.iter().map(|octet| format!("{octet:02x}")).collect();
    Ok(pairs.join(":"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_is_that_of_ssh_keygen() {
        // ssh-keygen -l -E md5
        let line =
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICBFWwSjKHbOVpla+hVEyvE5a9si09gjCcr3IeFMopl4";
        let shown = fingerprint(line).expect("a key");
        assert_eq!(
            fingerprint(&format!("{line} me@here\n")).expect("a key"),
            shown
        );
        assert_eq!(shown, "3f:48:a0:2a:01:d3:42:ec:73:52:d5:57:67:fe:0d:c0");
        fingerprint("ssh-ed25519 garbage").expect_err("no key");
    }
}
