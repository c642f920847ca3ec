use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Serialize, Serializer};

use crate::error::Error;
use crate::model::{HostId, HostState, InstanceId, OwnerId, Pressure, SshEndpoint, Timestamp};
use crate::store::{AgentRecord, HostSnapshot, StopMark};

/// A host as discovery finds it: whole, or as much of it as can be told.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct ListedHost {
    /// The host's identity; `None` when the instance's tags do not tell.
    pub id: Option<HostId>,
    /// The host's name, else that of the instance.
    pub name: String,
    /// The provider's registered name.
    pub provider: String,
    /// The provider's id of the instance.
    pub instance_id: InstanceId,
    /// Where it is reached; `None` while it has no address.
    pub address: Option<IpAddr>,
    /// What it is doing.
    pub state: HostState,
    /// Who ordered it; `None` when its tags do not tell.
    pub owner: Option<OwnerId>,
    /// When it was created, where that is known.
    pub created_at: Option<Timestamp>,
    /// When its time to live ends; `None` where it has none.
    pub expires_at: Option<Timestamp>,
    /// The user's labels.
    pub labels: BTreeMap<String, String>,
    /// The door to the VPS, where its key is known.
    pub vps_ssh: Option<SshEndpoint>,
    /// The door to the container, where its key is known.
    pub container_ssh: Option<SshEndpoint>,
    /// What clients keep under it; of a stopped host too.
    pub agents: Vec<AgentRecord>,
    /// Its snapshots, the oldest first; of a stopped host too.
    pub snapshots: Vec<HostSnapshot>,
    /// Who stopped it and why.
    pub stopped: Option<StopMark>,
    /// What its container has run out of, and disks that are full.
    pub pressures: Vec<Pressure>,
    /// What is wrong with it.
    #[serde(serialize_with = "text")]
    pub problem: Option<Error>,
}

fn text<S: Serializer>(error: &Option<Error>, serializer: S) -> Result<S::Ok, S::Error> {
    error
        .as_ref()
        .map(ToString::to_string)
        .serialize(serializer)
}
