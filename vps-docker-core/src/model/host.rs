use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::container_spec::Labels;
use super::ssh_config::quoted;
use super::{HostId, HostName, InstanceId, Timestamp};

/// A host as a listing shows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HostInfo {
    /// The host's identity.
    pub id: HostId,
    /// The host's name.
    pub name: HostName,
    /// The provider's registered name.
    pub provider: String,
    /// The provider's id of the instance.
    pub instance_id: InstanceId,
    /// Where it is reached.
    pub address: IpAddr,
    /// What it is doing.
    pub state: HostState,
    /// When it was created.
    pub created_at: Timestamp,
    /// The user's labels.
    pub labels: Labels,
    /// The door to the VPS.
    pub vps_ssh: SshEndpoint,
    /// The door to the container.
    pub container_ssh: SshEndpoint,
}

/// What a host is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HostState {
    /// Being created.
    Provisioning,
    /// The container runs.
    Running,
    /// The container was stopped in order.
    Stopped,
    /// The container ended by itself.
    Crashed,
    /// The VPS cannot be reached; what it is doing is not known.
    Unreachable,
    /// It will not come up by itself.
    Failed,
    /// Powered off or kept as a snapshot to save money.
    Parked,
    /// Being destroyed.
    Destroying,
}

/// An SSH door with everything that a strict `ssh` needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshEndpoint {
    /// Login name.
    pub user: String,
    /// Address.
    pub host: IpAddr,
    /// Port.
    pub port: u16,
    /// File with the private key; with the public one, where an agent holds the private one.
    pub identity_file: PathBuf,
    /// The socket of that agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_agent: Option<PathBuf>,
    /// Lines for a `known_hosts` file that pin this end and nothing else.
    pub known_hosts: String,
    /// A file that holds those lines.
    pub known_hosts_file: PathBuf,
}

impl SshEndpoint {
    /// Address and port.
    #[must_use]
    pub fn door(&self) -> SocketAddr {
        (self.host, self.port).into()
    }

    /// The words of an `ssh` command that gets in, strictly checked and independent of the user's
    /// own configuration.
    #[must_use]
    pub fn command(&self) -> Vec<String> {
        let mut words = vec!["ssh".to_owned(), "-F".to_owned(), "none".to_owned()];
        words.extend(self.options());
        words.extend([
            "-p".to_owned(),
            self.port.to_string(),
            format!("{}@{}", self.user, self.host),
        ]);
        words
    }

    /// The agent that is asked: without one, none, whatever the environment says.
    pub(super) fn agent_option(&self, write: impl Fn(&Path) -> String) -> String {
        let agent = self.identity_agent.as_deref();
        agent.map_or_else(|| "none".to_owned(), write)
    }

    /// The `-o` options alone, for `scp`, `sftp` or `rsync -e`.
    #[must_use]
    pub fn options(&self) -> Vec<String> {
        [
            format!("IdentityFile={}", quoted(&self.identity_file)),
            "IdentitiesOnly=yes".to_owned(),
            format!("IdentityAgent={}", self.agent_option(quoted)),
            format!("UserKnownHostsFile={}", quoted(&self.known_hosts_file)),
            "GlobalKnownHostsFile=/dev/null".to_owned(),
            "StrictHostKeyChecking=yes".to_owned(),
            "HostKeyAlgorithms=ssh-ed25519".to_owned(),
        ]
        .into_iter()
        .flat_map(|option| ["-o".to_owned(), option])
        .collect()
    }
}
