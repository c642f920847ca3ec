use std::time::Duration;

use tokio::time::Instant;

use super::served::wait_until_served;
use crate::docker::CONTAINER_SSH_DIR;
use crate::error::{ErrorKind, Result};
use crate::keys::PublicKey;
use crate::model::SshEndpoint;
use crate::ssh::{Connection, TransportExt, join};
use crate::store::{HostRecord, HostStore};

/// How long the container's sshd may take to serve the key that it was told to.
const SWITCH_TIMEOUT: Duration = Duration::from_secs(30);

/// Gives the container's sshd another host key, made on the VPS. While it changes over, the record on
/// the pinned VPS has both keys. Whoever comes next brings to its end what was cut off. `door` is where
/// it answers, if it runs.
pub(in crate::lifecycle) async fn rotate_container_key(
    store: &HostStore,
    vps: &Connection,
    door: Option<&SshEndpoint>,
) -> Result<HostRecord> {
    let next: PublicKey = step(vps, "prepare").await?.parse()?;
    let record = store
        .update(|record| record.next_container_host_key = Some(next.clone()))
        .await?;
    step(vps, "switch").await?;
    if let Some((door, old)) = door.zip(record.container_host_key.as_ref()) {
        let deadline = Instant::now() + SWITCH_TIMEOUT;
        wait_until_served((door.host, door.port).into(), &next, old, deadline).await?;
    }
    let record = store
        .update(|record| {
            record.container_host_key = Some(next.clone());
            record.next_container_host_key = None;
        })
        .await?;
    step(vps, "finish").await?;
    Ok(record)
}

async fn step(vps: &Connection, step: &str) -> Result<String> {
    let script = include_str!("container-key.sh");
    let command = join(["sh", "-c", script, "container-key", step, CONTAINER_SSH_DIR]);
    let output = vps.run(&command, b"").await?;
    output.success(ErrorKind::State, "replacing the host key of the container")
}
