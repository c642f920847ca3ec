use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::document::Document;
use crate::keys::PublicKey;
use crate::model::{
    ContainerSpec, Exposure, HostId, HostName, IdlePolicy, InstanceId, OwnerId, Timestamp,
    TlsClient,
};

/// The version of the records this program writes. It reads this one and, by migration, older
/// ones; newer ones it refuses.
///
/// Migration rule: a field that is added has a default and leaves the version alone; a change that
/// an older program would misread raises it, and the older form is read and converted here.
pub const SCHEMA_VERSION: u32 = 1;

/// What the state volume knows of a host. The truth about it, wherever it is managed from.
///
/// Two things are not in it, for they are asked where they are true: what the container is doing
/// (Docker knows), and the snapshots and agents (documents of their own beside it).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostRecord {
    /// See [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Raised by one at every write; compared before it.
    pub generation: u64,
    /// The host's identity.
    pub id: HostId,
    /// The host's name.
    pub name: HostName,
    /// The provider's registered name.
    pub provider: String,
    /// Who ordered it.
    pub owner: OwnerId,
    /// The provider's id of the instance.
    pub instance_id: InstanceId,
    /// When its create began.
    pub created_at: Timestamp,
    /// When its create ended; absent before.
    pub ready_at: Option<Timestamp>,
    /// When its time to live ends; absent where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The operating system that was asked for; absent where none was, and in records of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os: Option<String>,
    /// The user's labels.
    pub labels: BTreeMap<String, String>,
    /// What was asked for.
    pub container: ContainerSpec,
    /// Base directory in the container where the data volume is mounted.
    pub host_dir: String,
    /// The image that runs: the user's with sshd in it.
    pub derived_image: Option<String>,
    /// The words of the container's command: what was asked for, or the image's own at that time.
    #[serde(default)]
    pub container_command: Vec<String>,
    /// The id of the image that sshd was brought into; absent for one that came with a snapshot, and in records of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_image: Option<String>,
    /// The digest of what that image was built of here; absent for one that was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_digest: Option<String>,
    /// By which the container that took another's place is known, a label of it; absent for a host's first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// Who logs in to the container: the image's own user.
    pub login_user: Option<String>,
    /// The host key of the container's sshd.
    pub container_host_key: Option<PublicKey>,
    /// The key that it is about to have, while its key is being changed: as good as the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_container_host_key: Option<PublicKey>,
    /// The port of the container's sshd on the VPS.
    pub container_ssh_port: u16,
    /// When the container is stopped for want of use.
    #[serde(default)]
    pub idle_policy: IdlePolicy,
    /// From where the host may be reached; absent where nobody was named, and in records of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposure: Option<Exposure>,
    /// The Docker endpoint for other tools; absent where it is not open. Written before anything
    /// listens, and removed after nothing does any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_endpoint: Option<EndpointRecord>,
}

/// What the record says of the Docker endpoint. What the VPS has of it is made from this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointRecord {
    /// Its TCP port.
    pub port: u16,
    /// Whether it was agreed that the whole world may reach it.
    pub open_to_world: bool,
    /// The certificate of the authority whose certificates it has and takes, PEM: that of the data
    /// directory which opened it.
    pub authority: String,
    /// The client certificates that were given out; those that have expired go with the next change.
    pub clients: Vec<TlsClient>,
}

impl Document for HostRecord {
    fn path(&self) -> String {
        "host.json".into()
    }

    fn generation(&mut self) -> &mut u64 {
        &mut self.generation
    }
}
