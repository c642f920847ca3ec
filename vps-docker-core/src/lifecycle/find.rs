use std::sync::Arc;

use super::Host;
use super::engine::Engine;
use super::host::Doors;
use crate::client::VpsClientExt;
use crate::docker::{DockerOverSsh, container_state};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{HostName, HostState, HostTags, Instance, InstanceState};
use crate::store::{HostRecord, HostStore};

/// Finds a host by what this side knows of it and the provider's listing.
#[tracing::instrument(name = "host", skip_all, fields(host = %name))]
pub(super) async fn host(engine: &Arc<Engine>, name: &HostName) -> Result<Host> {
    let place = |error: Error| error.with_host(name).with_operation("host");
    find(engine, name).await.map_err(place)
}

async fn find(engine: &Arc<Engine>, name: &HostName) -> Result<Host> {
    let entry = engine.entry(name);
    let Some(mut known) = entry.read()? else {
        return Err(not_known_here(engine, name).await?);
    };
    let instance = engine.client.instance(&known.instance_id).await?;
    if let Some(address) = instance.address.filter(|address| *address != known.address) {
        // The machine is known by its key, wherever it stands.
        known.address = address;
        entry.pin_vps(&known)?;
    }
    let doors = Doors::new(engine, name, known.address);
    let unreachable = |doors, state| Ok(Host::unreachable(engine, name, &known, doors, state));
    if let Some(state) = without_asking(&instance) {
        return unreachable(doors, state);
    }
    let limit = engine.settings.ssh_connect_timeout;
    let vps = match engine.connect(&doors.vps, limit, false).await {
        Ok(vps) => vps,
        Err(error) if matches!(error.kind(), ErrorKind::Unreachable | ErrorKind::Timeout) => {
            tracing::info!(%error, "the VPS does not answer");
            return unreachable(doors, HostState::Unreachable);
        }
        Err(error) => return Err(error.with_instance(&instance.id)),
    };
    let store = HostStore::new(vps.clone());
    let docker = DockerOverSsh::new(vps.clone());
    let (record, container) = tokio::try_join!(store.read(), container_state(&docker))?;
    let record = record.ok_or_else(|| {
        Error::new(
            ErrorKind::State,
            "the VPS is ours but holds no record: its create did not get far; destroy it",
        )
        .with_instance(&instance.id)
    })?;
    let state = state(&record, container);
    let doors = doors.with_record(&record);
    doors.pin_container(&entry)?;
    Ok(Host::found(engine, record, doors, state, vps))
}

/// What an instance is doing that the provider says is not running: nobody would answer there.
fn without_asking(instance: &Instance) -> Option<HostState> {
    match instance.state {
        InstanceState::Stopped => Some(HostState::Parked),
        InstanceState::Destroying => Some(HostState::Destroying),
        InstanceState::Failed => Some(HostState::Failed),
        _ => None,
    }
}

fn state(record: &HostRecord, container: Option<(String, i64)>) -> HostState {
    if record.ready_at.is_none() {
        return HostState::Provisioning;
    }
    match container {
        None => HostState::Failed,
        Some((state, code)) => match (state.as_str(), code) {
            ("running" | "paused", _) => HostState::Running,
            ("exited" | "created", 0 | 130 | 137 | 143) => HostState::Stopped,
            _ => HostState::Crashed,
        },
    }
}

/// There are no pins here: either there is no such host, or it was made elsewhere.
async fn not_known_here(engine: &Engine, name: &HostName) -> Result<Error> {
    let instances = engine.client.marked_instances().await?;
    let elsewhere = instances
        .iter()
        .find(|instance| instance.tag(HostTags::NAME) == Some(name.as_str()));
    Ok(match elsewhere {
        None => Error::new(ErrorKind::NotFound, "there is no host of that name"),
        Some(instance) => Error::new(
            ErrorKind::NotFound,
            format!(
                "the host is not known in {}: it was made with another data directory, and its \
                 host key is pinned there",
                engine.data_dir.path().display()
            ),
        )
        .with_instance(&instance.id),
    })
}
