use std::net::IpAddr;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{InstanceId, SnapshotId, SshKeyId, Tags, Timestamp};

/// What a provider is asked to create.
#[derive(Clone, Debug)]
pub struct InstanceSpec {
    /// Name and host name of the instance.
    pub name: String,
    /// Id of a region of the catalogue.
    pub region: String,
    /// Id of a plan of the catalogue.
    pub plan: String,
    /// What it boots from.
    pub image: BootImage,
    /// The cloud-init document, plain text. Secret: it holds the bootstrap host key.
    pub user_data: SecretString,
    /// Keys that may log in as the image's administrator.
    pub ssh_keys: Vec<SshKeyId>,
    /// Set in the same call, so that the instance is never without them.
    pub tags: Tags,
}

/// What an instance boots from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BootImage {
    /// An image of the catalogue, by id.
    Catalog(String),
    /// A snapshot of an instance.
    Snapshot(SnapshotId),
}

/// A provider's VPS as the provider describes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Instance {
    /// The provider's id.
    pub id: InstanceId,
    /// Its name at the provider.
    pub name: String,
    /// What it is doing, as far as the provider knows.
    pub state: InstanceState,
    /// Public address, IPv4 preferred; `None` while there is none yet.
    pub address: Option<IpAddr>,
    /// The port of its sshd: 22, but for a machine that was adopted with another.
    #[serde(default = "ssh_port")]
    pub ssh_port: u16,
    /// Region id.
    pub region: String,
    /// Plan id.
    pub plan: String,
    /// All its tags, ours and others.
    pub tags: Tags,
    /// When it was created; `None` when the provider does not tell.
    pub created_at: Option<Timestamp>,
    /// What the provider says of its state, for people: what failed, what it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Instance {
    /// An instance with the given id, name and state, and nothing else known yet.
    pub fn new(id: InstanceId, name: impl Into<String>, state: InstanceState) -> Self {
        Self {
            id,
            name: name.into(),
            state,
            address: None,
            ssh_port: ssh_port(),
            region: String::new(),
            plan: String::new(),
            tags: Tags::new(),
            created_at: None,
            note: None,
        }
    }

    /// The value of a tag.
    #[must_use]
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.tags.get(key).map(String::as_str)
    }
}

fn ssh_port() -> u16 {
    22
}

/// A machine that is there already, as a provider is told of it that [keeps](
/// crate::Capabilities::machine_stays) such ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineSpec {
    /// Name of the host.
    pub name: String,
    /// Where it is reached.
    pub address: IpAddr,
    /// The port of its sshd.
    pub ssh_port: u16,
    /// Set in the same call, so that it is never known without them.
    pub tags: Tags,
}

/// What an instance is doing. An error is never a state: a provider that cannot be asked answers
/// with an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum InstanceState {
    /// Ordered, not yet running.
    Provisioning,
    /// Powered on. Says nothing about SSH or cloud-init.
    Running,
    /// Powered off; billed on by most providers.
    Stopped,
    /// On its way out.
    Destroying,
    /// The provider reports a fault that does not mend itself; [`Instance::note`] says which.
    Failed,
    /// The provider waits for a person: a payment, a verification, an employee of its own.
    /// [`Instance::note`] says for what. It may last for days, so nothing waits for its end.
    AwaitsPerson,
    /// A word of the provider's that we do not know.
    Unknown(String),
}

/// Which instances a listing returns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstanceFilter {
    /// Only those that carry this tag, with this value if one is given.
    pub tag: Option<(String, Option<String>)>,
}

impl InstanceFilter {
    /// Those that carry the tag with the given value.
    pub fn tagged(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            tag: Some((key.into(), Some(value.into()))),
        }
    }

    /// Those that carry the tag, whatever its value.
    pub fn with_tag(key: impl Into<String>) -> Self {
        Self {
            tag: Some((key.into(), None)),
        }
    }

    /// Whether an instance with these tags passes. For providers whose API cannot filter.
    #[must_use]
    pub fn matches(&self, tags: &Tags) -> bool {
        match &self.tag {
            None => true,
            Some((key, None)) => tags.contains_key(key),
            Some((key, Some(value))) => tags.get(key) == Some(value),
        }
    }
}

/// What became of the bill when an instance was destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DestroyOutcome {
    /// It is gone, and so is the bill. Also when it had been gone before.
    Gone,
    /// It is of no more use, but paid for until then.
    EndsAt(Timestamp),
}

/// A turn of the power switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PowerAction {
    /// Power on; nothing happens when it is on.
    On,
    /// Shut down in order, cut off if that takes too long; nothing happens when it is off.
    Off,
    /// Shut down in order and start again.
    Reboot,
}

/// A snapshot of an instance's disk at the provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InstanceSnapshot {
    /// The provider's id.
    pub id: SnapshotId,
    /// Its name at the provider.
    pub name: String,
    /// The instance it was made of, where known.
    pub instance_id: Option<InstanceId>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// Stored size in bytes, where known.
    pub size_bytes: Option<u64>,
    /// Ids of the regions where an instance can be made of it; empty when it can in all.
    #[serde(default)]
    pub regions: Vec<String>,
    /// The disk that an instance made of it needs, in GiB, where known.
    #[serde(default)]
    pub min_disk_gib: Option<u64>,
}

impl InstanceSnapshot {
    /// A snapshot with the given id and name, and nothing else known.
    pub fn new(id: SnapshotId, name: impl Into<String>) -> Self {
        Self {
            id,
            name: name.into(),
            instance_id: None,
            created_at: None,
            size_bytes: None,
            regions: Vec::new(),
            min_disk_gib: None,
        }
    }
}

/// An SSH public key that the provider keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshKey {
    /// The provider's id.
    pub id: SshKeyId,
    /// Its name at the provider.
    pub name: String,
}
